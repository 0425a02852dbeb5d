import { z } from "zod";
import { type Reading, readingOf } from "./figures.ts";

const measurementSchema = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("load"),
    work: z.string(),
    receivers: z.number(),
    inFlight: z.number(),
    deliveries: z.number(),
    serverCpuSeconds: z.number(),
  }),
  z.object({
    kind: z.literal("idle"),
    connections: z.number(),
    rssBytesBefore: z.number(),
    rssBytesAfter: z.number(),
  }),
]);

const sampleSchema = z.object({
  peer: z.string(),
  round: z.number(),
  version: z.string().nullable(),
  /** Why it was left out; null when it was not. */
  absence: z.string().nullable(),
  results: z.array(z.object({ measurements: z.array(measurementSchema) })),
  /** Work that was not brought to its end, and why. */
  failures: z.array(z.string()),
});

/** A run of `bench/peers.ts`, as far as a report shows it: `bench/results/peers.json`. */
export const peersSchema = z.object({
  machine: z.object({ commit: z.string(), date: z.string() }),
  quick: z.boolean(),
  samples: z.array(sampleSchema),
});
export type Peers = z.infer<typeof peersSchema>;

interface PeerWork {
  readonly title: string;
  readonly work: string;
  readonly receivers: number;
  readonly inFlight: number;
}

export const PEER_WORKS: readonly PeerWork[] = [
  { title: "fan-out 1 → 100, W=64", work: "fan-out", receivers: 100, inFlight: 64 },
  { title: "fan-out 1 → 100, W=1", work: "fan-out", receivers: 100, inFlight: 1 },
  { title: "fan-out 1 → 1,000, W=64", work: "fan-out", receivers: 1_000, inFlight: 64 },
  { title: "1:1, 1,000 users, W=256", work: "one-to-one", receivers: 1_000, inFlight: 256 },
];

/** Of all that could be had, in their order. */
export function peersPresent({ samples }: Peers): string[] {
  return [...new Set(samples.filter(({ absence }) => absence === null).map(({ peer }) => peer))];
}

/** Deliveries a CPU-second of a peer; null where it was not measured. */
export function peerRate(peers: Peers, peer: string, work: PeerWork): Reading | null {
  return readingOf(
    measurementsOf(peers, peer).flatMap((each) =>
      each.kind === "load" &&
      each.work === work.work &&
      each.receivers === work.receivers &&
      each.inFlight === work.inFlight
        ? [each.deliveries / each.serverCpuSeconds]
        : [],
    ),
  );
}

/** KiB of RSS that a connection adds; null where it was not measured. */
function peerKib(peers: Peers, peer: string): Reading | null {
  return readingOf(
    measurementsOf(peers, peer).flatMap((each) =>
      each.kind === "idle"
        ? [(each.rssBytesAfter - each.rssBytesBefore) / each.connections / 1_024]
        : [],
    ),
  );
}

export const PEER_COLUMNS: readonly string[] = [
  ...["deliveries a CPU-second", "version", ...PEER_WORKS.map(({ title }) => title)],
  ...["KiB a connection", "not measured, and why"],
];

/** Each peer, those that were left out too, with the reason. */
export function peerRows(peers: Peers): string[][] {
  return [...new Set(peers.samples.map(({ peer }) => peer))].map((peer) => {
    const own = peers.samples.filter((sample) => sample.peer === peer);
    const reasons = own.flatMap(({ absence, failures }) =>
      absence === null ? failures : [absence],
    );
    const kib = peerKib(peers, peer);
    return [
      peer,
      own.find(({ version }) => version !== null)?.version ?? "–",
      ...PEER_WORKS.map((work) => whole(peerRate(peers, peer, work))),
      kib === null ? "–" : kib.median.toFixed(1),
      [...new Set(reasons)].join("; "),
    ];
  });
}

function measurementsOf({ samples }: Peers, peer: string) {
  return samples
    .filter((sample) => sample.peer === peer)
    .flatMap(({ results }) => results.flatMap(({ measurements }) => measurements));
}

function whole(reading: Reading | null): string {
  return reading === null ? "–" : Math.round(reading.median).toLocaleString("en");
}
