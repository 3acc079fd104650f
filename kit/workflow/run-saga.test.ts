import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { currentContext } from "../rpc/call-context.ts";
import { crash, createVirtualRun } from "../testing/virtual-run.ts";
import type { Message } from "./run-saga.ts";
import { saga } from "./saga.ts";

const refusal = new Failure(kitFailures.permission_denied, { permission: "a:b" });
const once = { retry: { maxAttempts: 1 } };

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
      const { go } = createVirtualRun(defineCounted(effects, isRefusing), { messages: { word } });
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
  const { go } = createVirtualRun(defineCounted(new Map(), true), { messages: { word } });
  for (let deaths = 0; ; deaths++) {
    const outcome = await go(2 + (deaths % 3)).catch((err: unknown) => assert.equal(err, crash));
    if (outcome) {
      assert.equal(outcome.state, "compensated");
      return;
    }
    assert.ok(deaths < 100);
  }
});

test("an undo is tried as often as it says, twice as often as its step where it says nothing", async () => {
  for (const [undoRetry, undos] of [
    [undefined, 2],
    [{ maxAttempts: 9, minDelayMs: 1, maxDelayMs: 1 }, 9],
  ] as const) {
    let [tries, undone] = [0, 0];
    const away = saga<string>("away")
      .step("one", {
        run() {
          tries++;
          throw refusal;
        },
        compensate() {
          if (++undone < undos) throw refusal;
        },
        ...{ ...once, ...(undoRetry && { undoRetry }) },
      })
      .build();
    const run = createVirtualRun(away);
    let isOver = false;
    const ended = run.go().finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await new Promise((resolve) => setImmediate(resolve));
      run.clock.advance(100);
    }
    assert.equal((await ended).state, "compensated");
    assert.deepEqual([tries, undone, run.parked], [1, undos, []]);
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
  const late = createVirtualRun(define(), { messages: { word } });
  late.clock.advance(1_000);
  const canceled = createVirtualRun(define(), { messages: { word } });
  canceled.cancel();
  const cases = [
    [late, "one", "workflow.saga_timed_out"],
    [canceled, "one", "workflow.canceled"],
    [createVirtualRun(define()), "word", "workflow.wait_timed_out"],
    [createVirtualRun(define(), { messages: { word: { kind: "wake" } } }), "word", "workflow.canceled"],
  ] as const;
  for (const [run, step, code] of cases) {
    const outcome = await run.go();
    assert.equal(outcome.state, "compensated");
    assert.deepEqual(outcome.state === "compensated" && [outcome.failure.step, outcome.failure.code], [step, code]);
  }
  assert.equal(reached, 0);
  const [, , silent] = cases;
  const outcome = await silent[0].go();
  assert.match(outcome.state === "compensated" ? outcome.failure.text : "", /^word .* 1 ms/);
});

test("a step and its undo have the time that the step says, 30 s by default, and the starter's language", async () => {
  const seen: unknown[] = [];
  const look = () => {
    const { deadlineMs, locale } = currentContext() ?? {};
    seen.push([deadlineMs, locale]);
  };
  const looking = saga<string>("looking")
    .step("short", { run: look, compensate: look, timeoutMs: 5_000 })
    .step("usual", { run: look, compensate: look })
    .step("end", { run: () => Promise.reject(refusal) })
    .build();
  await createVirtualRun(looking).go();
  const deadlines = [5_000, 30_000, 30_000, 5_000];
  assert.deepEqual(
    seen,
    deadlines.map((deadlineMs) => [deadlineMs, "en_US"]),
  );
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
  const run = createVirtualRun(steady);
  // Dies when the pivot is passed, and comes back late and canceled.
  await assert.rejects(run.go(3), crash);
  run.clock.advance(1_000);
  run.cancel();
  assert.equal((await run.go()).state, "done");
  assert.deepEqual(tried, ["two", "three", "three", "three"]);
  assert.deepEqual(run.parked, ["1 three", "resumed", "2 three", "resumed"]);
  const rounds = ["#parked-1", "#resumed-1", "three#2", "#parked-2", "#resumed-2", "three#3"];
  assert.deepEqual([...run.recorded.keys()], ["one", "two", "three", ...rounds]);
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
        if (undone.length < 3) throw refusal;
      },
      retry: { maxAttempts: 1, minDelayMs: 0 },
    })
    .step("three", { run: () => Promise.reject(refusal) })
    .build();
  const run = createVirtualRun(stubborn);
  const ended = run.go();
  for (let n = 0; n < 20; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    run.clock.advance(1);
  }
  assert.equal((await ended).state, "compensated");
  assert.deepEqual(undone, ["two", "two", "two", "one"]);
  assert.deepEqual(run.parked, ["1 two.undo", "resumed"]);
  assert.deepEqual(run.heard, ["#parked-1", "#parked-1"]);
  const undos = ["two.undo", "#parked-1", "#resumed-1", "two.undo#2", "one.undo"];
  assert.deepEqual([...run.recorded.keys()], ["one", "two", "three", ...undos]);
});
