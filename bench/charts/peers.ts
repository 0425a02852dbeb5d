import { PEER_WORKS, type Peers, peerRate, peersPresent } from "../peer-samples.ts";
import { bar, rounded } from "./rates.ts";
import { picture, text, WIDTH } from "./svg.ts";

const LABELS_WIDTH = 130;
const FIGURES_WIDTH = 80;
const TOP = 74;
const BAR_ROW = 21;
const GROUP_GAP = 36;

/** Deliveries a CPU-second of every server, by work; null without a run of the peers. */
export function peerChart(peers: Peers | null): string | null {
  if (peers === null) return null;
  const lines: string[] = [];
  let y = TOP;
  for (const work of PEER_WORKS) {
    const rates = peersPresent(peers)
      .flatMap((peer) => {
        const rate = peerRate(peers, peer, work)?.median;
        return rate === undefined ? [] : [{ peer, rate }];
      })
      .toSorted((one, other) => other.rate - one.rate);
    const most = rates[0]?.rate;
    if (most === undefined) continue;
    lines.push(text(0, y, work.title));
    const scale = (WIDTH - LABELS_WIDTH - FIGURES_WIDTH) / most;
    for (const [index, { peer, rate }] of rates.entries()) {
      const top = y + 10 + index * BAR_ROW;
      const kind = peer === "parley" ? "bar" : "other";
      lines.push(text(LABELS_WIDTH - 10, top + 13, peer, { anchor: "end" }));
      lines.push(...bar(kind, LABELS_WIDTH, top, rate, scale, rounded(rate)));
    }
    y += rates.length * BAR_ROW + GROUP_GAP;
  }
  if (lines.length === 0) return null;
  return picture(
    y - GROUP_GAP + 20,
    "Deliveries a CPU-second beside other servers",
    "of all the server's processes; 1:1 is a publish to the others, and stored and confirmed to parley",
    lines,
  );
}
