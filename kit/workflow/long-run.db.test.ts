import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { systemClock } from "../service/clock.ts";
import { openTestCluster } from "../testing/postgres.ts";
import { closeInReverse } from "../testing/test-cluster.ts";
import { openTestEngine } from "../testing/workflow-engine.ts";
import { workflowDatabase } from "./dbos.ts";
import { type AnySaga, type SagaBuilder, saga } from "./saga.ts";

const waitMs = 120_000;

function defineLong(name: string, steps: number): AnySaga {
  let builder: SagaBuilder<null, unknown, unknown> = saga<null>(name);
  for (let n = 1; n <= steps; n++) builder = builder.step(`s${n}`, { run: () => n });
  return builder.waitFor("end", { schema: z.null(), timeoutMs: waitMs }).build();
}

test("a run of 2,000 steps costs per step what a short one costs, also when it is replayed (D9)", {
  timeout: 240_000,
}, async (t) => {
  const scope = closeInReverse(t);
  const cluster = await openTestCluster(scope, [workflowDatabase]);
  const lengths = [250, 2_000];
  const sagas = lengths.map((steps) => defineLong(`long-${steps}`, steps));
  const timed = async (work: () => Promise<unknown>) => {
    const startMs = systemClock.monotonicMs();
    await work();
    return systemClock.monotonicMs() - startMs;
  };

  const first = await openTestEngine(scope, sagas, { cluster });
  const forwardMs: number[] = [];
  for (const definition of sagas) {
    // The last step before the wait tells that the run has come to its wait.
    const last = Promise.withResolvers<void>();
    const step = definition.stages.at(-2);
    if (step?.kind === "steps") {
      const [only] = step.steps;
      if (only) Object.assign(only, { run: () => last.resolve() });
    }
    forwardMs.push(
      await timed(async () => {
        await first.start("test", definition, { id: "1", input: null });
        await last.promise;
      }),
    );
  }
  await first.stop(new AbortController().signal);

  const replayMs: number[] = [];
  for (const definition of sagas) {
    const engine = await openTestEngine(scope, [definition], { cluster });
    const runId = `test/${definition.name}/1`;
    await engine.send(runId, "end", null);
    replayMs.push(await timed(() => engine.result(runId, waitMs)));
    await engine.stop(new AbortController().signal);
  }

  const perStep = (times: readonly number[]) => times.map((ms, index) => ms / (lengths[index] ?? 1));
  const [shortStep = 0, longStep = 0] = perStep(forwardMs);
  t.diagnostic(`per step: ${shortStep.toFixed(2)} ms of 250, ${longStep.toFixed(2)} ms of 2,000`);
  t.diagnostic(`replay: ${replayMs.map((ms) => `${Math.round(ms)} ms`).join(" and ")}`);
  // Quadratic cost would be eight times as much per step.
  assert.ok(longStep < 3 * shortStep, `${longStep} ms against ${shortStep} ms`);
  const [, longReplayMs = 0] = replayMs;
  assert.ok(longReplayMs < (forwardMs[1] ?? 0) + 5_000, `replaying took ${longReplayMs} ms`);
});
