import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailure } from "../errors/failure.ts";
import { createCollector, openEventNode, opened, outbox } from "../testing/event-log.ts";
import { onEvent } from "./event.ts";
import { eventFailures } from "./event-failures.ts";

test("of twenty appends with one expectation exactly one wins, in each of twenty rounds", {
  timeout: 120_000,
}, async (t) => {
  const { writerDb, hear } = await openEventNode(t);
  const heard = createCollector();
  await hear([onEvent("all", opened, async (_tx, event) => heard.add(`${event.revision}`))]);
  for (let revision = 0; revision < 20; revision++) {
    const append = (n: number) =>
      writerDb.transaction((tx) => outbox.append(tx, opened, { value: `a:${n}` }, { expectedRevision: revision }));
    const results = await Promise.allSettled(Array.from({ length: 20 }, (_, n) => append(n)));
    assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      assert.ok(isFailure(result.reason, eventFailures.wrong_expected_revision));
      assert.equal(result.reason.details["current"], revision + 1);
    }
  }
  await heard.until(20);
  assert.deepEqual(
    heard.values,
    Array.from({ length: 20 }, (_, n) => `${n + 1}`),
  );
  assert.equal((await writerDb.sql`select from event_log.event`).length, 20);
});

test("an event of a stream is written once, and a repeat with its id is told its place and writes nothing", {
  timeout: 120_000,
}, async (t) => {
  const { writerDb } = await openEventNode(t);
  const append = (id: string) =>
    writerDb.transaction((tx) => outbox.append(tx, opened, { value: "b:1" }, { expectedRevision: "any", id }));
  assert.deepEqual([await append("evt_first"), await append("evt_second"), await append("evt_first")], [1, 2, 1]);
  // A row that is written again lies behind its former self.
  const rows = await writerDb.sql`select id, revision::int, ctid::text as place from event_log.event order by seq`;
  assert.deepEqual(
    rows.map(({ id, revision, place }) => [id, revision, place]),
    [
      ["evt_first", 1, "(0,1)"],
      ["evt_second", 2, "(0,2)"],
    ],
  );
});
