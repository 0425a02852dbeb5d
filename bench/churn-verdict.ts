/** The server's memory at a time. */
export interface Sample {
  /** So many had come by then. */
  readonly visits: number;
  readonly rssBytes: number;
}

/** What lives in the server at a time: after all garbage was collected. */
export interface LiveSample {
  readonly visits: number;
  readonly liveBytes: number;
}

export interface Verdict {
  readonly isFlat: boolean;
  readonly text: string;
}

const MIB = 1024 * 1024;
/** What the median of the last quarter may be above that of the quarter before it. */
const MOST_GROWTH = 0.05;
/** What lives does not sway as the process's memory does. */
const MOST_LIVE_GROWTH = 0.02;
/** Fewer say nothing. */
const FEWEST_SAMPLES = 16;
/**
 * Of which the first half fills what is bounded: 50,000 direct conversations in memory, two for a
 * visit, SQLite's page cache, buckets of rates, the engine's own pools. From there on the collector
 * lets the heap grow for some 10,000 visits before it collects all of it, and a quarter is to hold
 * several of these swings.
 */
const FEWEST_VISITS = 100_000;

/**
 * After the first half nothing may grow: neither what lives, measured at the half and at the end, nor
 * what the process takes.
 */
export function verdictOf(samples: readonly Sample[], live: readonly LiveSample[]): Verdict {
  const visits = samples.at(-1)?.visits ?? 0;
  const [half, end] = live;
  const isShort = samples.length < FEWEST_SAMPLES || visits < FEWEST_VISITS;
  if (isShort || half === undefined || end === undefined) {
    return { isFlat: false, text: `too short to tell: ${FEWEST_VISITS} visits tell` };
  }
  const liveGrowth = end.liveBytes / half.liveBytes - 1;
  const rssGrowth = growthOfLastQuarter(samples);
  const isLeaking = !(liveGrowth <= MOST_LIVE_GROWTH);
  const isSwelling = !(rssGrowth <= MOST_GROWTH);
  const aVisit = (end.liveBytes - half.liveBytes) / (end.visits - half.visits);
  const facts = `of what lives ${percent(liveGrowth)} (${aVisit.toFixed(0)} bytes a visit), of all that the process takes ${percent(rssGrowth)}`;
  if (isLeaking) return { isFlat: false, text: `GROWING: ${facts}` };
  // The collector puts off its work, or the allocator cannot give back what is free.
  if (isSwelling) return { isFlat: false, text: `GROWING, though nothing leaks: ${facts}` };
  return { isFlat: true, text: `flat: ${facts}` };
}

/** By least squares over the second half. */
export function slopeBytesPerVisit(samples: readonly Sample[]): number {
  const half = samples.slice(Math.floor(samples.length / 2));
  const meanVisits = mean(half.map(({ visits }) => visits));
  const meanBytes = mean(half.map(({ rssBytes }) => rssBytes));
  let covariance = 0;
  let variance = 0;
  for (const { visits, rssBytes } of half) {
    covariance += (visits - meanVisits) * (rssBytes - meanBytes);
    variance += (visits - meanVisits) ** 2;
  }
  return covariance / variance;
}

/** Of the medians of the last two quarters, to the former. */
function growthOfLastQuarter(samples: readonly Sample[]): number {
  const quarter = Math.floor(samples.length / 4);
  return median(samples.slice(3 * quarter)) / median(samples.slice(2 * quarter, 3 * quarter)) - 1;
}

function percent(growth: number): string {
  return `${growth < 0 ? "" : "+"}${(100 * growth).toFixed(1)} %`;
}

function median(samples: readonly Sample[]): number {
  const sorted = samples.map(({ rssBytes }) => rssBytes).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function inMiB(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
