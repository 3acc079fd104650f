import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { type Candidate, rankByScore, type ScoreWeights, scoreTargets } from "./score-targets.ts";
import { createStanding } from "./standing.ts";

const usual: ScoreWeights = { latency: 40, availability: 30, cost: 20, quality: 10 };

function candidate(given: {
  firstByteMs?: number;
  availability?: number;
  inFlight?: number;
  costNanos?: number | undefined;
  quality?: number;
}): Candidate {
  const { costNanos, quality = 1, ...standing } = { costNanos: 100, ...given };
  return { standing: { ...createStanding(), ...standing }, costNanos, quality };
}

const near = (actual: number | undefined, expected: number) =>
  assert.ok(actual !== undefined && Math.abs(actual - expected) < 1e-9, `${actual} instead of ${expected}`);

test("a score is 40 % latency, 30 % availability, 20 % cost and 10 % quality, each beside the best of the candidates", () => {
  const best = candidate({ firstByteMs: 100, availability: 1, costNanos: 50, quality: 1 });
  const other = candidate({ firstByteMs: 200, availability: 0.5, costNanos: 200, quality: 0.2 });
  const [first, second] = scoreTargets([best, other], usual);
  near(first?.total, 1);
  assert.deepEqual([second?.latency, second?.availability, second?.cost, second?.quality], [0.5, 0.5, 0.25, 0.2]);
  near(second?.total, 0.4 * 0.5 + 0.3 * 0.5 + 0.2 * 0.25 + 0.1 * 0.2);
});

test("only the proportions of the weights matter, and a weight of 0 leaves its part out", () => {
  const candidates = [candidate({ firstByteMs: 100, costNanos: 400 }), candidate({ firstByteMs: 400, costNanos: 100 })];
  const percent = scoreTargets(candidates, usual);
  const ratio = scoreTargets(candidates, { latency: 0.4, availability: 0.3, cost: 0.2, quality: 0.1 });
  for (const [at, score] of percent.entries()) near(ratio[at]?.total, score.total);
  const [, cheap] = scoreTargets(candidates, { latency: 0, availability: 0, cost: 5, quality: 0 });
  near(cheap?.total, 1);
});

test("a latency that nobody knows yet counts as the best, a price that nobody knows as the worst", () => {
  const [known, unknown] = scoreTargets([candidate({ firstByteMs: 100 }), candidate({ costNanos: undefined })], usual);
  assert.deepEqual([known?.latency, known?.cost], [1, 1]);
  assert.deepEqual([unknown?.latency, unknown?.cost], [1, 0]);
  const [free, paid] = scoreTargets([candidate({ costNanos: 0 }), candidate({ costNanos: 1 })], usual);
  assert.deepEqual([free?.cost, paid?.cost], [1, 0]);
});

test("whatever is measured: every part and total is from 0 to 1, and one that is better in all is never ranked behind", () => {
  const seed = randomInt(2 ** 32);
  const { next, between } = createSeeded(seed);
  for (let round = 0; round < 2_000; round++) {
    const candidates = Array.from({ length: between(1, 6) }, () =>
      candidate({
        firstByteMs: between(0, 3) === 0 ? 0 : next() * 5_000,
        availability: between(0, 3) === 0 ? between(0, 1) : next(),
        inFlight: between(0, 5),
        costNanos: between(0, 4) === 0 ? undefined : between(0, 1_000),
        quality: between(0, 4) === 0 ? 0 : next(),
      }),
    );
    const weights = { latency: next(), availability: next(), cost: next(), quality: between(0, 1) * next() };
    const scores = scoreTargets(candidates, weights);
    for (const score of scores) {
      for (const part of Object.values(score)) assert.ok(part >= 0 && part <= 1 + 1e-9, `seed ${seed}: ${part}`);
    }
    const ranks = rankByScore(candidates, scores, (n) => between(0, n - 1));
    assert.deepEqual(
      ranks.toSorted(),
      candidates.map((_one, at) => at),
      `seed ${seed}: each stands once`,
    );
    const totals = ranks.map((at) => scores[at]?.total ?? 0);
    const best = Math.max(...totals);
    assert.ok(best - (totals[0] ?? 0) < 0.01, `seed ${seed}: one that is as good as the best leads`);
    const rest = totals.slice(1);
    assert.deepEqual(
      rest,
      rest.toSorted((a, b) => b - a),
      `seed ${seed}: the others stand by their score`,
    );
  }
});

test("of equals two are drawn, and the one with less to wait for leads: attempts under way times time to first byte", () => {
  const crowded = candidate({ firstByteMs: 100, inFlight: 9 });
  const idle = candidate({ firstByteMs: 100, inFlight: 0 });
  const equal = [crowded, idle];
  for (const drawn of [0, 1]) {
    const draws = [drawn, 0];
    assert.deepEqual(rankByScore(equal, scoreTargets(equal, usual), () => draws.shift() ?? 0)[0], 1);
  }
});

test("equals share the calls, and none gets many more under way than another", () => {
  const seed = randomInt(2 ** 32);
  const { between } = createSeeded(seed);
  const candidates = Array.from({ length: 5 }, () => candidate({ firstByteMs: 50 }));
  for (let call = 0; call < 1_000; call++) {
    const [leader = 0] = rankByScore(candidates, scoreTargets(candidates, usual), (n) => between(0, n - 1));
    const standing = candidates[leader]?.standing;
    assert.ok(standing);
    standing.inFlight++;
  }
  const loads = candidates.map(({ standing }) => standing.inFlight);
  assert.ok(Math.max(...loads) - Math.min(...loads) <= 10, `seed ${seed}: ${loads}`);
});
