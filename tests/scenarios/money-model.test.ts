import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { withSeed } from "@lyss/kit/testing/chaos/chaos-seed.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { type Terms, terms } from "./money-model/reference.ts";
import { type ModelResult, runModel } from "./money-model/run-model.ts";
import { createMemorySystem, startRealSystem } from "./money-model/systems.ts";

/** The row's ten thousand take half an hour: SCENARIO_FULL=1 asks for them. */
const isFull = process.env["SCENARIO_FULL"] === "1";
const seeds = isFull ? 10_000 : 50;
const realSeeds = isFull ? 50 : 2;
const operations = 200;
const limits = { timeout: isFull ? 10_800_000 : 300_000 };

function runInMemory(seed: number, systemTerms: Terms = terms): Promise<ModelResult> {
  const clock = createFakeClock();
  const system = createMemorySystem(clock, createRandom(clock), systemTerms);
  return runModel({ system, clock, seeded: createSeeded(seed), operations, compareEvery: 10 });
}

test(
  `B32: ${seeds} seeds of ${operations} operations with crashes and lost answers: the money is where a simple model says`,
  limits,
  async (t: TestContext) => {
    let lines = 0;
    for (let seed = 1; seed <= seeds; seed++) {
      await withSeed(seed, async (chosen) => {
        lines += (await runInMemory(chosen)).log.length;
      });
    }
    t.diagnostic(`${lines} steps, 0 divergences`);
  },
);

test(`B32: ${realSeeds} seeds on PostgreSQL: as in memory`, limits, async (t: TestContext) => {
  const system = await startRealSystem({ after: (work) => t.after(work) }, terms);
  for (let seed = 1; seed <= realSeeds; seed++) {
    await withSeed(seed, (chosen) => {
      const clock = createFakeClock(Math.floor(systemClock.nowMs()));
      return runModel({ system, clock, seeded: createSeeded(chosen), operations, compareEvery: 20 });
    });
  }
});

test("B32: a run replays: the same seed gives the same steps, and a divergence the same report", async () => {
  for (const seed of [1, 2]) assert.deepEqual(await runInMemory(seed), await runInMemory(seed));
  const other = { ...terms, comfortableOutputTokens: terms.comfortableOutputTokens + 20n };
  const reports: string[] = [];
  for (let seed = 1; reports.length < 2; seed = reports.length > 0 ? seed : seed + 1) {
    await withSeed(seed, () => runInMemory(seed, other)).catch((err: Error) => reports.push(err.message));
  }
  assert.match(reports[0] ?? "", /^seed \d+ .*reserve call_\w+ of ten_\w+/);
  assert.equal(reports[0], reports[1]);
});
