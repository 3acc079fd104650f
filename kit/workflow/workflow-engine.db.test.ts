import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { z } from "zod";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { currentContext, noSession, runInContext } from "../rpc/call-context.ts";
import { fromContextHeaders } from "../rpc/context-headers.ts";
import { type Clock, systemClock } from "../service/clock.ts";
import { openTestCluster } from "../testing/postgres.ts";
import { closeInReverse } from "../testing/test-cluster.ts";
import { openTestEngine } from "../testing/workflow-engine.ts";
import { workflowDatabase } from "./dbos.ts";
import { saga } from "./saga.ts";
import { workflowFailures } from "./workflow-failures.ts";

const limits = { timeout: 60_000 };
const waitMs = 20_000;
const quick = { maxAttempts: 2, minDelayMs: 1, maxDelayMs: 2 };

test("a saga hands each step's result to the next, and the same id is the same run", limits, async (t) => {
  let runs = 0;
  const greet = saga<{ name: string }>("greet")
    .step("one", { run: ({ input }) => ({ text: `hello ${input.name}`, at: ++runs }) })
    .parallel({
      left: { run: ({ results }) => results.one.text.length },
      right: { run: async ({ results }) => results.one.text.toUpperCase() },
    })
    .pivot()
    .step("last", { run: ({ results }) => `${results.left + 1} ${results.right.trim()} ${results.one.at}` })
    .build();
  const engine = await openTestEngine(t, [greet]);
  const run = await engine.start("test", greet, { id: "a", input: { name: "ann" } });
  const outcome = await run.result(waitMs);
  assert.deepEqual(outcome, {
    state: "done",
    results: { one: { text: "hello ann", at: 1 }, left: 9, right: "HELLO ANN", last: "10 HELLO ANN 1" },
  });
  const again = await engine.start("test", greet, { id: "a", input: { name: "bob" } });
  assert.deepEqual(await again.result(waitMs), outcome);
  assert.equal(runs, 1);
  const { state, steps } = await engine.get(run.runId);
  assert.deepEqual([state, steps.map(({ name }) => name)], ["done", ["one", "left", "right", "last"]]);
});

test(
  "a failed step turns the run back: all that was tried is undone in reverse, the failed step too",
  limits,
  async (t) => {
    const seen: string[] = [];
    const note = (word: string) => () => void seen.push(word);
    const refused = new Failure(kitFailures.permission_denied, { permission: "a:b" });
    const undo = saga<null>("undo")
      .step("one", { run: () => "first", compensate: ({ result }) => void seen.push(`undo ${result}`) })
      .parallel({
        two: { run: () => 2, compensate: note("undo two") },
        three: {
          run({ attempt }) {
            seen.push(`three ${attempt}`);
            throw attempt === 1 ? new Error("not yet") : refused;
          },
          compensate: ({ result }) => void seen.push(`undo three ${result}`),
          retry: { maxAttempts: 5, minDelayMs: 1 },
        },
      })
      .step("never", { run: note("never") })
      .build();
    const engine = await openTestEngine(t, [undo]);
    const run = await engine.start("test", undo, { id: "1", input: null });
    assert.deepEqual(await run.result(waitMs), {
      state: "compensated",
      failure: { step: "three", code: "kit.permission_denied", text: refused.message },
    });
    assert.deepEqual(seen, ["three 1", "three 2", "undo three undefined", "undo two", "undo first"]);
  },
);

test("an undo that fails for good parks the run until a person resumes it", limits, async (t) => {
  let isBroken = true;
  const paged = Promise.withResolvers<string>();
  const parked = saga<null>("parked")
    .step("pay", {
      run: () => "paid",
      compensate() {
        if (isBroken) throw new Error("password=hunter2");
      },
      retry: quick,
    })
    .step("fail", { run: () => Promise.reject(new Failure(kitFailures.canceled)) })
    .build();
  const engine = await openTestEngine(t, [parked], { onParked: async ({ runId }) => paged.resolve(runId) });
  const { runId, result } = await engine.start("test", parked, { id: "1", input: null });
  assert.equal(await paged.promise, runId);
  const [view] = await engine.list({ states: ["parked"] });
  assert.deepEqual([view?.runId, view?.state, view?.failure?.step], [runId, "parked", "pay.undo"]);
  assert.doesNotMatch(inspect(view), /hunter2/);
  const { steps } = await engine.get(runId);
  assert.deepEqual(
    steps.slice(0, 3).map(({ name, tries, failure }) => [name, tries, failure?.code]),
    [
      ["pay", 1, undefined],
      ["fail", 1, "kit.canceled"],
      ["pay.undo", 4, "kit.internal"],
    ],
  );
  isBroken = false;
  await engine.resume(runId);
  assert.equal((await result(waitMs)).state, "compensated");
  assert.equal((await engine.list({ states: ["parked"] })).length, 0);
  await assert.rejects(engine.resume(runId), { type: workflowFailures.not_parked });
});

test("after the pivot nothing is undone: a failing step parks the run and is taken anew", limits, async (t) => {
  let isBroken = true;
  const paged = Promise.withResolvers<void>();
  const forward = saga<null>("forward", { timeoutMs: 60_000 })
    .step("one", { run: () => 1, compensate: () => assert.fail() })
    .pivot()
    .step("two", {
      run() {
        if (isBroken) throw new Error("down");
        return 2;
      },
      compensate: () => assert.fail(),
      retry: quick,
    })
    .build();
  const engine = await openTestEngine(t, [forward], { onParked: async () => paged.resolve() });
  const { runId, result } = await engine.start("test", forward, { id: "1", input: null });
  await paged.promise;
  await engine.cancel(runId);
  isBroken = false;
  await engine.resume(runId);
  assert.deepEqual(await result(waitMs), { state: "done", results: { one: 1, two: 2 } });
});

test(
  "a run waits for what is sent to it, checks its shape, and turns back when it does not come or is canceled",
  limits,
  async (t) => {
    let undone = 0;
    const define = (name: string, timeoutMs: number) =>
      saga<null>(name)
        .step("ask", { run: () => "asked", compensate: () => void undone++ })
        .waitFor("answer", { schema: z.object({ isYes: z.boolean() }), timeoutMs })
        .build();
    const patient = define("patient", 600_000);
    const hasty = define("hasty", 100);
    const engine = await openTestEngine(t, [patient, hasty]);
    const start = (definition: typeof patient, id: string) => engine.start("test", definition, { id, input: null });

    const heard = await start(patient, "heard");
    await assert.rejects(engine.send(heard.runId, "answer", { isYes: "yes" }), { type: kitFailures.invalid_request });
    await engine.send(heard.runId, "answer", { isYes: true }, "m1");
    assert.deepEqual(await heard.result(waitMs), { state: "done", results: { ask: "asked", answer: { isYes: true } } });

    const codeOf = async (run: typeof heard) => {
      const outcome = await run.result(waitMs);
      return outcome.state === "compensated" && outcome.failure.code;
    };
    assert.equal(await codeOf(await start(hasty, "late")), "workflow.wait_timed_out");
    const canceled = await start(patient, "canceled");
    await assert.rejects(canceled.result(50), { type: workflowFailures.still_running });
    await engine.cancel(canceled.runId);
    assert.equal(await codeOf(canceled), "workflow.canceled");
    assert.equal(undone, 2);
    await assert.rejects(engine.cancel("test/patient/none"), { type: workflowFailures.run_not_found });
  },
);

test("the starter's trace and language travel into steps; its caller and its deadline do not", limits, async (t) => {
  const look = saga<null>("look")
    .step("look", {
      run() {
        const { traceId, locale, caller } = currentContext() ?? {};
        return { traceId, locale, caller };
      },
    })
    .build();
  const engine = await openTestEngine(t, [look]);
  const traceId = "0af7651916cd43dd8448eb211c80319c";
  const caller = { tenantId: "t", userId: "u", keyId: "", ...noSession, permissions: [], models: [] };
  const context = { ...fromContextHeaders(() => undefined, systemClock), traceId, locale: "zh_CN" as const, caller };
  const run = await runInContext(context, () => engine.start("test", look, { id: "1", input: null }));
  assert.deepEqual(await run.result(waitMs), {
    state: "done",
    results: { look: { traceId, locale: "zh_CN", caller: undefined } },
  });
});

test(
  "time and size have limits: a step that hangs, a run that lasts, a payload that is too large",
  limits,
  async (t) => {
    const define = (name: string, run: () => unknown, options = {}) =>
      saga<unknown>(name, options)
        .step("first", { run: () => 1 })
        .step("step", { run, timeoutMs: 30, retry: quick })
        .build();
    const hanging = define("hanging", () => new Promise(() => {}));
    const huge = define("huge", () => "x".repeat(300_000));
    let nowMs = 0;
    const slow = saga<unknown>("slow", { timeoutMs: 1_000 })
      .step("first", {
        run() {
          nowMs += 1_000;
          return 1;
        },
      })
      .step("step", { run: (): unknown => assert.fail() })
      .build();
    const clock = { ...systemClock, nowMs: () => nowMs };
    const engine = await openTestEngine(t, [hanging, huge, slow], { clock });
    for (const [definition, code] of [
      [hanging, "workflow.step_timed_out"],
      [huge, "workflow.payload_too_large"],
      [slow, "workflow.saga_timed_out"],
    ] as const) {
      const run = await engine.start("test", definition, { id: "1", input: null });
      const outcome = await run.result(waitMs);
      assert.equal(outcome.state === "compensated" && outcome.failure.code, code);
    }
    for (const input of ["x".repeat(300_000), () => {}]) {
      const started = engine.start("test", hanging, { id: "2", input });
      await assert.rejects(started, { type: workflowFailures.payload_too_large });
    }
  },
);

test("ended runs are forgotten after the retention, and runs under way are not", limits, async (t) => {
  const scope = closeInReverse(t);
  const cluster = await openTestCluster(scope, [workflowDatabase]);
  const short = saga<null>("short")
    .step("one", { run: () => 1 })
    .build();
  const waiting = saga<null>("waiting").waitFor("word", { schema: z.string(), timeoutMs: 600_000 }).build();
  const first = await openTestEngine(scope, [short, waiting], { cluster });
  const ended = await first.start("test", short, { id: "1", input: null });
  await ended.result(waitMs);
  const open = await first.start("test", waiting, { id: "1", input: null });
  await first.stop(new AbortController().signal);

  // The first timer of the engine's housekeeping is set when its first round is done.
  const cleaned = Promise.withResolvers<void>();
  const clock: Clock = {
    ...systemClock,
    nowMs: () => systemClock.nowMs() + 3_600_000,
    setTimer(delayMs, callback) {
      cleaned.resolve();
      return systemClock.setTimer(delayMs, callback);
    },
  };
  const second = await openTestEngine(scope, [short, waiting], { cluster, clock, retentionMs: 1_000 });
  await cleaned.promise;
  assert.deepEqual(
    (await second.list()).map(({ runId }) => runId),
    [open.runId],
  );
  await assert.rejects(second.get(ended.runId), { type: workflowFailures.run_not_found });
  assert.deepEqual((await second.list({ service: "test", saga: "short" })).length, 0);
});
