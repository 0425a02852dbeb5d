import { type Reading, readingOf } from "../figures.ts";
import { type NoticeSample, PROVIDERS, type Provider } from "./samples.ts";

export const NOTICE_COLUMNS = [
  ...["push service", "p50 ms", "p99 ms", "p99 beside none", "rounds"],
  ...["server CPU µs a message", "messages to users away", "pushes"],
] as const;

/** How chat goes beside each kind of push service: medians over the rounds. */
export function noticeRows(samples: readonly NoticeSample[]): string[][] {
  return PROVIDERS.flatMap((provider) => {
    const own = samples.filter((sample) => sample.provider === provider);
    const p50 = readingOf(own.map((sample) => receiptOf(sample).p50Ms));
    const p99 = readingOf(own.map((sample) => receiptOf(sample).p99Ms));
    const cpu = readingOf(own.map(cpuOf));
    if (p50 === null || p99 === null || cpu === null) return [];
    const ratio = readingOf(ratiosOf(samples, provider));
    return [
      [
        ...[WORDS[provider], p50.median.toFixed(2), p99.median.toFixed(2)],
        ...(provider === "none" || ratio === null
          ? ["1", ""]
          : [ratio.median.toFixed(3), spreadOf(ratio)]),
        cpu.median.toFixed(1),
        ...[sumOf(own, ({ toAway }) => toAway), sumOf(own, ({ pushes }) => pushes)],
      ],
    ];
  });
}

const WORDS: Readonly<Record<Provider, string>> = {
  none: "none is set up",
  answers: "answers",
  hangs: "never answers",
};

/** Of each round, its p99 to that of the same round with none. */
function ratiosOf(samples: readonly NoticeSample[], provider: Provider): number[] {
  const rounds = new Set(samples.map(({ round }) => round));
  return [...rounds].flatMap((round) => {
    const inRound = samples.filter((sample) => sample.round === round);
    const ours = inRound.find((sample) => sample.provider === provider);
    const none = inRound.find((sample) => sample.provider === "none");
    if (ours === undefined || none === undefined) return [];
    return [receiptOf(ours).p99Ms / receiptOf(none).p99Ms];
  });
}

function receiptOf({ measurements }: NoticeSample) {
  for (const each of measurements) {
    if (each.kind === "load" && each.latencies[0] !== undefined) return each.latencies[0];
  }
  throw new TypeError("a sample of chat has its times");
}

function cpuOf({ measurements }: NoticeSample): number {
  const loads = measurements.filter((each) => each.kind === "load");
  return (
    (sum(loads.map((each) => each.serverCpuSeconds)) / sum(loads.map((each) => each.messages))) *
    1e6
  );
}

function spreadOf({ low, high, count }: Reading): string {
  return count === 1 ? "one" : `${low.toFixed(3)} – ${high.toFixed(3)}`;
}

function sumOf(samples: readonly NoticeSample[], of: (sample: NoticeSample) => number): string {
  return sum(samples.map(of)).toLocaleString("en");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
