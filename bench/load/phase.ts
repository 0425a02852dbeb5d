import type { LoadMeasurement } from "../measurement.ts";
import type { LoopTimes } from "./busy-loop.ts";
import type { Target } from "./job.ts";
import type { Latencies } from "./latencies.ts";
import { cpuSecondsOf, rssBytesOf } from "./server-usage.ts";

export interface PhaseWork extends LoopTimes {
  readonly messages: number;
  /** MESSAGE frames that they became. */
  readonly deliveries: number;
}

/** What `work` cost the server and took; times recorded before it are forgotten. */
export async function measurePhase(
  name: string,
  { serverPid }: Target,
  latencies: readonly Latencies[],
  work: () => Promise<PhaseWork>,
): Promise<LoadMeasurement> {
  for (const each of latencies) each.reset();
  const cpuBefore = cpuSecondsOf(serverPid);
  const { messages, deliveries, wallMs, cpuMs } = await work();
  return {
    kind: "load",
    name,
    seconds: wallMs / 1_000,
    messages,
    deliveries,
    latencies: latencies.map((each) => each.summary()),
    serverCpuSeconds: cpuSecondsOf(serverPid) - cpuBefore,
    serverRssBytes: rssBytesOf(serverPid),
    clientCpuSeconds: cpuMs / 1_000,
  };
}
