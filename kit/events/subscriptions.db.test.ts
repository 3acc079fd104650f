import assert from "node:assert/strict";
import { test } from "node:test";
import { StringValueSchema } from "@bufbuild/protobuf/wkt";
import type { Database } from "../db/database.ts";
import { type CallContext, currentContext, noSession, runInContext } from "../rpc/call-context.ts";
import { append, closed, createCollector, openEventNode, opened, say } from "../testing/event-log.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createOwnServer } from "../testing/own-server.ts";
import { closeInReverse } from "../testing/test-cluster.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { defineEvent, onBroadcast, onEvent } from "./event.ts";

const limits = { timeout: 120_000 };

async function listEffects(db: Database): Promise<readonly string[]> {
  const rows = await db.sql<{ value: string }[]>`
    select value from effect join event_log.event on event.id = effect.event_id order by event.seq`;
  return rows.map((row) => row.value);
}

test("a handler that fails half-way leaves nothing, and its second run does the work once", limits, async (t) => {
  const { writerDb, hearerDb, hear } = await openEventNode(t);
  for (const n of [1, 2, 3]) await say(writerDb, opened, `a:${n}`);
  const heard = createCollector();
  let failures = 1;
  const running = await hear([
    onEvent("effects", opened, async (tx, event) => {
      await tx`insert into effect values (${event.id}, ${event.data.value})`;
      heard.add(event.data.value);
      if (event.data.value === "a:2" && failures-- > 0) throw new Error("crashed");
    }),
  ]);
  await heard.until(5);
  await running.stop();
  assert.deepEqual(heard.values, ["a:1", "a:2", "a:1", "a:2", "a:3"]);
  assert.deepEqual(await listEffects(hearerDb), ["a:1", "a:2", "a:3"]);
});

test(
  "two nodes whose sessions are killed again and again do the work of each event once, in order",
  limits,
  async (t) => {
    const node = await openEventNode(t);
    const second = await openEventNode(t, { adminUrl: node.adminUrl });
    const total = 1_000;
    const subscription = onEvent("effects", opened, async (tx, event) => {
      await tx`insert into effect values (${event.id}, ${event.data.value})`;
    });
    await node.hear([subscription]);
    await second.hear([subscription]);
    for (let from = 0; from < total; from += 50) {
      await node.writerDb.transaction(async (tx) => {
        for (let n = from; n < from + 50; n++) await append(tx, opened, `a:${n}`);
      });
      if (from % 200 === 0) {
        await node.admin`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name = 'lyss:test-hearer'`;
      }
    }
    const expected = Array.from({ length: total }, (_, n) => `a:${n}`);
    await waitUntil(async () => (await listEffects(node.hearerDb).catch(() => [])).length >= total);
    assert.deepEqual(await listEffects(node.hearerDb), expected);
  },
);

test(
  "an event that always fails is parked with its error after ten tries, and those after it go on",
  limits,
  async (t) => {
    const { admin, writerDb, hearerDb, hear } = await openEventNode(t);
    for (const n of [1, 2, 3]) await say(writerDb, opened, `a:${n}`);
    const heard = createCollector();
    const clock = createFakeClock();
    let tries = 0;
    const running = await hear(
      [
        onEvent("picky", opened, async (_tx, event) => {
          if (event.data.value === "a:2") {
            tries += 1;
            throw new RangeError("cannot digest this");
          }
          heard.add(event.data.value);
        }),
      ],
      clock,
    );
    let complaint = "";
    await waitUntil(async () => {
      clock.advance(1_000);
      await running.check().catch((err: Error) => {
        complaint = err.message;
      });
      return heard.values.includes("a:3");
    });
    assert.match(complaint, /picky.*RangeError: cannot digest this/);
    await running.stop();
    // The first was in one batch with a:1, which was then done without it; that one is not counted.
    assert.equal(tries, 1 + 10);
    assert.ok(clock.monotonicMs() > 180_000, "the tries are spread over minutes");
    const parked = await hearerDb.sql`select subscription, attempts, last_error from event_log.parked_event`;
    assert.deepEqual(
      parked.map((row) => ({ ...row })),
      [{ subscription: "picky", attempts: 10, last_error: "RangeError: cannot digest this" }],
    );
    const others = await writerDb.sql`select from event_log.parked_event union all select from event_log.subscription`;
    assert.equal(others.length, 0, "a service sees its own subscriptions only");
    const [stored] = await admin`select service, position::int from event_log.subscription`;
    assert.deepEqual({ ...stored }, { service: "lyss_test_hearer", position: 3 });
  },
);

test("an event that breaks the commit is parked too, and does not stop the subscription", limits, async (t) => {
  const { writerDb, hearerDb, hear } = await openEventNode(t);
  for (const n of [1, 2, 3]) await say(writerDb, opened, `a:${n}`);
  const clock = createFakeClock();
  const running = await hear(
    [
      onEvent("late", opened, async (tx, event) => {
        // Its error comes when the handler is done.
        if (event.data.value === "a:2") void tx`select 1 / 0`.catch(() => {});
        await tx`insert into effect values (${event.id}, ${event.data.value})`.catch(() => {});
      }),
    ],
    clock,
  );
  await waitUntil(async () => {
    clock.advance(1_000);
    return (await listEffects(hearerDb)).length === 2;
  });
  await running.stop();
  assert.deepEqual(await listEffects(hearerDb), ["a:1", "a:3"]);
});

test(
  "after its LISTEN connection was cut a process hears on, and broadcasts are told of the gap",
  limits,
  async (t) => {
    const { admin, writerDb, hear } = await openEventNode(t);
    const heard = createCollector();
    const broadcast = createCollector();
    const gap = Promise.withResolvers<void>();
    await hear([
      onEvent("all", opened, async (_tx, event) => heard.add(event.data.value)),
      onBroadcast("watch", opened, (event) => broadcast.add(event.data.value), gap.resolve),
    ]);
    await say(writerDb, opened, "a:1");
    await Promise.all([heard.until(1), broadcast.until(1)]);
    const cut = await admin`
    select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and query ilike 'listen%'`;
    assert.equal(cut.length, 1);
    await say(writerDb, opened, "a:2");
    await Promise.all([heard.until(2), broadcast.until(2), gap.promise]);
    await say(writerDb, opened, "a:3");
    await Promise.all([heard.until(3), broadcast.until(3)]);
    assert.deepEqual(broadcast.values, ["a:1", "a:2", "a:3"]);
  },
);

test("when the server was killed and came back, what was committed is heard and nothing is lost", limits, async (t) => {
  const scope = closeInReverse(t);
  const server = createOwnServer(scope);
  const { writerDb, hearerDb, hear } = await openEventNode(scope, { adminUrl: (await server.start()).url });
  const broadcast = createCollector();
  const gap = Promise.withResolvers<void>();
  await hear([
    onEvent("effects", opened, async (tx, event) => {
      await tx`insert into effect values (${event.id}, ${event.data.value})`;
    }),
    onBroadcast("watch", opened, (event) => broadcast.add(event.data.value), gap.resolve),
  ]);
  await say(writerDb, opened, "a:1");
  await broadcast.until(1);
  server.kill();
  await assert.rejects(async () => {
    for (;;) await say(writerDb, closed, "b:0");
  });
  await server.start();
  await waitUntil(() =>
    say(writerDb, opened, "a:2").then(
      () => true,
      () => false,
    ),
  );
  await Promise.all([broadcast.until(2), gap.promise]);
  await waitUntil(() =>
    listEffects(hearerDb).then(
      (effects) => effects.length === 2,
      () => false,
    ),
  );
  assert.deepEqual(await listEffects(hearerDb), ["a:1", "a:2"]);
  assert.deepEqual(broadcast.values, ["a:1", "a:2"]);
});

test(
  "a commit wakes its hearers at once, and an event without notification is found by the next poll",
  limits,
  async (t) => {
    const clock = createFakeClock();
    const { admin, writerDb, hear } = await openEventNode(t, { clock });
    const heard = createCollector();
    const broadcast = createCollector();
    await hear(
      [
        onEvent("all", opened, async (_tx, event) => heard.add(event.data.value)),
        onBroadcast("watch", opened, (event) => broadcast.add(event.data.value), assert.fail),
      ],
      clock,
    );
    await say(writerDb, opened, "a:1");
    await Promise.all([heard.until(1), broadcast.until(1)]);
    await admin`
    insert into event_log.event (id, type, source, key, time, data, traceparent)
    values ('evt_silent', ${opened.type}, 'test', 'a', now(), '"a:2"', '')`;
    const both = Promise.all([heard.until(2), broadcast.until(2)]);
    let isDone = false;
    void both.then(() => {
      isDone = true;
    });
    await waitUntil(async () => {
      clock.advance(100);
      return isDone;
    });
  },
);

test(
  "a broadcast hears only what is committed after it began; a handler that fails is told of a gap",
  limits,
  async (t) => {
    const { writerDb, hear } = await openEventNode(t);
    await say(writerDb, opened, "a:old");
    const hasAppended = Promise.withResolvers<void>();
    const end = Promise.withResolvers<void>();
    const slow = writerDb.transaction(async (tx) => {
      await append(tx, opened, "a:in flight");
      hasAppended.resolve();
      await end.promise;
    });
    await hasAppended.promise;
    const broadcast = createCollector();
    let gaps = 0;
    await hear([
      onBroadcast(
        "watch",
        opened,
        (event) => {
          broadcast.add(event.data.value);
          if (event.data.value === "a:bad") throw new Error("cannot apply");
        },
        () => {
          gaps += 1;
        },
      ),
    ]);
    end.resolve();
    await slow;
    await say(writerDb, opened, "a:bad");
    await say(writerDb, opened, "a:good");
    await broadcast.until(3);
    assert.deepEqual(broadcast.values, ["a:in flight", "a:bad", "a:good"]);
    assert.equal(gaps, 1);
  },
);

test("an event carries the trace of the call that caused it, and none of that call's rights", limits, async (t) => {
  const { writerDb, hear } = await openEventNode(t);
  const seen = Promise.withResolvers<CallContext | undefined>();
  await hear([onEvent("trace", opened, async () => seen.resolve(currentContext()))]);
  const context: CallContext = {
    traceId: "0af7651916cd43dd8448eb211c80319c",
    spanId: "b7ad6b7169203331",
    isSampled: true,
    caller: { tenantId: "t", userId: "u", keyId: "k", ...noSession, permissions: ["*"], models: [] },
    deadlineMs: 1,
    locale: "zh_CN",
  };
  await runInContext(context, () => say(writerDb, opened, "a:1"));
  const inHandler = await seen.promise;
  assert.equal(inHandler?.traceId, context.traceId);
  assert.equal(inHandler?.isSampled, true);
  assert.equal(inHandler?.caller, undefined);
  assert.equal(inHandler?.deadlineMs, undefined);
});

test("an undeclared or oversized event is refused, and so are two subscriptions of one name", limits, async (t) => {
  const { writerDb, hear } = await openEventNode(t);
  const undeclared = defineEvent("test.undeclared", StringValueSchema, opened.key);
  await assert.rejects(say(writerDb, undeclared, "a:1"), TypeError);
  await assert.rejects(say(writerDb, opened, "x".repeat(262_144)), RangeError);
  const subscription = onEvent("same", opened, async () => {});
  await assert.rejects(hear([subscription, subscription]), TypeError);
});
