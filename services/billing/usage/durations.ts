/**
 * Durations are counted in buckets, so that those of a minute and of a month, of one key and of all, are added up as they are.
 * A bucket ends where the next begins, a fourth root of two further on: what is told of a percentile is the middle of the bucket in which
 * it lies, and no further than 10 % (below 9 ms: 4 ms) from the duration that has that rank, for all up to 17 minutes. Above
 * that it is told as 17 minutes.
 */
const firstBoundMs = 8;
const perOctave = 4;
const octaves = 17;

/** The longest of each bucket but the last, which has no bound. */
export const durationBounds: readonly number[] = Array.from({ length: octaves * perOctave + 1 }, (_, n) =>
  Math.floor(firstBoundMs * 2 ** (n / perOctave)),
);

export const durationBuckets: number = durationBounds.length + 1;

/** How many are in each bucket that holds any. */
export type DurationCounts = ReadonlyMap<number, number>;

/** The bucket of a duration, from 0. */
export function bucketOf(durationMs: number): number {
  let [low, high] = [0, durationBounds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((durationBounds[middle] ?? 0) < durationMs) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What is told of durations, in whole milliseconds. */
export interface Percentiles {
  /** How many there are. */
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** By nearest rank, from how many there are in each bucket; undefined where there are none. */
export function percentilesOf(counts: readonly number[]): Percentiles | undefined {
  const count = counts.reduce((sum, one) => sum + one, 0);
  if (count === 0) return undefined;
  return {
    count,
    p50: atRank(counts, 0.5 * count),
    p95: atRank(counts, 0.95 * count),
    p99: atRank(counts, 0.99 * count),
  };
}

function atRank(counts: readonly number[], rank: number): number {
  // A rank that is whole is not to become the next by what a binary fraction adds.
  const wanted = Math.max(1, Math.ceil(rank - 1e-6));
  let seen = 0;
  const bucket = counts.findIndex((count) => {
    seen += count;
    return seen >= wanted;
  });
  return middleOf(bucket);
}

function middleOf(bucket: number): number {
  if (bucket === 0) return firstBoundMs / 2;
  const [longest, before = 0] = [durationBounds[bucket], durationBounds[bucket - 1]];
  return longest === undefined ? before : Math.round(Math.sqrt((before + 1) * longest));
}
