import assert from "node:assert/strict";
import { test } from "node:test";
import { createStepGate, type StepGate } from "./step-gate.ts";

/** A step at work: `end` and `fail` settle it. `events` tells in order what was recorded and what failed. */
function beginStep(gate: StepGate, events: string[]) {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const settled = gate
    .record<unknown>(async (enter) => {
      const result = await enter(() => promise);
      events.push(`${result} recorded`);
    })
    .catch((err: Error) => void events.push(err.message));
  return { end: resolve, fail: reject, settled };
}

/** Lets everything that waits for nothing but promises go as far as it can. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

test("while the gate is open a step settles as its record does, and is told of no stop", async () => {
  const gate = createStepGate();
  const events: string[] = [];
  const [good, bad] = [beginStep(gate, events), beginStep(gate, events)];
  assert.equal(gate.stopping.aborted, false);
  good.end("result");
  await good.settled;
  bad.fail(new Error("refused"));
  await bad.settled;
  assert.deepEqual(events, ["result recorded", "refused"]);
  assert.equal(await gate.record(async () => "found in an earlier record"), "found in an earlier record");
  await gate.close();
});

test("a gate through which nothing goes closes at once, and says so", async () => {
  const gate = createStepGate();
  await gate.close();
  assert.equal(gate.stopping.aborted, true);
  await gate.close();
});

test("closing waits until every step under way is recorded", async () => {
  const gate = createStepGate();
  const events: string[] = [];
  const [first, second] = [beginStep(gate, events), beginStep(gate, events)];
  const closed = gate.close().then(() => events.push("closed"));
  assert.equal(gate.stopping.aborted, true);
  first.end("first");
  await settle();
  assert.deepEqual(events, ["first recorded"]);
  second.end("second");
  await closed;
  assert.deepEqual(events, ["first recorded", "second recorded", "closed"]);
});

test("closing also waits for what its record fails to store, and is not held up by steps that ended before", async () => {
  const gate = createStepGate();
  const events: string[] = [];
  const before = beginStep(gate, events);
  before.end("before");
  await before.settled;
  const stored = Promise.withResolvers<never>();
  const recording = gate.record(async (enter) => {
    await enter(async () => "done");
    return stored.promise;
  });
  await settle();
  const closed = gate.close().then(() => events.push("closed"));
  await settle();
  assert.deepEqual(events, ["before recorded"]);
  stored.reject(new Error("no database"));
  await assert.rejects(recording, /no database/);
  await closed;
  assert.equal(events.at(-1), "closed");
});

test("a step that the stop makes fail is neither recorded nor called failed, and holds nobody up", async () => {
  const gate = createStepGate();
  const events: string[] = [];
  const step = beginStep(gate, events);
  const closed = gate.close();
  step.fail(new Error("stopped"));
  await closed;
  await settle();
  assert.deepEqual(events, []);
});

test("once the gate is closed no work begins, and its step never ends here", async () => {
  const gate = createStepGate();
  const events: string[] = [];
  await gate.close();
  void gate
    .record((enter) =>
      enter(async () => {
        events.push("worked");
        return "";
      }),
    )
    .finally(() => events.push("ended"));
  await settle();
  assert.deepEqual(events, []);
  await gate.close();
});

test("of two steps under way one may be given up while closing still waits for the other", async () => {
  const gate = createStepGate();
  const events: string[] = [];
  const [lost, slow] = [beginStep(gate, events), beginStep(gate, events)];
  const closed = gate.close().then(() => events.push("closed"));
  lost.fail(new Error("stopped"));
  await settle();
  assert.deepEqual(events, []);
  slow.end("slow");
  await closed;
  assert.deepEqual(events, ["slow recorded", "closed"]);
});
