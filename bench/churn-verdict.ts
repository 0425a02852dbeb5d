/** The server's memory at a time. */
export interface Sample {
  /** Since the beginning. */
  readonly hours: number;
  readonly rssBytes: number;
}

const MIB = 1024 * 1024;
/** What the median of the last quarter may be above that of the quarter before it. */
const MOST_GROWTH = 0.05;
/** Fewer say nothing. */
const FEWEST_SAMPLES = 16;

/**
 * The first half fills what is bounded: caches of conversations, buckets of rates, the engine's own
 * pools. After that nothing may grow.
 */
export function verdictOf(samples: readonly Sample[]): { isFlat: boolean; text: string } {
  if (samples.length < FEWEST_SAMPLES) return { isFlat: false, text: "too short to tell" };
  const quarter = Math.floor(samples.length / 4);
  const before = median(samples.slice(2 * quarter, 3 * quarter));
  const last = median(samples.slice(3 * quarter));
  const growth = last / before - 1;
  const isFlat = growth <= MOST_GROWTH;
  const percent = `${(100 * growth).toFixed(1)} %`;
  return {
    isFlat,
    text: `${isFlat ? "flat" : "GROWING"}, last quarter to the one before ${percent}`,
  };
}

/** By least squares over the second half. */
export function slopeMiBPerHour(samples: readonly Sample[]): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  const meanHours = mean(half.map(({ hours }) => hours));
  const meanBytes = mean(half.map(({ rssBytes }) => rssBytes));
  let covariance = 0;
  let variance = 0;
  for (const { hours, rssBytes } of half) {
    covariance += (hours - meanHours) * (rssBytes - meanBytes);
    variance += (hours - meanHours) ** 2;
  }
  return covariance / variance / MIB;
}

function median(samples: readonly Sample[]): number {
  const sorted = samples.map(({ rssBytes }) => rssBytes).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
