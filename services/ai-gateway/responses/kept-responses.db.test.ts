import assert from "node:assert/strict";
import { after, beforeEach, test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { openTestCluster } from "@lyss/kit/testing/postgres.ts";
import { deriveTestKey, silentLog as log } from "@lyss/kit/testing/test-cluster.ts";
import { unsaidPolicy } from "../data-policies/data-policy.ts";
import { startResponse } from "../dialects/responses/response-object.ts";
import { readResponseRequest } from "../dialects/responses/response-request.ts";
import { createKeptResponses } from "./kept-responses.ts";
import { createResponseEventStore } from "./response-event-store.ts";
import { createResponseEvents } from "./response-events.ts";
import { createResponseStore } from "./response-store.ts";

const cluster = await openTestCluster({ after }, [
  { name: "ai-gateway", migrations: new URL("../migrations/", import.meta.url) },
]);
const db = cluster.open("ai-gateway");
const clock = createFakeClock();
const random = createRandom(clock);
const store = createResponseStore(db);
const heartbeatMs = 8_000;

const dataPolicies = {
  of: (tenantId: string) => (tenantId === "ten_brief" ? { ...unsaidPolicy, retentionDays: 1 } : unsaidPolicy),
};

const key = deriveTestKey("ai-gateway.response");
const eventStore = createResponseEventStore(db);

/** A gateway node. */
const start = () =>
  createKeptResponses({
    ...{
      store,
      dataPolicies,
      clock,
      random,
      log,
      heartbeatMs,
      retentionDays: 30,
      maxBytes: 10_000,
      maxRunning: 3,
      key,
    },
    events: createResponseEvents({ store: eventStore, clock, random, log, key }),
  });
let node = start();
const ann = { tenantId: "ten_1", ownerId: "usr_ann" };

beforeEach(async () => {
  node = start();
  await db.transaction(async (tx) => void (await tx`delete from response`));
});

function kept(
  name: string,
  parts: { said?: string; previous?: string; status?: "completed" | "queued" | "failed" } = {},
) {
  const { said = name, previous, status = "completed" } = parts;
  const read = readResponseRequest(Buffer.from(JSON.stringify({ model: "m", input: "x" })));
  const begun = startResponse(read, { callId: `call_${name}`, startedAtMs: clock.nowMs() }, "queued");
  const output = [{ type: "message", id: `msg_${name}`, content: said }];
  return {
    response: { ...begun, status, output: status === "queued" ? [] : output },
    input: [{ type: "message", id: `in_${name}`, role: "user", content: name }],
    previousResponseId: previous,
  };
}

const name = (id: string, owner = ann) => ({ ...owner, responseId: `resp_${id}` });
const notFound = (err: unknown) => isFailure(err, aiGatewayFailures.response_not_found);
const statusOf = async (id: string, at = node) => (await at.get(name(id))).response.status;

async function runJob(at: typeof node, jobName: string): Promise<void> {
  await at.jobs.find((job) => job.name === jobName)?.run(new AbortController().signal);
}

test("what is kept for somebody is listed in plain, newest first, and removed with them; others keep theirs", async () => {
  const bob = { ...ann, ownerId: "usr_bob" };
  await node.keep(ann, kept("a"));
  await node.keep(ann, kept("b"));
  await node.keep(bob, kept("c"));
  const listed = await db.transaction((tx) => node.listOf(tx, { userId: "usr_ann" }));
  assert.deepEqual(
    listed.map((row) => (row as { response: { id: string } }).response.id),
    ["resp_b", "resp_a"],
  );
  assert.match(JSON.stringify(listed), /"content":"a"/);
  for (const _repeat of [1, 2]) await db.transaction((tx) => node.removeOf(tx, { userId: "usr_ann" }));
  await assert.rejects(node.get(name("a")), notFound);
  assert.ok(await node.get(name("c", bob)));
});

test("a response is its owner's only: for others, in the tenant or not, it does not exist", async () => {
  assert.equal(await node.keep(ann, kept("a")), true);
  assert.deepEqual((await node.get(name("a"))).response, kept("a").response);
  for (const other of [
    { ...ann, ownerId: "usr_bob" },
    { ...ann, tenantId: "ten_2" },
  ]) {
    await assert.rejects(node.get(name("a", other)), notFound);
    await assert.rejects(node.cancel(name("a", other)), notFound);
    await assert.rejects(node.remove(name("a", other)), notFound);
    await assert.rejects(node.listItems(name("a", other)), (err) => isFailure(err, aiGatewayFailures.invalid_request));
  }
  await node.remove(name("a"));
  await assert.rejects(node.get(name("a")), notFound);
});

test("what was said stands sealed in the database, and opens in no other row", async () => {
  await node.keep(ann, kept("a", { said: "a secret sentence" }));
  await node.keep(ann, kept("b"));
  const [row] = await db.sql`select encode(response, 'escape') || encode(input, 'escape') as text from response`;
  assert.doesNotMatch(row?.["text"], /secret|assistant|message/);
  await db.transaction(
    (tx) => tx`
      update response set response = (select response from response where response_id = 'resp_a')
      where response_id = 'resp_b'`,
  );
  await assert.rejects(node.get(name("b")), /does not open/);
});

test("a response is kept no longer than its tenant's data policy allows", async () => {
  const brief = { tenantId: "ten_brief", ownerId: "usr_ann" };
  await node.keep(brief, kept("brief"));
  clock.advance(86_400_000 - 1);
  assert.equal((await node.get(name("brief", brief))).response.id, "resp_brief");
  clock.advance(1);
  await assert.rejects(node.get(name("brief", brief)), notFound);
});

test("it is kept for its days and then forgotten, and one that is too large is not kept at all", async () => {
  await node.keep(ann, kept("a"));
  assert.equal(await node.keep(ann, kept("b", { said: "x".repeat(10_001) })), false);
  await assert.rejects(node.get(name("b")), notFound);
  clock.advance(30 * 86_400_000 - 1);
  assert.equal(await statusOf("a"), "completed");
  clock.advance(1);
  await assert.rejects(node.get(name("a")), notFound);
  await runJob(node, "forget-responses");
  const [row] = await db.sql`select count(*)::int as count from response`;
  assert.equal(row?.["count"], 0);
});

test("a conversation is put together from its responses, the oldest first, unless one is missing or has no answer", async () => {
  await node.keep(ann, kept("a"));
  await node.keep(ann, kept("b", { previous: "resp_a" }));
  await node.keep(ann, kept("c", { previous: "resp_b" }));
  const ids = (await node.listItems(name("c"))).map(({ id }) => id);
  assert.deepEqual(ids, ["in_a", "msg_a", "in_b", "msg_b", "in_c", "msg_c"]);
  await node.keep(ann, kept("d", { previous: "resp_c", status: "failed" }));
  await assert.rejects(node.listItems(name("d")), /has not ended with an answer/);
  await node.remove(name("b"));
  await assert.rejects(node.listItems(name("c")), /no longer kept/);
  for (const id of ["nobody", "\u0000", "a\u0000"]) await assert.rejects(node.listItems(name(id)), /is not kept/);
});

test("B12: one in the background is ended once: by its answer or by a cancel, whichever is first, and a repeat changes nothing", async () => {
  let cancels = 0;
  await node.begin(ann, kept("a", { status: "queued" }), () => void cancels++);
  assert.equal(await statusOf("a"), "queued");
  await node.markInProgress("resp_a");
  assert.equal(await statusOf("a"), "in_progress");
  assert.equal((await node.cancel(name("a"))).status, "cancelled");
  assert.equal((await node.cancel(name("a"))).status, "cancelled");
  assert.ok(cancels > 0);
  assert.equal(await node.end(ann, kept("a").response), false);
  assert.equal(await statusOf("a"), "cancelled");

  cancels = 0;
  await node.begin(ann, kept("b", { status: "queued" }), () => void cancels++);
  assert.equal(await node.end(ann, kept("b").response), true);
  assert.equal((await node.cancel(name("b"))).status, "completed");
  assert.equal(cancels, 0);
  await node.keep(ann, kept("c"));
  await assert.rejects(node.cancel(name("c")), (err) => isFailure(err, aiGatewayFailures.response_not_background));
});

test("a cancel on one node ends the call on another within a beat of its job", async () => {
  let cancels = 0;
  await node.begin(ann, kept("a", { status: "queued" }), () => void cancels++);
  await start().cancel(name("a"));
  assert.equal(cancels, 0);
  await runJob(node, "extend-background-responses");
  assert.equal(cancels, 1);
});

test("the response of a node that died is failed after four heart-beats, and not while it lives", async () => {
  await node.begin(ann, kept("a", { status: "queued" }), () => undefined);
  const other = start();
  for (let beats = 0; beats < 10; beats++) {
    clock.advance(heartbeatMs);
    await runJob(node, "extend-background-responses");
    await runJob(other, "fail-lost-responses");
  }
  assert.equal(await statusOf("a"), "queued");
  clock.advance(4 * heartbeatMs - 1);
  await runJob(other, "fail-lost-responses");
  assert.equal(await statusOf("a"), "queued");
  clock.advance(1);
  await runJob(other, "fail-lost-responses");
  const { response } = await other.get(name("a"));
  assert.deepEqual([response.status, response.error?.code], ["failed", "GATEWAY_019"]);
});

test("a node that was held up does not take itself for dead", async () => {
  await node.begin(ann, kept("a", { status: "queued" }), () => assert.fail("it was ended"));
  clock.advance(10 * heartbeatMs);
  await runJob(node, "fail-lost-responses");
  assert.equal(await statusOf("a"), "queued");
});

test("one in the background whose answer is too large ends as failed and says why", async () => {
  await node.begin(ann, kept("a", { status: "queued" }), () => undefined);
  assert.equal(await node.end(ann, kept("a", { said: "x".repeat(10_001) }).response), true);
  const { response } = await node.get(name("a"));
  assert.deepEqual([response.status, response.error?.code], ["failed", "GATEWAY_020"]);
});
