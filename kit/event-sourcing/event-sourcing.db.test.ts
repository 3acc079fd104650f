import assert from "node:assert/strict";
import { test } from "node:test";
import type { StringValue } from "@bufbuild/protobuf/wkt";
import { defineFailures, Failure, isFailure } from "../errors/failure.ts";
import type { ReceivedEvent } from "../events/event.ts";
import { readLags } from "../events/subscription-lag.ts";
import { systemClock } from "../service/clock.ts";
import { createRandom } from "../service/ids.ts";
import { append, closed, type EventNode, openEventNode, opened, outbox } from "../testing/event-log.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { type Aggregate, defineAggregate, newEvent, when } from "./aggregate.ts";
import { type Projection, projectionSubscription, rebuildProjection } from "./projection.ts";
import { createRepository, type Repository } from "./repository.ts";

const limits = { timeout: 160_000 };
const random = createRandom(systemClock);
const failures = defineFailures("test_tally", {
  full: { kind: "failed_precondition", publicCode: "TEST_TALLY_001", text: { en_US: "Full.", zh_CN: "已满。" } },
});

interface Tally {
  readonly count: number;
  readonly isClosed: boolean;
}

const tally = defineAggregate<Tally>({
  name: "tally",
  initial: { count: 0, isClosed: false },
  snapshotEvery: 10,
  appliers: [
    when(opened, (state) => ({ ...state, count: state.count + 1 })),
    when(closed, (state) => ({ ...state, isClosed: true })),
  ],
});

function open<State>(node: EventNode, aggregate: Aggregate<State>): Repository<State> {
  return createRepository({ aggregate, db: node.writerDb, outbox, source: "test-writer", clock: systemClock, random });
}

const addOne = (id: string) => () => [newEvent(opened, { value: `${id}:+` })];

test("commands that race for one aggregate all happen, one after the other", limits, async (t) => {
  const node = await openEventNode(t);
  const repository = open(node, tally);
  await Promise.all(Array.from({ length: 5 }, () => repository.execute("a", addOne("a"))));
  assert.deepEqual(await repository.load("a"), { id: "a", version: 5, state: { count: 5, isClosed: false } });
  assert.equal((await repository.load("other")).version, 0);
  const rows = await node.admin`
    select id as event_id, type as event_type, key as aggregate_id, data as event_data, time as timestamp,
      revision::int as version
    from event_log.event order by seq`;
  assert.deepEqual(
    rows.map(({ event_type, aggregate_id, version }) => [event_type, aggregate_id, version]),
    [1, 2, 3, 4, 5].map((version) => ["test.opened", "a", version]),
  );
});

test("a rule holds however many commands race: a tally of three never gets a fourth", limits, async (t) => {
  const repository = open(await openEventNode(t), tally);
  const results = await Promise.allSettled(
    Array.from({ length: 8 }, () =>
      repository.execute("a", ({ count }) => {
        if (count === 3) throw new Failure(failures.full);
        return [newEvent(opened, { value: "a:+" })];
      }),
    ),
  );
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 3);
  for (const result of results) if (result.status === "rejected") assert.ok(isFailure(result.reason, failures.full));
  assert.equal((await repository.load("a")).version, 3);
});

test("a command's events and what is written beside them commit together or not at all", limits, async (t) => {
  const node = await openEventNode(t);
  const repository = open(node, tally);
  const both = () => [newEvent(opened, { value: "a:+" }), newEvent(closed, { value: "a:end" })];
  const crash = repository.execute("a", both, async (tx) => {
    await tx`insert into counter values ('a')`;
    throw new Error("crashed");
  });
  await assert.rejects(crash, /crashed/);
  assert.equal((await repository.load("a")).version, 0);
  const after = await repository.execute("a", both, async (tx, { version }) => {
    await tx`insert into counter values ('a', ${version})`;
  });
  assert.deepEqual(after, await repository.load("a"));
  assert.deepEqual([...(await node.writerDb.sql`select key, version from counter`)], [{ key: "a", version: 2 }]);
  await assert.rejects(repository.execute("b", addOne("a")), TypeError, "an event's key is its aggregate's id");
});

test("a load begins at the snapshot, and at the beginning when the state's shape has changed", limits, async (t) => {
  const node = await openEventNode(t);
  const repository = open(node, tally);
  for (let n = 0; n < 25; n++) await repository.execute("a", addOne("a"));
  const kept = await node.admin`select version::int, shape, state from event_log.snapshot`;
  assert.deepEqual([...kept], [{ version: 20, shape: 1, state: { count: 20, isClosed: false } }]);
  // A spoilt snapshot shows who reads it.
  await node.admin`update event_log.snapshot set state = '{"count": 1020, "isClosed": false}'`;
  assert.equal((await repository.load("a")).state.count, 1_025);

  const doubled = { ...tally, shape: 2, apply: (state: Tally) => ({ ...state, count: state.count + 2 }) };
  assert.equal((await open(node, doubled).load("a")).state.count, 50);
  for (let n = 25; n < 30; n++) await open(node, doubled).execute("a", addOne("a"));
  const [next] = await node.admin`select version::int, shape from event_log.snapshot`;
  assert.deepEqual({ ...next }, { version: 30, shape: 2 });
  // A node that still runs the former program neither uses nor replaces it.
  for (let n = 30; n < 40; n++) await repository.execute("a", addOne("a"));
  assert.equal((await node.admin`select shape from event_log.snapshot`)[0]?.["shape"], 2);
  await node.admin`delete from event_log.snapshot`;
  assert.equal((await repository.load("a")).state.count, 40);
});

test(
  "events of former types are read as today's, over several steps; an unknown one is an error",
  limits,
  async (t) => {
    const node = await openEventNode(t);
    await open(node, tally).execute("a", addOne("a"));
    await open(node, tally).execute("a", addOne("a"));
    await node.admin`update event_log.event set type = 'test.began', data = '{"text": "a:+"}' where revision = 1`;
    await assert.rejects(open(node, tally).load("a"), /nothing here knows the event test\.began/);
    const upcasters = {
      "test.began": (data: unknown) => ({ type: "test.started", data: (data as { text: string }).text }),
      "test.started": (data: unknown) => ({ type: opened.type, data: data as string }),
    };
    assert.equal((await open(node, { ...tally, upcasters }).load("a")).state.count, 2);
    const circle = { "test.began": () => ({ type: "test.began", data: "" }) };
    await assert.rejects(open(node, { ...tally, upcasters: circle }).load("a"), /circles/);
  },
);

test("a history of 60,000 events is loaded in pages, whole", limits, async (t) => {
  const node = await openEventNode(t);
  await node.admin`
    insert into event_log.event (id, type, source, key, time, data, traceparent, stream, revision)
    select 'evt_' || n, ${opened.type}, 'test-writer', 'a', now(), '"a:+"', '', 'tally/a', n
    from generate_series(1, 60000) as n`;
  assert.deepEqual(await open(node, tally).load("a"), {
    id: "a",
    version: 60_000,
    state: { count: 60_000, isClosed: false },
  });
});

const totals: Projection = {
  table: "total",
  events: [opened],
  async apply(tx, event, table) {
    const { key, data } = event as unknown as ReceivedEvent & { readonly data: StringValue };
    await tx`
      insert into ${tx(table)} as t (key, count, last) values (${key}, 1, ${data.value})
      on conflict (key) do update set count = t.count + 1, last = excluded.last`;
  },
};

test("a projection rebuilt while events come and readers read ends with every row right", limits, async (t) => {
  const node = await openEventNode(t);
  const write = (from: number, count: number) =>
    node.writerDb.transaction(async (tx) => {
      for (let n = from; n < from + count; n++) await append(tx, opened, `k${n % 20}:${n}`);
    });
  const readTotals = () => node.hearerDb.sql`select key, count, last from total order by key`;
  const isLevel = async () => (await readLags(node.hearerDb, ["projection.total"], systemClock))[0]?.behind === 0;
  await assert.rejects(rebuildProjection({ db: node.hearerDb, projection: totals }), TypeError);
  await node.hear([projectionSubscription(totals)]);
  for (let from = 0; from < 1_000; from += 100) await write(from, 100);
  await waitUntil(isLevel);
  // What a bug has done: wrong, missing and superfluous rows.
  await node.hearerDb.sql`update total set count = -1 where key = 'k3'`;
  await node.hearerDb.sql`delete from total where key = 'k4'`;
  await node.hearerDb.sql`insert into total values ('ghost', 1, '')`;

  let isRebuilding = true;
  const rebuilding = rebuildProjection({ db: node.hearerDb, projection: totals }).finally(() => {
    isRebuilding = false;
  });
  let reads = 0;
  let written = 1_000;
  while (isRebuilding || reads === 0) {
    assert.ok((await readTotals()).length >= 20, "readers never see an empty or half table");
    reads += 1;
    await write(written, 10);
    written += 10;
  }
  assert.ok((await rebuilding).events >= 1_000);
  await write(written, 10);
  written += 10;
  await waitUntil(isLevel);
  const expected = Array.from({ length: 20 }, (_, k) => {
    const last = written - 20 + ((((k - written) % 20) + 20) % 20);
    return { key: `k${k}`, count: Math.floor(last / 20) + 1, last: `k${k}:${last}` };
  }).sort((a, b) => (a.key < b.key ? -1 : 1));
  assert.deepEqual(
    [...(await readTotals())].sort((a, b) => (a["key"] < b["key"] ? -1 : 1)),
    expected,
  );
});

test("a rebuild that is stopped or fails leaves the table as it was, and two do not run at once", limits, async (t) => {
  const node = await openEventNode(t);
  await node.writerDb.transaction((tx) => append(tx, opened, "a:1"));
  const running = await node.hear([projectionSubscription(totals)]);
  await waitUntil(async () => (await node.hearerDb.sql`select from total`).length === 1);
  await running.stop();
  const { hearerDb: db } = node;
  const reason = new Error("stopped");
  await assert.rejects(rebuildProjection({ db, projection: totals, signal: AbortSignal.abort(reason) }), reason);
  const entered = Promise.withResolvers<void>();
  const end = Promise.withResolvers<void>();
  const slow: Projection = {
    ...totals,
    async apply(tx, event, table) {
      await totals.apply(tx, event, table);
      entered.resolve();
      await end.promise;
      throw new Error("half-way");
    },
  };
  const first = rebuildProjection({ db, projection: slow });
  await entered.promise;
  await assert.rejects(rebuildProjection({ db, projection: totals }), /rebuilt already/);
  end.resolve();
  await assert.rejects(first, /half-way/);
  assert.deepEqual([...(await db.sql`select * from total`)], [{ key: "a", count: 1, last: "a:1" }]);
  assert.equal((await db.sql`select from total_rebuild`).length, 0);
});
