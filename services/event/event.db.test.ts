import assert from "node:assert/strict";
import { after, test } from "node:test";
import { eventServiceFailures } from "@lyss/contracts/failures/event.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { addSubscription, appendEvents } from "@lyss/kit/testing/event-log-rows.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { event } from "./service.ts";

const { ops, sql, db } = await startTestService({ after }, event, { clients: {} });
const failsWith = (type: FailureType) => (err: unknown) => isFailure(err, type);
const trace = "0af7651916cd43dd8448eb211c80319c";
const page = { order: "newest", limit: 50 } as const;

await appendEvents(sql, [
  { id: "evt_1", type: "key.created", key: "key_1", data: { keyId: "key_1", tenantId: "ten_a" } },
  { id: "evt_2", type: "key.created", key: "key_2", data: { keyId: "key_2", tenantId: "ten_b" } },
  { id: "evt_3", type: "key.revoked", key: "key_1", data: { keyId: "key_1", tenantId: "ten_a" } },
  {
    id: "evt_4",
    type: "job.ended",
    source: "user",
    data: { tenantId: "ten_a" },
    traceparent: `00-${trace}-${trace.slice(16)}-01`,
  },
  { id: "evt_5", type: "user.created", source: "user", data: { userId: "usr_1", tenantId: "ten_a" } },
]);
await addSubscription(sql, "watch-keys", ["key.created", "key.revoked"], {
  parkedIds: ["evt_1", "evt_3"],
  isReplayable: true,
});
await addSubscription(sql, "mail", ["user.created"]);

const idsOf = ({ rows }: { readonly rows: readonly { readonly id: string }[] }) => rows.map(({ id }) => id);

test("the log is filtered by type, source, key, trace and time, and paged both ways without gaps", async () => {
  assert.deepEqual(idsOf(await ops.listEvents(page)), ["evt_5", "evt_4", "evt_3", "evt_2", "evt_1"]);
  assert.deepEqual(idsOf(await ops.listEvents({ ...page, types: ["key.created", "key.revoked"], key: "key_1" })), [
    "evt_3",
    "evt_1",
  ]);
  assert.deepEqual(idsOf(await ops.listEvents({ ...page, source: "user" })), ["evt_5", "evt_4"]);
  assert.deepEqual(idsOf(await ops.listEvents({ ...page, traceId: trace })), ["evt_4"]);
  assert.deepEqual(idsOf(await ops.listEvents({ ...page, beforeMs: 0 })), []);
  assert.equal((await ops.listEvents({ ...page, fromMs: 0 })).rows.length, 5);
  for (const order of ["newest", "oldest"] as const) {
    const seen: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const part = await ops.listEvents({ order, limit: 2, cursor });
      seen.push(...idsOf(part));
      cursor = part.nextCursor;
      if (cursor === undefined) break;
    }
    const oldest = ["evt_1", "evt_2", "evt_3", "evt_4", "evt_5"];
    assert.deepEqual(seen, order === "oldest" ? oldest : oldest.toReversed());
  }
  assert.deepEqual(idsOf(await ops.listEvents({ order: "oldest", limit: 9, afterSeq: 3n })), ["evt_4", "evt_5"]);
  const cursor = Buffer.from('["1 or 1"]').toString("base64url");
  await assert.rejects(ops.listEvents({ ...page, cursor }), failsWith(kitFailures.invalid_request));
});

test("an event that has not settled holds back those after it, oldest first, until it is known", async () => {
  const mayCommit = Promise.withResolvers<void>();
  const hasAppended = Promise.withResolvers<void>();
  const open = sql.begin(async (tx) => {
    await tx`select event_log.append('evt_late', 'late.one', 'auth', 'k', now(), '{}', '')`;
    hasAppended.resolve();
    await mayCommit.promise;
  });
  await hasAppended.promise;
  await appendEvents(sql, [{ id: "evt_next", type: "late.two", data: {} }]);
  const tail = { order: "oldest", limit: 9, afterSeq: 5n } as const;
  assert.deepEqual(idsOf(await ops.listEvents(tail)), []);
  mayCommit.resolve();
  await open;
  assert.deepEqual(idsOf(await ops.listEvents(tail)), ["evt_late", "evt_next"]);
  await sql`delete from event_log.event where seq > 5`;
});

test("a tenant sees its own events of the listed types, and nothing else exists for it", async () => {
  const list = (tenantId: string, types?: readonly string[]) => ops.listTenantEvents({ ...page, tenantId, types });
  assert.deepEqual(idsOf(await list("ten_a")), ["evt_5", "evt_3", "evt_1"]);
  assert.deepEqual(idsOf(await list("ten_b")), ["evt_2"]);
  assert.deepEqual(idsOf(await list("ten_none")), []);
  assert.deepEqual(idsOf(await list("ten_a", ["key.revoked", "job.ended"])), ["evt_3"]);
  assert.deepEqual(idsOf(await list("ten_a", ["job.ended"])), []);
});

test("an event tells who has handled it, who gave it up, and who has not come to it", async () => {
  await sql`
    insert into event_log.subscription (service, name, types) values ('lyss_ai_gateway', 'slow', array['key.created'])`;
  const { event: found, receivers } = await ops.getEvent({ eventId: "evt_2" });
  assert.equal(found.key, "key_2");
  assert.deepEqual(
    receivers.map(({ service, subscription, state }) => [service, subscription, state]),
    [
      ["ai-gateway", "slow", "waiting"],
      ["auth", "watch-keys", "handled"],
    ],
  );
  const parked = (await ops.getEvent({ eventId: "evt_1" })).receivers.find(({ service }) => service === "auth");
  assert.deepEqual([parked?.state, parked?.lastError, parked?.attempts], ["parked", "Error: no", 10]);
  await assert.rejects(ops.getEvent({ eventId: "evt_none" }), failsWith(eventServiceFailures.not_found));
  const types = await ops.listEventTypes();
  assert.deepEqual(
    types.map(({ type, isTenantVisible, lastSeq }) => [type, isTenantVisible, lastSeq]),
    [
      ["job.ended", false, 4n],
      ["key.created", true, 2n],
      ["key.revoked", true, 3n],
      ["user.created", true, 5n],
    ],
  );
});

test("a replay is asked only of who allows it, for types that it hears, up to the end of the log", async () => {
  const base = { service: "auth", scope: {}, afterSeq: 0n, untilSeq: undefined, askedBy: "usr_op" };
  const whole = await ops.replayEvents({ ...base, subscription: "watch-keys" });
  assert.deepEqual([whole.state, whole.total, whole.untilSeq], ["pending", 3n, 7n]);
  const part = await ops.replayEvents({
    ...base,
    subscription: "watch-keys",
    scope: { types: ["key.created"], keys: ["key_2"], speed: 2 },
    untilSeq: 99n,
  });
  assert.deepEqual([part.total, part.untilSeq, part.scope.speed], [1n, 7n, 2]);
  const scope = { types: ["user.created"] };
  await assert.rejects(
    ops.replayEvents({ ...base, subscription: "watch-keys", scope }),
    failsWith(eventServiceFailures.type_not_heard),
  );
  await assert.rejects(
    ops.replayEvents({ ...base, subscription: "mail" }),
    failsWith(eventServiceFailures.not_replayable),
  );
  await assert.rejects(
    ops.replayEvents({ ...base, subscription: "none" }),
    failsWith(eventServiceFailures.subscription_not_found),
  );
  for (const { id: operationId } of [whole, part]) {
    assert.equal((await ops.pauseOperation({ operationId })).state, "paused");
    assert.equal((await ops.resumeOperation({ operationId })).state, "pending");
    assert.equal((await ops.cancelOperation({ operationId })).state, "canceled");
    assert.equal((await ops.cancelOperation({ operationId })).state, "canceled");
    await assert.rejects(ops.resumeOperation({ operationId }), failsWith(eventServiceFailures.operation_state));
  }
  const none = { operationId: "opn_none" };
  await assert.rejects(ops.pauseOperation(none), failsWith(eventServiceFailures.operation_not_found));
});

test("operations are limited and kept as a record of who asked for what; a skip leaves the event in the log", async () => {
  const mail = { service: "auth", subscription: "mail", scope: {}, askedBy: "usr_op" };
  for (let n = 0; n < 10; n++) await ops.redriveParkedEvents(mail);
  await assert.rejects(ops.redriveParkedEvents(mail), failsWith(eventServiceFailures.too_many_operations));
  const open = await ops.listOperations({ subscription: "mail", state: "pending", limit: 200 });
  for (const { id: operationId } of open.rows) await ops.cancelOperation({ operationId });

  const keys = { ...mail, subscription: "watch-keys" };
  const first = await ops.listParkedEvents({ ...keys, limit: 1 });
  assert.deepEqual(idsOf(first), ["evt_1"]);
  assert.deepEqual(idsOf(await ops.listParkedEvents({ ...keys, limit: 1, cursor: first.nextCursor })), ["evt_3"]);
  const skipped = await ops.skipParkedEvents({ ...keys, scope: { types: ["key.revoked"] } });
  assert.deepEqual([skipped.kind, skipped.state, skipped.handled, skipped.askedBy], ["skip", "done", 1n, "usr_op"]);
  assert.deepEqual(idsOf(await ops.listParkedEvents({ ...keys, limit: 9 })), ["evt_1"]);
  assert.equal((await ops.getEvent({ eventId: "evt_3" })).event.type, "key.revoked");
  await assert.rejects(ops.forgetSubscription(mail), failsWith(eventServiceFailures.subscription_live));
  await sql`update event_log.subscription set seen_at = now() - interval '1 hour' where name = 'mail'`;
  const [stale] = (await ops.listSubscriptions({ service: "auth" })).filter(({ name }) => name === "mail");
  assert.equal(stale?.isLive, false);
  assert.equal((await ops.forgetSubscription(mail)).state, "done");
  await assert.rejects(ops.forgetSubscription(mail), failsWith(eventServiceFailures.subscription_not_found));
  const record = await ops.listOperations({ service: "auth", state: "done", limit: 200 });
  assert.deepEqual(new Set(record.rows.map(({ kind }) => kind)), new Set(["skip", "forget"]));
});

test("the service's own role moves no position and writes no event of others", async () => {
  const refused = { code: "42501" };
  await assert.rejects(db.sql`insert into event_log.event (id) values ('x')`, refused);
  const { count } = await db.sql`update event_log.subscription set position = 0`;
  assert.equal(count, 0);
  assert.equal((await db.sql`select from event_log.parked_event`).length, 0);
});
