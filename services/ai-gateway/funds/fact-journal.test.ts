import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { CallOutcome, UsageFactSchema } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { toBytes } from "@lyss/kit/spool/record-format.ts";
import { factOf, quiet, start } from "./fact-journal-test-world.ts";
import { begunFormat, endedFormat, parseRecord } from "./spool-record.ts";

const away = () => new Failure(kitFailures.unavailable);
const late = "usage cannot be charged yet; it is kept on disk";

test("an attempt is on disk before its request may leave; where it cannot be written, it may not", async () => {
  const { begin, setFull, listKept } = start();
  const attempt = await begin("c1");
  assert.deepEqual(listKept(), ["c1 begun"]);
  const fact = create(UsageFactSchema, { callId: "c1", leaseId: "lse_1", attempt: 1 });
  assert.deepEqual(parseRecord(attempt.entry.record), { kind: "begun", fact }, "what is known when it begins");
  setFull(true);
  await assert.rejects(begin("c2"), /the disk is full/);
});

test("what ends within 60 ms is charged together, and leaves the disk when it is charged", async () => {
  const { journal, end, advance, charged, listKept, takePosted } = start();
  await end("c1");
  await advance(59);
  await end("c2");
  assert.deepEqual([takePosted(), journal.pending, charged], [[], 2, []]);
  assert.deepEqual(listKept(), ["c1 ended", "c2 ended"]);
  await advance(1);
  assert.deepEqual([takePosted(), journal.pending, charged], [[["c1", "c2"]], 0, ["c1", "c2"]]);
  assert.deepEqual(listKept(), []);
  await end("c3");
  await advance(60);
  assert.deepEqual(takePosted(), [["c3"]], "and it goes on");
});

test("after sixteen in one transaction what ends within 100 ms is charged together, until they are few again", async () => {
  const { end, advance, takePosted } = start();
  const endMany = async (count: number) => {
    for (let i = 0; i < count; i++) await end(`c${i}`);
  };
  const countPosted = () => takePosted().map(({ length }) => length);
  await endMany(16);
  await advance(60);
  assert.deepEqual(countPosted(), [16]);
  await endMany(10);
  await advance(99);
  await endMany(10);
  assert.deepEqual(countPosted(), []);
  await advance(1);
  assert.deepEqual(countPosted(), [20]);
  await endMany(15);
  await advance(100);
  await end("held", "");
  assert.deepEqual(countPosted(), [15, 1]);
  await end("last");
  await advance(60);
  assert.deepEqual(countPosted(), [1]);
});

test("a call with a hold of its own is charged at once, with what waits", async () => {
  const { end, takePosted } = start();
  await end("c1", "");
  assert.deepEqual(takePosted(), [["c1"]]);
  await end("c2");
  assert.deepEqual(takePosted(), []);
  await end("c3", "");
  assert.deepEqual(takePosted(), [["c2", "c3"]]);
});

test("two thousand are charged at once, and no more together", async () => {
  const { begin, journal, end, advance, takePosted } = start();
  const endMany = (count: number) =>
    Promise.all(
      Array.from({ length: count }, async (_, i) => {
        await journal.end(await begin(`c${i}`), () => {});
      }),
    );
  await endMany(1_999);
  await quiet();
  assert.deepEqual(takePosted(), []);
  await end("last");
  await endMany(2_001);
  await advance(60);
  await advance(100);
  assert.deepEqual(
    takePosted().map(({ length }) => length),
    [2_000, 2_000, 1],
  );
  assert.equal(journal.pending, 0);
});

test("it is full while so many wait to be charged; who waits for room has it as soon as they are, or hears after two seconds", async () => {
  const { journal, end, advance, refusals } = start({ maxPendingFacts: 2 });
  refusals.push(...Array.from({ length: 4 }, away));
  await end("c1");
  assert.deepEqual([journal.isFull, await journal.untilRoom()], [false, true]);
  await end("c2");
  assert.equal(journal.isFull, true);
  const first = journal.untilRoom();
  await advance(60);
  for (const ms of [200, 400, 800]) await advance(ms);
  const second = journal.untilRoom();
  await advance(575);
  assert.equal(await first, false, "billing was away");
  assert.equal(journal.isFull, true);
  await advance(1_060);
  assert.deepEqual([await second, journal.isFull, journal.pending], [true, false, 0]);
});

test("while billing is away what ended is kept and tried again, ever more rarely; that is said once", async () => {
  const { journal, end, advance, refusals, logged, charged, listKept, takePosted } = start();
  refusals.push(...Array.from({ length: 7 }, away));
  await end("c1");
  await advance(60);
  for (const pauseMs of [200, 400, 800, 1_600, 3_200, 5_000, 5_000]) {
    assert.equal(takePosted().length, 1);
    await advance(pauseMs - 1);
    assert.deepEqual(takePosted(), [], `not before ${pauseMs} ms`);
    await advance(1);
  }
  assert.deepEqual([takePosted(), charged, listKept(), journal.pending], [[["c1"]], ["c1"], [], 0]);
  assert.deepEqual(logged, [`warn 1 ${late} Failure`]);
  refusals.push(away());
  await end("c2");
  await advance(60);
  await advance(199);
  assert.equal(takePosted().length, 1);
  await advance(1);
  assert.equal(takePosted().length, 1, "the pauses begin anew");
  assert.equal(logged.length, 2);
});

test("nobody's hurry shortens the pause while billing is away", async () => {
  const { end, advance, refusals, takePosted } = start();
  refusals.push(away());
  await end("c1");
  await advance(60);
  takePosted();
  await end("c2", "");
  assert.deepEqual(takePosted(), []);
  await advance(200);
  assert.deepEqual(takePosted(), [["c1", "c2"]]);
});

test("a fact that billing refuses for good is told and stays on disk, and holds up no other", async () => {
  const { wallet_not_found, insufficient_balance } = billingFailures;
  for (const failure of [kitFailures.invalid_request, wallet_not_found, insufficient_balance]) {
    const { journal, end, advance, unwanted, logged, charged, listKept, takePosted } = start();
    unwanted.set(
      "c2",
      new Failure(failure, { field: "", reason: "", reason_zh_CN: "", required: "", available: "", currency: "" }),
    );
    for (const callId of ["c1", "c2", "c3"]) await end(callId);
    await advance(60);
    assert.deepEqual(takePosted(), [["c1", "c2", "c3"], ["c1"], ["c2"], ["c3"]], failure.code);
    assert.deepEqual([charged, listKept(), journal.pending], [["c1", "c3"], ["c2 ended"], 0]);
    assert.deepEqual(logged, ["error c2 billing refuses a usage fact; it stays on disk Failure"]);
  }
});

test("what is no refusal of billing's is tried again, whatever it is", async () => {
  const { end, advance, refusals, charged } = start();
  refusals.push(new TypeError("a bug"), Object.assign(new Error("half a failure"), { type: kitFailures.not_found }));
  await end("c1");
  await advance(60);
  await advance(200);
  assert.deepEqual(charged, []);
  await advance(400);
  assert.deepEqual(charged, ["c1"]);
});

test("an end that cannot be written is charged before the answer leaves, or else as soon as billing is back", async () => {
  const { begin, journal, advance, refusals, logged, charged, setFull, listKept, takePosted } = start();
  const first = await begin("c1");
  const second = await begin("c2");
  setFull(true);
  await journal.end(first, () => void charged.push("c1"));
  assert.deepEqual([takePosted(), charged, journal.pending], [[["c1"]], ["c1"], 0]);
  assert.deepEqual(listKept(), ["c2 begun"]);
  refusals.push(away());
  await journal.end(second, () => void charged.push("c2"));
  assert.deepEqual([charged, journal.pending, takePosted()], [["c1"], 1, [["c2"]]]);
  await advance(60);
  assert.deepEqual([charged, listKept()], [["c1", "c2"], []]);
  const text = "the end of a call cannot be written; it is charged at once Error";
  assert.deepEqual(logged, [`error c1 ${text}`, `error c2 ${text}`]);
});

test("an end that does not even fit into the spool is charged before the answer leaves", async () => {
  const { begin, journal, charged, setClosed, takePosted } = start();
  const attempt = await begin("c1");
  setClosed(true);
  await journal.end(attempt, () => void charged.push("c1"));
  assert.deepEqual([takePosted(), charged], [[["c1"]], ["c1"]]);
});

test("of a process that died what had ended is charged, and the rest recorded as lost, each attempt once", async () => {
  const { journal, advance, kept, listKept, logged, takePosted } = start();
  const record = (kind: "begun" | "ended", callId: string, attempt = 1) => {
    const fact = factOf(callId, "lse_1", attempt);
    const begun = toBytes(begunFormat, fact);
    return { kind, fact, entry: { record: kind === "begun" ? begun : toBytes(endedFormat, { begun, fact }) } };
  };
  let isDone = false;
  const records = [record("begun", "c1"), record("begun", "c2"), record("ended", "c1"), record("begun", "c1", 2)];
  for (const { entry } of records) kept.set(entry, "left by the dead");
  const recovering = journal.recover(records).then(() => {
    isDone = true;
  });
  await quiet();
  assert.equal(isDone, false);
  await advance(60);
  await recovering;
  assert.deepEqual(takePosted(), [["c1", "c2 lost", "c1 lost"]]);
  assert.deepEqual(listKept(), []);
  assert.deepEqual(logged, ["warn 3 attempts of a process that died are charged now"]);
  await journal.recover([]);
  assert.equal(logged.length, 1);
});

test("what is lost is marked as estimated, and what ended is posted as it is", async () => {
  const { journal, advance, end, estimated } = start();
  const seen: unknown[] = [];
  const fact = create(UsageFactSchema, { callId: "c1", outcome: CallOutcome.FAILED, latencyMs: 7n, leaseId: "lse_1" });
  const entry = { record: toBytes(begunFormat, fact) };
  const recovering = journal.recover([{ kind: "begun", fact, entry }]).then(() => seen.push("done"));
  assert.equal(journal.pending, 1);
  await advance(60);
  await recovering;
  await end("c2", "");
  assert.deepEqual([seen, estimated], [["done"], [true, false]]);
});

test("a flush charges what has ended at once, and resolves when billing has it", async () => {
  const { journal, end, holdAnswers, takePosted, charged } = start();
  await journal.flush(AbortSignal.abort());
  assert.equal(journal.pending, 0);
  await end("c1");
  const answer = holdAnswers();
  let isFlushed = false;
  const flushing = journal.flush(new AbortController().signal).then(() => {
    isFlushed = true;
  });
  await quiet();
  assert.deepEqual([takePosted(), isFlushed, journal.pending], [[["c1"]], false, 1]);
  answer();
  await flushing;
  assert.deepEqual([charged, journal.pending], [["c1"], 0]);
});

test("a flush whose time is over rejects with the reason, whether before or while it waits", async () => {
  const { journal, end, refusals } = start();
  refusals.push(away(), away());
  await end("c1");
  const reason = new Error("time is over");
  await assert.rejects(journal.flush(AbortSignal.abort(reason)), reason);
  const controller = new AbortController();
  const flushing = journal.flush(controller.signal);
  controller.abort(reason);
  await assert.rejects(flushing, reason);
});

test("once stopped it posts nothing by itself; what had ended stays on disk", async () => {
  const { journal, end, advance, listKept, takePosted } = start();
  await end("c1");
  await journal.stop();
  await advance(10_000);
  assert.deepEqual([takePosted(), listKept()], [[], ["c1 ended"]]);
  await end("c2");
  await advance(10_000);
  assert.deepEqual(takePosted(), []);
});

test("what is being posted counts as pending although it was taken out of the queue by nobody yet", async () => {
  const { journal, end, advance, holdAnswers } = start();
  const answer = holdAnswers();
  await end("c1");
  await advance(60);
  assert.equal(journal.pending, 1);
  await end("c2");
  assert.equal(journal.pending, 2);
  answer();
  await quiet();
  assert.equal(journal.pending, 1);
});

test("a call with a hold of its own that ends while others are being charged is charged right behind them", async () => {
  const { end, advance, holdAnswers, takePosted } = start();
  const answer = holdAnswers();
  await end("c1");
  await advance(60);
  await end("c2");
  await end("h1", "");
  assert.deepEqual(takePosted(), [["c1"]]);
  answer();
  await quiet();
  assert.deepEqual(takePosted(), [["c2", "h1"]]);
});
