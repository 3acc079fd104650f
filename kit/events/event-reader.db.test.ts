import assert from "node:assert/strict";
import { after, test } from "node:test";
import { SourceContextSchema } from "@bufbuild/protobuf/wkt";
import { append, closed, openEventNode, opened, outbox, say } from "../testing/event-log.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { defineEvent } from "./event.ts";
import { decodeEvent, findEnd, type LogRow, readEvents, readRange, toEventBatch } from "./event-reader.ts";

const { admin, writerDb, hearerDb } = await openEventNode({ after }, { clock: createFakeClock() });
const limits = { timeout: 120_000 };
const everything = { types: [opened.type, closed.type], afterSeq: 0n, untilSeq: 1_000_000n };

/** Empties the log. Then a:1, b:2 and a:3 were opened and a:4 closed, a second apart from 12:00:01 on; gives their numbers. */
async function fill(): Promise<readonly [bigint, bigint, bigint, bigint]> {
  await admin`truncate event_log.event`;
  await say(writerDb, opened, "a:1");
  await say(writerDb, opened, "b:2");
  await say(writerDb, opened, "a:3");
  await say(writerDb, closed, "a:4");
  const rows = await admin<{ seq: bigint }[]>`
    with numbered as (select seq, row_number() over (order by seq) as n from event_log.event)
    update event_log.event set time = timestamptz '2026-01-01 12:00:00Z' + make_interval(secs => numbered.n)
    from numbered where event.seq = numbered.seq returning event.seq::bigint`;
  const [first, second, third, fourth] = rows.map(({ seq }) => BigInt(seq)).sort((a, b) => Number(a - b));
  assert.ok(first && second && third && fourth);
  return [first, second, third, fourth];
}

const valuesOf = (events: readonly { readonly data: unknown }[]) => events.map(({ data }) => data);

test("a read gives the first events of its types after a number, in order", limits, async () => {
  const [first] = await fill();
  const read = async (...[types, afterSeq, limit]: [readonly string[], bigint, number]) =>
    valuesOf((await readEvents(hearerDb.sql, types, afterSeq, limit)).events);
  assert.deepEqual(await read(everything.types, 0n, 100), ["a:1", "b:2", "a:3", "a:4"]);
  assert.deepEqual(await read([opened.type], 0n, 100), ["a:1", "b:2", "a:3"]);
  assert.deepEqual(await read(everything.types, first, 2), ["b:2", "a:3"]);
  assert.deepEqual(await read([], 0n, 100), []);
});

test(
  "a read stops before the first event that an earlier transaction still holds back, and says so",
  limits,
  async () => {
    await fill();
    assert.equal((await readEvents(hearerDb.sql, [opened.type], 0n, 100)).isHeldBack, false);
    await writerDb.transaction(async (tx) => {
      await append(tx, opened, "a:slow");
      await say(writerDb, opened, "a:quick");
      const { events, isHeldBack } = await readEvents(hearerDb.sql, [opened.type], 0n, 100);
      assert.deepEqual([valuesOf(events), isHeldBack], [["a:1", "b:2", "a:3"], true]);
    });
    const { events, isHeldBack } = await readEvents(hearerDb.sql, [opened.type], 0n, 100);
    assert.deepEqual([valuesOf(events).slice(3), isHeldBack], [["a:slow", "a:quick"], false]);
  },
);

test("a batch ends before the first row that is not settled, were it the very first", () => {
  const rows = (...settled: readonly boolean[]) =>
    settled.map((is_settled, n) => ({ seq: BigInt(n), is_settled }) as unknown as LogRow);
  const lengthOf = (...settled: readonly boolean[]) => {
    const { events, isHeldBack } = toEventBatch(rows(...settled));
    return [events.length, isHeldBack];
  };
  assert.deepEqual(lengthOf(), [0, false]);
  assert.deepEqual(lengthOf(true, true), [2, false]);
  assert.deepEqual(lengthOf(false, true), [0, true]);
  assert.deepEqual(lengthOf(true, false, true), [1, true]);
});

test("the end of the log is where every event to come lies behind", limits, async () => {
  const [, , , last] = await fill();
  assert.equal(await findEnd(hearerDb.sql, [opened.type]), last);
  await writerDb.transaction(async (tx) => {
    await append(tx, opened, "a:slow");
    await say(writerDb, closed, "a:5");
    assert.equal(await findEnd(hearerDb.sql, [opened.type]), last);
    assert.ok((await findEnd(hearerDb.sql, [closed.type])) > last);
  });
});

test("a range is bounded by numbers, keys and times, each as it says", limits, async () => {
  const [first, second, third, fourth] = await fill();
  const at = (second: number) => Date.UTC(2026, 0, 1, 12, 0, second);
  const cases: readonly [Partial<Parameters<typeof readRange>[1]>, readonly string[]][] = [
    [{}, ["a:1", "b:2", "a:3", "a:4"]],
    [{ types: [closed.type] }, ["a:4"]],
    [{ afterSeq: first }, ["b:2", "a:3", "a:4"]],
    [{ untilSeq: third }, ["a:1", "b:2", "a:3"]],
    [{ afterSeq: second, untilSeq: fourth }, ["a:3", "a:4"]],
    [{ keys: ["b"] }, ["b:2"]],
    [{ keys: ["a", "b"] }, ["a:1", "b:2", "a:3", "a:4"]],
    [{ keys: [] }, []],
    [{ fromMs: at(2) }, ["b:2", "a:3", "a:4"]],
    [{ beforeMs: at(3) }, ["a:1", "b:2"]],
    [{ fromMs: at(2), beforeMs: at(4), keys: ["a"] }, ["a:3"]],
    [{ fromMs: 0 }, ["a:1", "b:2", "a:3", "a:4"]],
    [{ beforeMs: 0 }, []],
  ];
  for (const [bounds, expected] of cases) {
    const found = await readRange(hearerDb.sql, { ...everything, ...bounds }, 100);
    assert.deepEqual(valuesOf(found), expected, `${Object.entries(bounds)}`);
  }
  assert.deepEqual(valuesOf(await readRange(hearerDb.sql, everything, 3)), ["a:1", "b:2", "a:3"]);
});

test("an event is received as it was said; it has a revision when it is one of a stream", limits, async () => {
  await fill();
  await writerDb.transaction((tx) =>
    outbox.append(tx, opened, { value: "s:1" }, { expectedRevision: "any", id: "evt_stream" }),
  );
  const { events } = await readEvents(hearerDb.sql, [opened.type], 0n, 100);
  const [plain] = events;
  const streamed = events.at(-1);
  assert.ok(plain && streamed);
  const { id, data, ...rest } = decodeEvent(plain, opened);
  assert.equal(data.$typeName, "google.protobuf.StringValue");
  assert.match(id, /^evt_/);
  const timeMs = Date.UTC(2026, 0, 1, 12, 0, 1);
  assert.deepEqual(rest, { type: opened.type, source: "test-writer", key: "a", timeMs, traceparent: "" });
  const received = decodeEvent(streamed, opened);
  assert.deepEqual([received.id, received.revision], ["evt_stream", 1]);
});

test("fields that this program does not know are passed over, and what does not fit is refused", limits, async () => {
  await fill();
  const [row] = (await readEvents(hearerDb.sql, [opened.type], 0n, 1)).events;
  assert.ok(row);
  const event = defineEvent(opened.type, SourceContextSchema, () => "");
  const { data } = decodeEvent({ ...row, data: { fileName: "a.ts", since: "tomorrow" } }, event);
  assert.equal((data as unknown as { fileName: string }).fileName, "a.ts");
  assert.throws(() => decodeEvent({ ...row, data: { fileName: 1 } }, event), /SourceContext/);
});
