import assert from "node:assert/strict";
import { after, test } from "node:test";
import { backgroundFailures } from "@lyss/contracts/failures/ai-gateway-background.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { openTestCluster } from "@lyss/kit/testing/postgres.ts";
import { deriveTestKey, silentLog as log } from "@lyss/kit/testing/test-cluster.ts";
import { unsaidPolicy } from "../data-policies/data-policy.ts";
import { startResponse } from "../dialects/responses/response-object.ts";
import { readResponseRequest } from "../dialects/responses/response-request.ts";
import { toFirstEvents } from "./background-stream.ts";
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
const key = deriveTestKey("ai-gateway.response");
const eventStore = createResponseEventStore(db);
const maxRunning = 3;

/** A gateway node. */
const start = () =>
  createKeptResponses({
    ...{ store: createResponseStore(db), clock, random, log, key, maxRunning, maxBytes: 10_000 },
    ...{ dataPolicies: { of: () => unsaidPolicy }, heartbeatMs: 8_000, retentionDays: 30 },
    events: createResponseEvents({ store: eventStore, clock, random, log, key }),
  });
const [node, other] = [start(), start()];
const ann = { tenantId: "ten_1", ownerId: "usr_ann" };
const read = readResponseRequest(Buffer.from('{"model":"m","input":"x","background":true,"stream":true}'));
const queuedOf = (id: string) => startResponse(read, { callId: `call_${id}`, startedAtMs: clock.nowMs() }, "queued");
const nameOf = (id: string, owner = ann) => ({ ...owner, responseId: `resp_${id}` });

/** Begins a stream at `node`. */
async function begin(id: string, owner = ann, onLost = () => {}) {
  const queued = queuedOf(id);
  const events = toFirstEvents(queued);
  await node.begin(owner, { response: queued, input: [], previousResponseId: undefined, events }, () => undefined);
  return { queued, writer: node.events.open(owner, queued.id, events.length, onLost) };
}

const say = (writer: Awaited<ReturnType<typeof begin>>["writer"], text: string) =>
  writer.add("response.output_text.delta", JSON.stringify({ type: "response.output_text.delta", delta: text }));
const typesOf = (events: readonly string[] = []) => events.map((event) => /^event: (\S+)/.exec(event)?.[1]);

test("what is written at one node is read at another, from any place on, and by nobody else", async () => {
  const { writer } = await begin("a");
  let wakes = 0;
  const unwatch = node.events.watch("resp_a", () => void wakes++);
  for (const word of ["one", "two", "three"]) say(writer, word);
  await writer.flush();
  assert.ok(wakes > 0);
  unwatch();
  const all = await other.events.read(nameOf("a"), -1);
  assert.deepEqual(typesOf(all?.events).slice(0, 3), [
    ...["response.created", "response.queued", "response.output_text.delta"],
  ]);
  assert.deepEqual([all?.last, all?.isEnded, all?.isStreamed, all?.events.length], [4, false, true, 5]);
  for (let after = 0; after < 5; after++) {
    const page = await other.events.read(nameOf("a"), after);
    assert.deepEqual(page?.events, all?.events.slice(after + 1));
  }
  assert.equal(await other.events.findLast("resp_a"), 4);
  for (const stranger of [
    { ...ann, ownerId: "usr_bob" },
    { ...ann, tenantId: "ten_2" },
  ]) {
    assert.equal(await other.events.read(nameOf("a", stranger), -1), undefined);
  }
  await node.end(ann, { ...queuedOf("a"), status: "completed" });
});

test("nothing joins the events of a response that was cancelled or has ended at another node", async () => {
  let lost = 0;
  const { writer } = await begin("b", ann, () => void lost++);
  say(writer, "before");
  await writer.flush();
  await other.cancel(nameOf("b"));
  say(writer, "after");
  await writer.flush();
  assert.equal(lost, 1);
  const page = await other.events.read(nameOf("b"), -1);
  assert.deepEqual([page?.isEnded, page?.last, page?.events.length], [true, 2, 3]);
});

test("a batch that is written twice is there once", async () => {
  const { queued } = await begin("c");
  const batch = { responseId: queued.id, firstSequence: 2, lastSequence: 2, events: Buffer.from("x") };
  for (const _repeat of [1, 2]) assert.equal(await eventStore.append(batch), true);
  const [row] = await db.sql`select count(*)::int as count from response_event where response_id = ${queued.id}`;
  assert.equal(row?.["count"], 2);
  await node.end(ann, { ...queued, status: "completed" });
});

test("events stand sealed, open in no other row, and are gone with their response", async () => {
  for (const id of ["d", "e"]) {
    const { writer, queued } = await begin(id);
    say(writer, "a secret sentence");
    await writer.flush();
    await node.end(ann, { ...queued, status: "completed" });
  }
  const [row] = await db.sql`
    select string_agg(encode(events, 'escape'), '') as text from response_event where response_id = 'resp_d'`;
  assert.doesNotMatch(row?.["text"], /secret|response\.created/);
  await db.transaction(
    (tx) => tx`
      update response_event set events = (
        select events from response_event where response_id = 'resp_d' and first_sequence = 2)
      where response_id = 'resp_e' and first_sequence = 2`,
  );
  await assert.rejects(other.events.read(nameOf("e"), -1), /do not open/);
  await other.remove(nameOf("e"));
  await db.transaction((tx) => other.removeOf(tx, { userId: "usr_ann" }));
  const [left] = await db.sql`select count(*)::int as count from response_event`;
  assert.equal(left?.["count"], 0);
});

test("a tenant has no more in the background than it may, however many begin at once, and others have theirs", async () => {
  const crowd = { tenantId: "ten_crowd", ownerId: "usr_ann" };
  const begun = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => begin(`crowd${n}`, crowd)));
  const refused = begun.filter((one) => one.status === "rejected");
  assert.equal(refused.length, 8 - maxRunning);
  for (const { reason } of refused) assert.ok(isFailure(reason, backgroundFailures.too_many_background_responses));
  await begin("alone", { tenantId: "ten_other", ownerId: "usr_ann" });
  const first = begun.find((one) => one.status === "fulfilled");
  assert.equal(await node.end(crowd, { ...(first?.value.queued ?? queuedOf("x")), status: "completed" }), true);
  await begin("next", crowd);
});
