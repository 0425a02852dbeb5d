import { expect, test } from "bun:test";
import { peerChart } from "../../bench/charts/peers.ts";
import { type Peers, peerRows, peersSchema } from "../../bench/peer-samples.ts";
import { sectionsOf } from "../../bench/sections.ts";
import { emptyReport } from "../support/bench-reports.ts";

type Sample = Peers["samples"][number];

function sample(peer: string, deliveries: number, parts: Partial<Sample> = {}): Sample {
  const loop = { work: "fan-out", receivers: 100, inFlight: 64, serverCpuSeconds: 2 };
  const idle = { connections: 1_000, rssBytesBefore: 0, rssBytesAfter: 2_048_000 };
  return {
    ...{ peer, round: 1, version: "1.2.3", absence: null, failures: [] },
    results: [
      {
        measurements: [
          { kind: "load", ...loop, deliveries },
          { kind: "idle", ...idle },
        ],
      },
    ],
    ...parts,
  };
}

const peers: Peers = {
  machine: { commit: "abc", date: "2026-01-02T03:04:05.000Z" },
  quick: false,
  samples: [
    sample("slow", 2_000, { failures: ["one-to-one: it fell over"] }),
    sample("parley", 6_000_000),
    sample("slow", 4_000, { round: 2 }),
    sample("gone", 0, { version: null, absence: "no Go here", results: [] }),
  ],
};

test("peers have medians over their rounds, and a reason for what is not measured", () => {
  expect(peerRows(peers)).toEqual([
    ["slow", "1.2.3", "1,500", "–", "–", "–", "2.0", "one-to-one: it fell over"],
    ["parley", "1.2.3", "3,000,000", "–", "–", "–", "2.0", ""],
    ["gone", "–", "–", "–", "–", "–", "–", "no Go here"],
  ]);
});

test("a report shows them with their own commit, or not at all", () => {
  const titles = (report = emptyReport()) => sectionsOf(report).map(({ title }) => title);
  expect(titles(emptyReport({ peers }))).toEqual([
    "Beside other servers (abc, 2026-01-02, rounds: 2)",
  ]);
  expect(titles()).toEqual([]);
});

test("their chart begins with the best, without those that are not there", () => {
  const svg = peerChart(peers) ?? "";
  expect(svg.indexOf(">parley<")).toBeLessThan(svg.indexOf(">slow<"));
  expect(svg).not.toContain(">gone<");
  expect(peerChart({ ...peers, samples: [] })).toBeNull();
});

test("what more a run holds is no fault", () => {
  const more = { ...peers, machine: { ...peers.machine, cores: 2 } };
  expect(peersSchema.parse(more)).toEqual(peers);
});
