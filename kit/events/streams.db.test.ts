import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors/failure.ts";
import { createCollector, openEventNode, opened, outbox } from "../testing/event-log.ts";
import { onEvent, type StreamAppend } from "./event.ts";
import { eventFailures } from "./event-failures.ts";

const limits = { timeout: 120_000 };

/** Appends in a transaction of its own. */
async function openStreams(t: Parameters<typeof openEventNode>[0]) {
  const node = await openEventNode(t);
  const put = (value: string, options: StreamAppend) =>
    node.writerDb.transaction((tx) => outbox.append(tx, opened, { value }, options));
  return { ...node, put };
}

const isAt = (current: number) => (err: unknown) =>
  isFailure(err, eventFailures.wrong_expected_revision) &&
  err.type.httpStatus === 409 &&
  err.details["current"] === current;

test(
  "an append whose expectation is wrong is refused with the current revision and leaves nothing",
  limits,
  async (t) => {
    const { admin, put } = await openStreams(t);
    await assert.rejects(put("a:0", { expectedRevision: "exists" }), isAt(0));
    assert.equal(await put("a:1", { expectedRevision: "none" }), 1);
    await assert.rejects(put("a:x", { expectedRevision: "none" }), isAt(1));
    assert.equal(await put("a:2", { expectedRevision: 1 }), 2);
    await assert.rejects(put("a:x", { expectedRevision: 1 }), isAt(2));
    await assert.rejects(put("a:x", { expectedRevision: 3 }), isAt(2));
    assert.equal(await put("a:3", { expectedRevision: "exists" }), 3);
    assert.equal(await put("a:4", { expectedRevision: "any" }), 4);
    assert.equal(await put("a:5", { expectedRevision: 0, stream: "another" }), 1);
    for (const wrong of [-1, -2, 1.5, Number.NaN]) {
      await assert.rejects(put("a:x", { expectedRevision: wrong }), RangeError);
    }
    const rows = await admin`select data, stream, revision::int from event_log.event order by seq`;
    assert.deepEqual(
      rows.map(({ data, stream, revision }) => [data, stream, revision]),
      [
        ["a:1", "a", 1],
        ["a:2", "a", 2],
        ["a:3", "a", 3],
        ["a:4", "a", 4],
        ["a:5", "another", 1],
      ],
    );
  },
);

test("of twenty appends with one expectation exactly one wins, in each of twenty rounds", limits, async (t) => {
  const { writerDb, put, hear } = await openStreams(t);
  const heard = createCollector();
  await hear([onEvent("all", opened, async (_tx, event) => heard.add(`${event.revision}`))]);
  for (let revision = 0; revision < 20; revision++) {
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, (_, n) => put(`a:${n}`, { expectedRevision: revision })),
    );
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
    for (const result of results) if (result.status === "rejected") assert.ok(isAt(revision + 1)(result.reason));
  }
  await heard.until(20);
  assert.deepEqual(
    heard.values,
    Array.from({ length: 20 }, (_, n) => `${n + 1}`),
  );
  assert.equal((await writerDb.sql`select from event_log.event`).length, 20);
});

test("a repeated event id appends nothing and gives the first one's revision, also in a race", limits, async (t) => {
  const { writerDb, put } = await openStreams(t);
  const once = { expectedRevision: 0, id: "evt_once" } as const;
  assert.deepEqual(await Promise.all([1, 2, 3, 4].map(() => put("a:1", once))), [1, 1, 1, 1]);
  assert.equal(await put("a:2", { expectedRevision: 1 }), 2);
  assert.equal(await put("a:1", once), 1, "even when the stream has gone on");
  assert.equal((await writerDb.sql`select from event_log.event`).length, 2);
  await assert.rejects(put("b:1", once), { code: "23505" }, "an id belongs to one stream");
});

test("a rolled-back append uses up no revision", limits, async (t) => {
  const { writerDb, put } = await openStreams(t);
  const cancel = new Error("changed my mind");
  const lost = writerDb.transaction(async (tx) => {
    await outbox.append(tx, opened, { value: "a:lost" }, { expectedRevision: "none" });
    throw cancel;
  });
  await assert.rejects(lost, cancel);
  assert.equal(await put("a:1", { expectedRevision: "none" }), 1);
});
