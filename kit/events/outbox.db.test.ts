import assert from "node:assert/strict";
import { after, test } from "node:test";
import { StringValueSchema, UInt64ValueSchema } from "@bufbuild/protobuf/wkt";
import { isFailure } from "../errors/failure.ts";
import { noSession, runInContext } from "../rpc/call-context.ts";
import { createRandom } from "../service/ids.ts";
import { openEventNode } from "../testing/event-log.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { defineEvent, type EventType, type StreamAppend } from "./event.ts";
import { eventFailures } from "./event-failures.ts";
import { createOutbox } from "./outbox.ts";

const { writerDb } = await openEventNode({ after }, { clock: createFakeClock() });
const clock = createFakeClock(Date.UTC(2026, 0, 2));
const said = defineEvent("test.said", StringValueSchema, ({ value }) => value.split(":")[0] ?? "");
const outbox = createOutbox({ source: "test-writer", publishes: [said], clock, random: createRandom(clock) });
const limits = { timeout: 120_000 };

const put = (value: string, options: StreamAppend) =>
  writerDb.transaction((tx) => outbox.append(tx, said, { value }, options));
const say = (event: EventType<typeof StringValueSchema>, value: string) =>
  writerDb.transaction((tx) => outbox.append(tx, event, { value }));
const listRows = () =>
  writerDb.sql<Record<string, unknown>[]>`select *, revision::int from event_log.event order by seq`;

const isAt = (current: number) => (err: unknown) =>
  isFailure(err, eventFailures.wrong_expected_revision) &&
  err.type.httpStatus === 409 &&
  err.details["current"] === current;

test(
  "an event lies in the log as it was said, with its source, key, time and the call that caused it",
  limits,
  async () => {
    await say(said, "alone:1");
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const context = {
      ...{ traceId, spanId: "b7ad6b7169203331", isSampled: true, caller: undefined },
      ...{ deadlineMs: undefined, locale: "en_US" as const },
    };
    await runInContext(context, () => say(said, "called:1"));
    const inTheirName = { ...noSession, tenantId: "ten_1", userId: "usr_1", keyId: "", permissions: [], models: [] };
    const caller = { ...inTheirName, operatorId: "usr_op" };
    await runInContext({ ...context, caller }, () => say(said, "acted:1"));
    await say(said, "after:1");
    const [alone, called, acted, afterwards] = await listRows();
    assert.deepEqual([called?.["operator"], acted?.["operator"], afterwards?.["operator"]], ["", "usr_op", ""]);
    assert.deepEqual(
      { ...alone, id: "", seq: "" },
      {
        ...{ id: "", seq: "", type: "test.said", source: "test-writer", key: "alone", time: new Date(clock.nowMs()) },
        ...{ data: "alone:1", traceparent: "", stream: null, revision: null, operator: "" },
      },
    );
    assert.match(String(alone?.["id"]), /^evt_/);
    assert.notEqual(alone?.["id"], called?.["id"]);
    assert.equal(called?.["traceparent"], `00-${traceId}-b7ad6b7169203331-01`);
  },
);

test("what the service does not declare is refused by name, also under a name that it declares", limits, async () => {
  const key = () => "k";
  const unknown = defineEvent("test.unknown", StringValueSchema, key);
  const message = "service test-writer does not declare that it publishes test.unknown";
  await assert.rejects(say(unknown, "a"), { name: "TypeError", message });
  const other = defineEvent("test.said", UInt64ValueSchema, key);
  await assert.rejects(
    writerDb.transaction((tx) => outbox.append(tx, other, { value: 1n })),
    { name: "TypeError", message: /publishes test.said/ },
  );
});

test("256 KiB of JSON are the most an event may hold, whatever its characters take", limits, async () => {
  const quotes = 2;
  const long = (chars: number) => `a:${"x".repeat(chars - 2)}`;
  await say(said, long(262_144 - quotes));
  await assert.rejects(say(said, long(262_144 - quotes + 1)), {
    name: "RangeError",
    message: "event test.said has 262145 bytes, the limit is 262144",
  });
  await assert.rejects(say(said, "你".repeat(100_000)), /has 300002 bytes/);
});

test("a key has at most 500 characters, of any length in bytes", limits, async () => {
  await say(said, "你".repeat(500));
  await assert.rejects(say(said, "k".repeat(501)), {
    name: "RangeError",
    message: "the key of event test.said has 501 characters, the limit is 500",
  });
});

test(
  "an append whose expectation is wrong is refused with the current revision and leaves nothing",
  limits,
  async () => {
    await assert.rejects(put("a:0", { expectedRevision: "exists" }), isAt(0));
    assert.equal(await put("a:1", { expectedRevision: "none" }), 1);
    await assert.rejects(put("a:x", { expectedRevision: "none" }), isAt(1));
    assert.equal(await put("a:2", { expectedRevision: 1 }), 2);
    await assert.rejects(put("a:x", { expectedRevision: 1 }), isAt(2));
    await assert.rejects(put("a:x", { expectedRevision: 3 }), isAt(2));
    assert.equal(await put("a:3", { expectedRevision: "any" }), 3);
    assert.equal(await put("a:4", { expectedRevision: "exists" }), 4);
    assert.equal(await put("a:5", { expectedRevision: 0, stream: "another" }), 1);
    assert.equal(await put("c:1", { expectedRevision: "any" }), 1);
    for (const wrong of [-1, -2, 1.5, Number.NaN]) {
      const message = `${wrong} is not a revision`;
      await assert.rejects(put("a:x", { expectedRevision: wrong }), { name: "RangeError", message });
    }
    const rows = await listRows();
    assert.deepEqual(
      rows.filter(({ stream }) => stream !== null).map(({ data, stream, revision }) => [data, stream, revision]),
      [
        ["a:1", "a", 1],
        ["a:2", "a", 2],
        ["a:3", "a", 3],
        ["a:4", "a", 4],
        ["a:5", "another", 1],
        ["c:1", "c", 1],
      ],
    );
  },
);

test("a repeated event id appends nothing and gives the first one's revision, also in a race", limits, async () => {
  const count = async () => (await listRows()).length;
  const before = await count();
  const once = { expectedRevision: 0, id: "evt_once" } as const;
  assert.deepEqual(await Promise.all([1, 2, 3, 4].map(() => put("twice:1", once))), [1, 1, 1, 1]);
  assert.equal(await put("twice:2", { expectedRevision: 1 }), 2);
  assert.equal(await put("twice:1", once), 1, "even when the stream has gone on");
  assert.equal(await count(), before + 2);
  await assert.rejects(put("b:1", once), { code: "23505" }, "an id belongs to one stream");
});

test("a rolled-back append uses up no revision", limits, async () => {
  const cancel = new Error("changed my mind");
  const lost = writerDb.transaction(async (tx) => {
    await outbox.append(tx, said, { value: "undone:lost" }, { expectedRevision: "none" });
    throw cancel;
  });
  await assert.rejects(lost, cancel);
  assert.equal(await put("undone:1", { expectedRevision: "none" }), 1);
});
