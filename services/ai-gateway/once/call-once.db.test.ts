import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { openTestCluster } from "@lyss/kit/testing/postgres.ts";
import { deriveTestKey, silentLog as log } from "@lyss/kit/testing/test-cluster.ts";
import { createCallOnce, type KeyedCall } from "./call-once.ts";
import { createOnceStore } from "./once-store.ts";

const cluster = await openTestCluster({ after }, [
  { name: "ai-gateway", migrations: new URL("../migrations/", import.meta.url) },
]);
const db = cluster.open("ai-gateway");
const clock = createFakeClock();
const random = createRandom(clock);
const store = createOnceStore(db);
const key = deriveTestKey("ai-gateway.answer-once");
const heartbeatMs = 8_000;

/** A gateway node. */
const start = () => createCallOnce({ store, clock, random, log, key, heartbeatMs });
const once = start();

beforeEach(() => db.transaction(async (tx) => void (await tx`delete from answer_once`)));

function call(parts: Partial<Omit<KeyedCall, "body">> & { readonly body?: string } = {}): KeyedCall {
  const { body = '{"model":"m"}', ...rest } = parts;
  return {
    tenantId: "ten_1",
    key: "k-1",
    callId: random.id("call"),
    surface: "chat",
    body: Buffer.from(body),
    ...rest,
  };
}

/** Begins a call that must be the first. */
async function begin(asked: KeyedCall, node = once) {
  const begun = await node.begin(asked);
  assert.ok("record" in begun, "the call was served before");
  return begun.record;
}

async function serve(asked: KeyedCall, answer: string): Promise<void> {
  const record = await begin(asked);
  for (const piece of answer) record.add(Buffer.from(piece));
  await record.keep("text/plain");
  await record.close();
}

async function repeat(asked: KeyedCall, node = once): Promise<string | undefined> {
  const begun = await node.begin(asked);
  return "first" in begun ? `${begun.first.callId} ${begun.first.contentType} ${begun.first.bytes}` : undefined;
}

const inFlight = (err: unknown) => isFailure(err, kitFailures.idempotency_in_flight);
const conflict = (err: unknown) => isFailure(err, kitFailures.idempotency_conflict);

test("B26: of 50 calls at once with one key one is served, the others are told that it is under way", async () => {
  const results = await Promise.allSettled(Array.from({ length: 50 }, () => once.begin(call())));
  const failed = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
  assert.equal(failed.length, 49);
  assert.ok(failed.every(inFlight));
});

test("B26, W40: a repeat gets the first answer, on every node and after a restart, for a day", async () => {
  const first = call();
  await serve(first, "the answer");
  const expected = `${first.callId} text/plain the answer`;
  assert.equal(await repeat(call()), expected);
  assert.equal(await repeat(call(), start()), expected);
  clock.advance(86_399_999);
  assert.equal(await repeat(call()), expected);
  clock.advance(1);
  assert.equal(await repeat(call()), undefined);
});

test("B26: another body, or another surface, is a conflict, while the first runs and after it", async () => {
  const record = await begin(call());
  await assert.rejects(once.begin(call({ body: "{}" })), conflict);
  record.add(Buffer.from("x"));
  await record.keep("text/plain");
  await assert.rejects(once.begin(call({ body: "{}" })), conflict);
  await assert.rejects(once.begin(call({ surface: "completions" })), conflict);
});

test("B26: tenants have nothing to do with each other's keys", async () => {
  await serve(call(), "one's");
  await serve(call({ tenantId: "ten_2" }), "the other's");
  assert.match((await repeat(call())) ?? "", /one's$/);
  assert.match((await repeat(call({ tenantId: "ten_2" }))) ?? "", /other's$/);
});

test("a call that failed frees its key", async () => {
  const record = await begin(call());
  await record.close();
  await (await begin(call({ body: "{}" }))).close();
});

test("the key of a node that died is free for the same request after four heart-beats, and not before", async () => {
  await begin(call());
  const node = start();
  clock.advance(4 * heartbeatMs - 1);
  await assert.rejects(node.begin(call()), inFlight);
  clock.advance(1);
  await assert.rejects(node.begin(call({ body: "{}" })), conflict);
  await begin(call(), node);
});

test("a long call keeps its key for as long as its node lives, and what a node taken for dead says later counts for nothing", async () => {
  const node = start();
  const first = await begin(call(), node);
  const [extend] = node.jobs;
  assert.ok(extend);
  for (let beats = 0; beats < 20; beats++) {
    clock.advance(heartbeatMs);
    await extend.run(new AbortController().signal);
  }
  await assert.rejects(once.begin(call()), inFlight);
  clock.advance(4 * heartbeatMs);
  const second = await begin(call());
  first.add(Buffer.from("late"));
  await first.keep("text/plain");
  await first.close();
  await assert.rejects(once.begin(call()), inFlight);
  second.add(Buffer.from("second"));
  await second.keep("text/plain");
  assert.match((await repeat(call())) ?? "", /second$/);
});

test("an answer of more than 4 MiB is not kept, and its repeat is refused rather than served again", async () => {
  const first = call();
  const record = await begin(first);
  for (let n = 0; n < 5; n++) record.add(Buffer.alloc(1_048_576));
  await record.keep("text/plain");
  await assert.rejects(
    once.begin(call()),
    (err) => isFailure(err, aiGatewayFailures.answer_not_kept) && err.details["callId"] === first.callId,
  );
});

test("an answer is sealed in the table, and one that was changed or moved is not given", async () => {
  await serve(call(), "shown to one");
  const [row] = await db.sql<{ answer: Buffer }[]>`select answer from answer_once`;
  assert.ok(row && !row.answer.includes("shown"));
  await serve(call({ key: "k-2" }), "another");
  await db.transaction(async (tx) => void (await tx`update answer_once set answer = ${row.answer} where key = 'k-2'`));
  await assert.rejects(once.begin(call({ key: "k-2" })), /does not open/);
});

test("the sweep forgets what has expired and nothing else", async () => {
  await serve(call({ key: "old" }), "x");
  clock.advance(86_400_000);
  await serve(call({ key: "new" }), "x");
  await once.jobs[1]?.run(new AbortController().signal);
  const rows = await db.sql<{ key: string }[]>`select key from answer_once`;
  assert.deepEqual(
    rows.map((row) => row.key),
    ["new"],
  );
});
