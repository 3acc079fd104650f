import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../service/ids.ts";
import { append, closed, createCollector, openEventNode, opened, say } from "../testing/event-log.ts";
import { createFakeClock } from "../testing/fake-clock.ts";
import { waitUntil } from "../testing/wait-until.ts";
import { type DurableSubscription, onEvent } from "./event.ts";
import { replayEvents } from "./replay.ts";
import { readLags } from "./subscription-lag.ts";

const limits = { timeout: 120_000 };
const clock = createFakeClock();
const random = createRandom(clock);

function collect(heard: { add(value: string): void }, name = "copy"): DurableSubscription {
  return {
    mode: "durable",
    name,
    events: [opened, closed],
    isReplayable: true,
    async handle(_tx, event) {
      heard.add(`${(event.data as unknown as { value: string }).value}${event.replayId === undefined ? "" : "*"}`);
    },
  };
}

test("a replay gives a range once more, marked, in order, and moves no position", limits, async (t) => {
  const { writerDb, hearerDb, hear } = await openEventNode(t);
  await writerDb.transaction(async (tx) => {
    for (let n = 1; n <= 250; n++) await append(tx, opened, `${n % 2 ? "a" : "b"}:${n}`);
    await append(tx, closed, "a:end");
  });
  const heard = createCollector();
  const running = await hear([collect(heard)]);
  await heard.until(251);
  await waitUntil(async () => (await readLags(hearerDb, ["copy"], clock))[0]?.behind === 0);
  await running.stop();
  const positions = () => hearerDb.sql`select name, position from event_log.subscription`;
  const before = await positions();

  const again = createCollector();
  const done = await replayEvents({ db: hearerDb, clock, random, subscription: collect(again) });
  assert.deepEqual(
    again.values,
    heard.values.map((value) => `${value}*`),
  );
  assert.deepEqual([done.handled, done.isComplete], [251, true]);

  const part = createCollector();
  const range = { afterSeq: 100n, untilSeq: 110n, types: [opened.type], keys: ["b"] };
  await replayEvents({ db: hearerDb, clock, random, subscription: collect(part), range });
  assert.deepEqual(part.values, ["b:102*", "b:104*", "b:106*", "b:108*", "b:110*"]);
  assert.deepEqual([...(await positions())], [...before]);
});

test(
  "a handler with side effects is not replayed unless it says so, and its failure leaves nothing",
  limits,
  async (t) => {
    const { writerDb, hearerDb } = await openEventNode(t);
    await say(writerDb, opened, "a:1");
    const deps = { db: hearerDb, clock, random };
    const mail = onEvent("mail", opened, async () => assert.fail("ran"));
    await assert.rejects(replayEvents({ ...deps, subscription: mail }), TypeError);
    await assert.rejects(
      replayEvents({ ...deps, subscription: { ...mail, isReplayable: true }, speed: 0 }),
      RangeError,
    );
    const broken: DurableSubscription = {
      ...mail,
      isReplayable: true,
      async handle(tx, event) {
        await tx`insert into effect values (${event.id}, 'half')`;
        throw new Error("half-way");
      },
    };
    await assert.rejects(replayEvents({ ...deps, subscription: broken }), /half-way/);
    assert.equal((await hearerDb.sql`select from effect`).length, 0);
  },
);

test(
  "at ten times the speed events come a tenth as far apart; a paused replay goes on where it was",
  limits,
  async (t) => {
    const { admin, writerDb, hearerDb } = await openEventNode(t);
    for (const n of [1, 2, 3]) await say(writerDb, opened, `a:${n}`);
    // One event each 100 s.
    await admin`update event_log.event set time = to_timestamp(1000000 + 100 * seq)`;
    const heard = createCollector();
    const pause = new AbortController();
    const options = { db: hearerDb, clock, random, subscription: collect(heard), speed: 10 };
    const paused = replayEvents({ ...options, signal: pause.signal });
    await heard.until(1);
    await waitUntil(async () => clock.countTimers() > 0);
    clock.advance(9_999);
    assert.deepEqual(heard.values, ["a:1*"]);
    clock.advance(1);
    await heard.until(2);
    await waitUntil(async () => clock.countTimers() > 0);
    pause.abort();
    const progress = await paused;
    assert.deepEqual([progress.handled, progress.isComplete], [2, false]);
    const rest = await replayEvents({
      ...options,
      replayId: progress.replayId,
      range: { afterSeq: progress.lastSeq, untilSeq: progress.untilSeq },
    });
    assert.deepEqual([rest.replayId, rest.handled, rest.isComplete], [progress.replayId, 1, true]);
    assert.deepEqual(heard.values, ["a:1*", "a:2*", "a:3*"]);

    const byTime = createCollector();
    const range = { fromMs: 1_000_200_000, beforeMs: 1_000_300_000 };
    await replayEvents({ ...options, subscription: collect(byTime), speed: "max", range });
    assert.deepEqual(byTime.values, ["a:2*"]);
  },
);
