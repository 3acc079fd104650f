import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { createChaosCalls } from "../testing/chaos/chaos-calls.ts";
import { createDraws, withSeed } from "../testing/chaos/chaos-seed.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { crash, createVirtualRun, type VirtualRun } from "../testing/virtual-run.ts";
import type { SagaOutcome } from "./run-saga.ts";
import { type AnySaga, type SagaBuilder, saga } from "./saga.ts";

/** The world outside: an effect happens once per key, however often it is asked for. */
interface World {
  act(key: string): Promise<void>;
}

const refusal = new Failure(kitFailures.permission_denied, { permission: "a:b" });
const seeds = 100;

/** A saga of drawn shape: stages of one to three steps, perhaps a pivot, perhaps a step that refuses before it. */
function drawSaga(seed: number): { readonly definition: AnySaga; readonly state: SagaOutcome["state"] } {
  const draws = createDraws(seed, "shape");
  const stages = draws.between(2, 6);
  const pivotBefore = draws.between(1, 2 * stages);
  const refusing = draws.between(0, 2 * stages);
  const isRefused = refusing < stages && refusing < pivotBefore;
  let builder: SagaBuilder<string, unknown, World> = saga<string, World>(`drawn-${seed}`);
  for (let stage = 0; stage < stages; stage++) {
    if (stage === pivotBefore) builder = builder.pivot() as typeof builder;
    const isPast = stage >= pivotBefore;
    const branches = Array.from({ length: draws.between(1, 3) }, (_, n) => `s${stage}-${n}`);
    const step = {
      async run({ ops, idempotencyKey }: { ops: World; idempotencyKey: string }) {
        await ops.act(idempotencyKey);
        if (isRefused && stage === refusing) throw refusal;
        return stage;
      },
      ...(!isPast && {
        compensate: ({ ops, idempotencyKey }: { ops: World; idempotencyKey: string }) => ops.act(idempotencyKey),
      }),
      retry: { maxAttempts: 20, minDelayMs: 1, maxDelayMs: 1 },
    };
    builder = builder.parallel(Object.fromEntries(branches.map((id) => [id, step]))) as typeof builder;
  }
  return { definition: builder.build(), state: isRefused ? "compensated" : "done" };
}

/** What a run without any fault does to the world. */
function keysOf(definition: AnySaga, state: SagaOutcome["state"], effects: ReadonlyMap<string, number>): void {
  const tried = [...effects.keys()].filter((key) => !key.endsWith(".undo"));
  const undone = [...effects.keys()].filter((key) => key.endsWith(".undo"));
  const ids = definition.stages.flatMap((stage) => (stage.kind === "steps" ? stage.steps.map(({ id }) => id) : []));
  if (state === "done") {
    assert.deepEqual(tried.sort(), ids.map((id) => `run/${id}`).sort());
    assert.deepEqual(undone, []);
  } else {
    // Whatever was tried before the refusal is undone, and nothing else.
    assert.ok(tried.every((key) => ids.includes(key.slice("run/".length))));
    assert.deepEqual(undone.map((key) => key.slice(0, -".undo".length)).sort(), tried.sort());
  }
}

/** Goes on while time passes. */
async function go(run: VirtualRun, crashAt?: number): Promise<SagaOutcome | undefined> {
  let isOver = false;
  const ended = run.go(crashAt).then(
    (outcome) => outcome,
    (err: unknown) => {
      assert.equal(err, crash);
      return undefined;
    },
  );
  void ended.finally(() => {
    isOver = true;
  });
  while (!isOver) {
    await new Promise((resolve) => setImmediate(resolve));
    run.clock.advance(10);
  }
  return ended;
}

test(`D8: ${seeds} drawn sagas, each dying before and after every step, all end, and no effect happens twice`, () =>
  withSeed(8, async (base) => {
    let crashes = 0;
    for (let seed = base; seed < base + seeds; seed++) {
      const { definition, state } = drawSaga(seed);
      for (let crashAt = 1, hasDied = true; hasDied; crashAt++) {
        const effects = new Map<string, number>();
        const rates = { error: 0.1, lost_answer: 0.1, duplicate: 0.1 };
        const run: { current?: VirtualRun } = {};
        const calls = createChaosCalls({
          seed: seed * 1_000 + crashAt,
          clock: createFakeClock(),
          rates,
        });
        const act = calls.wrap(async (key: string) => void effects.set(key, (effects.get(key) ?? 0) + 1));
        run.current = createVirtualRun(definition, { ops: { act } satisfies World });
        let outcome = await go(run.current, crashAt);
        hasDied = outcome === undefined;
        // A second death on the way back to where the first one was.
        if (hasDied) outcome = (await go(run.current, 1 + (crashAt % 3))) ?? (await go(run.current));
        if (hasDied) crashes++;
        assert.equal(outcome?.state, state, `saga ${seed}, moment ${crashAt}`);
        keysOf(definition, state, effects);
      }
    }
    assert.ok(crashes > 10 * seeds, `only ${crashes} deaths`);
  }));

test("D9: a saga of 60,000 steps meets no limit, and a replay costs per step what a short one costs", async () => {
  const define = (steps: number) => {
    let builder: SagaBuilder<null, unknown, unknown> = saga<null>(`long-${steps}`);
    for (let n = 1; n <= steps; n++) builder = builder.step(`s${n}`, { run: () => n });
    return builder.build();
  };
  const replayMs = async (steps: number) => {
    const run = createVirtualRun(define(steps));
    // Dies after the last step's work, before its record.
    await assert.rejects(run.go(2 * steps), crash);
    assert.equal(run.recorded.size, steps - 1);
    const startMs = performance.now();
    assert.equal((await run.go()).state, "done");
    return performance.now() - startMs;
  };
  await replayMs(6_000);
  const perStep = [(await replayMs(6_000)) / 6_000, (await replayMs(60_000)) / 60_000];
  // Quadratic cost would be ten times as much per step.
  assert.ok((perStep[1] ?? 0) < 5 * (perStep[0] ?? 0), `${perStep.join(" and ")} ms a step`);
});
