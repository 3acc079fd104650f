import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { createRandom } from "../service/ids.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { silentLog } from "../testing/postgres.ts";
import { type DurableRun, type Message, runSaga, type SagaDeps } from "./run-saga.ts";
import { type AnySaga, saga } from "./saga.ts";

const crash = new Error("the process died");
const refusal = new Failure(kitFailures.permission_denied, { permission: "a:b" });
const once = { retry: { maxAttempts: 1 } };

/** A run whose process dies at chosen moments: before the nth step's work, or after it and before its record. */
function createRun(definition: AnySaga, messages: Readonly<Record<string, Message>> = {}) {
  const clock = createFakeClock();
  const recorded = new Map<string, unknown>();
  const parked: string[] = [];
  let isCanceled = false;
  const deps: SagaDeps = {
    clock,
    random: createRandom(clock),
    log: silentLog,
    stopping: new AbortController().signal,
    ops: undefined,
    isCanceled: async () => isCanceled,
    park: async (_runId, parking, { step }) => void parked.push(`${parking} ${step}`),
    unpark: async () => void parked.push("resumed"),
  };
  const start = { input: "in", startedMs: clock.nowMs(), traceparent: "", locale: "en_US" as const };

  /** Goes on until the end, or dies at the `crashAt`th moment of this process. */
  function go(crashAt = Number.POSITIVE_INFINITY) {
    let moment = 0;
    const reach = () => {
      if (++moment >= crashAt) throw crash;
    };
    const durable: DurableRun = {
      runId: "run",
      async step<T>(name: string, work: () => Promise<T>) {
        if (recorded.has(name)) return recorded.get(name) as T;
        reach();
        const result = await work();
        reach();
        recorded.set(name, result);
        return result;
      },
      receive: async (topic) => (topic.startsWith("#") ? { kind: "wake" } : messages[topic]),
    };
    return runSaga(deps, definition, durable, start);
  }
  const cancel = () => {
    isCanceled = true;
  };
  return { go, clock, parked, cancel };
}

/** Four steps whose effects are counted by their keys. */
function defineCounted(effects: Map<string, number>, isRefusing: boolean) {
  const count = (key: string) => void effects.set(key, (effects.get(key) ?? 0) + 1);
  const counted = (id: string) => ({
    run({ idempotencyKey }: { idempotencyKey: string }) {
      count(idempotencyKey);
      return id;
    },
    compensate: ({ idempotencyKey }: { idempotencyKey: string }) => count(idempotencyKey),
  });
  return saga<string>("counted")
    .step("one", counted("one"))
    .parallel({ two: counted("two"), three: counted("three") })
    .waitFor("word", { schema: z.string(), timeoutMs: 1 })
    .step("four", {
      ...counted("four"),
      run({ idempotencyKey }) {
        count(idempotencyKey);
        if (isRefusing) throw refusal;
        return "four";
      },
    })
    .build();
}

const word: Message = { kind: "payload", payload: "hello" };
const forward = ["run/one", "run/two", "run/three", "run/four"];
const backward = ["run/four.undo", "run/three.undo", "run/two.undo", "run/one.undo"];

for (const isRefusing of [false, true]) {
  test(`dying once at any moment of a saga that ${isRefusing ? "turns back" : "passes"} changes nothing`, async () => {
    for (let crashAt = 1; ; crashAt++) {
      const effects = new Map<string, number>();
      const { go } = createRun(defineCounted(effects, isRefusing), { word });
      let hasDied = false;
      const outcome = await go(crashAt).catch((err: unknown) => {
        assert.equal(err, crash);
        hasDied = true;
        return go();
      });
      const { code } = refusal.type;
      assert.deepEqual(
        outcome,
        isRefusing
          ? { state: "compensated", failure: { step: "four", code, text: refusal.message } }
          : { state: "done", results: { one: "one", two: "two", three: "three", word: "hello", four: "four" } },
      );
      assert.deepEqual([...effects.keys()], isRefusing ? [...forward, ...backward] : forward, `moment ${crashAt}`);
      assert.ok(Math.max(...effects.values()) <= (hasDied ? 2 : 1));
      if (!hasDied) break;
    }
  });
}

test("dying at every moment, one after the other, still ends", async () => {
  const { go } = createRun(defineCounted(new Map(), true), { word });
  for (let deaths = 0; ; deaths++) {
    const outcome = await go(2 + (deaths % 3)).catch((err: unknown) => assert.equal(err, crash));
    if (outcome) {
      assert.equal(outcome.state, "compensated");
      return;
    }
    assert.ok(deaths < 100);
  }
});

test("time that is over, a cancel and a word that does not come turn a run back before its next step", async () => {
  let reached = 0;
  const define = () =>
    saga<string>("short", { timeoutMs: 1_000 })
      .step("one", { run: () => 1 })
      .waitFor("word", { schema: z.string(), timeoutMs: 1 })
      .step("two", { run: () => ++reached })
      .build();
  const late = createRun(define(), { word });
  late.clock.advance(1_000);
  const canceled = createRun(define(), { word });
  canceled.cancel();
  const cases = [
    [late, "one", "workflow.saga_timed_out"],
    [canceled, "one", "workflow.canceled"],
    [createRun(define()), "word", "workflow.wait_timed_out"],
    [createRun(define(), { word: { kind: "wake" } }), "word", "workflow.canceled"],
  ] as const;
  for (const [run, step, code] of cases) {
    const outcome = await run.go();
    assert.equal(outcome.state, "compensated");
    assert.deepEqual(outcome.state === "compensated" && [outcome.failure.step, outcome.failure.code], [step, code]);
  }
  assert.equal(reached, 0);
});

test("after the pivot neither time nor a cancel counts, and only what is not done is taken anew", async () => {
  const tried: string[] = [];
  const steady = saga<string>("steady", { timeoutMs: 1_000 })
    .step("one", { run: () => 1, compensate: () => assert.fail() })
    .pivot()
    .parallel({
      two: { run: () => void tried.push("two"), ...once },
      three: {
        run() {
          tried.push("three");
          if (tried.length < 4) throw new Error("not yet");
        },
        ...once,
      },
    })
    .build();
  const run = createRun(steady);
  // Dies when the pivot is passed, and comes back late and canceled.
  await assert.rejects(run.go(3), crash);
  run.clock.advance(1_000);
  run.cancel();
  assert.equal((await run.go()).state, "done");
  assert.deepEqual(tried, ["two", "three", "three", "three"]);
  assert.deepEqual(run.parked, ["1 three", "resumed", "2 three", "resumed"]);
});

test("an undo that fails parks the run at that undo, and goes on with the rest once resumed", async () => {
  const undone: string[] = [];
  const undo = (id: string) => () => void undone.push(id);
  const stubborn = saga<string>("stubborn")
    .step("one", { run: () => 1, compensate: undo("one") })
    .step("two", {
      run: () => 2,
      compensate() {
        undone.push("two");
        if (undone.length < 3) throw new Error("not yet");
      },
      retry: { maxAttempts: 1, minDelayMs: 0 },
    })
    .step("three", { run: () => Promise.reject(refusal) })
    .build();
  const run = createRun(stubborn);
  const ended = run.go();
  for (let n = 0; n < 20; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    run.clock.advance(1);
  }
  assert.equal((await ended).state, "compensated");
  assert.deepEqual(undone, ["two", "two", "two", "one"]);
  assert.deepEqual(run.parked, ["1 two.undo", "resumed"]);
});
