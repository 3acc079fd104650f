import type { Standing } from "./standing.ts";

/** What each part counts; only their proportions matter. */
export interface ScoreWeights {
  readonly latency: number;
  readonly availability: number;
  readonly cost: number;
  readonly quality: number;
}

/** What is known of one of several targets. */
export interface Candidate {
  readonly standing: Standing;
  /** Nanos per million tokens; undefined while it is not known. */
  readonly costNanos: number | undefined;
  /** 0–1, as whoever made the route says. */
  readonly quality: number;
}

/** Each part from 0 to 1, where 1 is the best of the candidates, and their weighted mean. */
export interface Score extends ScoreWeights {
  readonly total: number;
}

/** Totals that differ by less are equal: what is measured is never the same twice. */
const equalWithin = 0.01;

/**
 * Scores in the order of the candidates. Each part is in proportion to the best of them, so that a hundredth less availability
 * counts as a hundredth, however alike the others are. A latency that is not known yet counts as the best: it is tried, and then
 * known. A price that is not known counts as the worst.
 */
export function scoreTargets(candidates: readonly Candidate[], weights: ScoreWeights): readonly Score[] {
  const latencies = candidates.map(({ standing }) => standing.firstByteMs || undefined);
  const parts = {
    latency: lowerIsBetter(latencies, 1),
    availability: higherIsBetter(candidates.map(({ standing }) => standing.availability)),
    cost: lowerIsBetter(
      candidates.map(({ costNanos }) => costNanos),
      0,
    ),
    quality: higherIsBetter(candidates.map(({ quality }) => quality)),
  };
  const sum = weights.latency + weights.availability + weights.cost + weights.quality;
  return candidates.map((_candidate, at) => {
    const latency = parts.latency[at] ?? 0;
    const availability = parts.availability[at] ?? 0;
    const cost = parts.cost[at] ?? 0;
    const quality = parts.quality[at] ?? 0;
    const weighted =
      latency * weights.latency + availability * weights.availability + cost * weights.cost + quality * weights.quality;
    return { latency, availability, cost, quality, total: sum > 0 ? weighted / sum : 0 };
  });
}

function lowerIsBetter(values: readonly (number | undefined)[], unknown: number): readonly number[] {
  const known = values.filter((value) => value !== undefined);
  const best = Math.min(...known);
  return values.map((value) => (value === undefined ? unknown : value <= best ? 1 : best / value));
}

function higherIsBetter(values: readonly number[]): readonly number[] {
  const best = Math.max(...values);
  return values.map((value) => (best <= 0 ? 1 : value / best));
}

/**
 * Places of the candidates, the best first. Of those that are as good as the best, two are drawn, and the one leads at which a call
 * waits for less: attempts under way × time to first byte (M. Mitzenmacher, "The Power of Two Choices", 1996). `draw(n)` gives
 * one of 0 … n-1.
 */
export function rankByScore(
  candidates: readonly Candidate[],
  scores: readonly Score[],
  draw: (n: number) => number,
): readonly number[] {
  const totalAt = (at: number) => scores[at]?.total ?? 0;
  const ranked = candidates.map((_candidate, at) => at).sort((a, b) => totalAt(b) - totalAt(a));
  const best = totalAt(ranked[0] ?? 0);
  const equals = ranked.filter((at) => best - totalAt(at) < equalWithin);
  if (equals.length < 2) return ranked;
  const first = draw(equals.length);
  const second = (first + 1 + draw(equals.length - 1)) % equals.length;
  const [one, other] = [equals[first] ?? 0, equals[second] ?? 0];
  const leader = waitAt(candidates, other) < waitAt(candidates, one) ? other : one;
  return [leader, ...ranked.filter((at) => at !== leader)];
}

function waitAt(candidates: readonly Candidate[], at: number): number {
  const { inFlight, firstByteMs } = candidates[at]?.standing ?? { inFlight: 0, firstByteMs: 0 };
  return (inFlight + 1) * firstByteMs;
}
