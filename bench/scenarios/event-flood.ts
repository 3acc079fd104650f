import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCluster } from "@lyss/kit/db/cluster.ts";
import { startEmbeddedPostgres } from "@lyss/kit/db/embedded-postgres.ts";
import { onEvent } from "@lyss/kit/events/event.ts";
import { createOutbox } from "@lyss/kit/events/outbox.ts";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createDraws } from "@lyss/kit/testing/chaos/chaos-seed.ts";
import { openEventNode, opened } from "@lyss/kit/testing/event-log.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { closeInReverse, deriveTestKey, silentLog, type TestScope } from "@lyss/kit/testing/test-cluster.ts";

export interface FloodPlan {
  readonly seed: number;
  readonly events: number;
  readonly writers: number;
  /** Each transaction stays open for a drawn time up to this after it has appended. */
  readonly maxCommitDelayMs: number;
  /** Events of one transaction, at most; drawn. */
  readonly maxPerTransaction: number;
}

/** What came of it. All but `seconds` and `consumed` are 0 when the log holds what it promises. */
export interface FloodResult {
  readonly seconds: number;
  readonly consumed: number;
  readonly lost: number;
  readonly doubled: number;
  /** Events that were handled before one that lies before them in the log. */
  readonly outOfOrder: number;
  /** Events of one writer to one key whose order in the log is not the order in which they were appended. */
  readonly reversed: number;
  readonly stamps: number;
}

const keys = 20;

/**
 * Many writers at once, whose transactions commit late and in another order than they began, all at the same microsecond,
 * and one durable subscription that writes down what it is given.
 */
export async function runEventFlood(t: TestScope, plan: FloodPlan): Promise<FloodResult> {
  const scope = closeInReverse(t);
  // A server of its own: so many sessions would leave none to others.
  const settings = { max_connections: String(plan.writers + 100), fsync: "off" };
  const dir = mkdtempSync(join(tmpdir(), "lyss-flood-"));
  const server = await startEmbeddedPostgres({ dir, log: silentLog, clock: systemClock, settings });
  scope.after(async () => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const node = await openEventNode(scope, { adminUrl: server.url });
  const writing = {
    name: "test-writer",
    migrations: new URL("../../kit/testing/testdata/event-log/", import.meta.url),
  };
  const cluster = openCluster({
    adminUrl: node.adminUrl,
    deriveKey: deriveTestKey,
    maxConnections: plan.writers + 10,
    log: silentLog,
    clock: systemClock,
    // All writers share one thread, which on a busy machine may come back to a transaction late.
    timeoutMs: 60_000,
  });
  scope.after(cluster.close);
  await cluster.prepare([writing]);
  const db = cluster.open(writing.name);
  const outbox = createOutbox({
    source: writing.name,
    publishes: [opened],
    clock: createFakeClock(),
    random: createRandom(systemClock),
  });

  const perWriter = Math.floor(plan.events / plan.writers);
  const expected = perWriter * plan.writers;
  const startMs = systemClock.monotonicMs();
  const heard: string[] = [];
  const all = Promise.withResolvers<void>();
  await node.hear([
    onEvent("flood", opened, async (_tx, event) => {
      heard.push(event.data.value);
      if (heard.length >= expected) all.resolve();
    }),
  ]);

  async function write(writer: number): Promise<void> {
    const draws = createDraws(plan.seed, `writer ${writer}`);
    for (let done = 0; done < perWriter; ) {
      const count = Math.min(perWriter - done, draws.between(1, plan.maxPerTransaction));
      const from = done;
      const delayMs = draws.between(0, plan.maxCommitDelayMs);
      await db.transaction(async (tx) => {
        const appends: Promise<void>[] = [];
        for (let n = from; n < from + count; n++) {
          const value = `k${draws.between(1, keys)}:${writer}:${n}`;
          appends.push(outbox.append(tx, opened, { value }));
        }
        await Promise.all(appends);
        await delay(systemClock, delayMs);
      });
      done += count;
    }
  }
  await Promise.all(Array.from({ length: plan.writers }, (_, writer) => write(writer)));

  await all.promise;
  const seconds = (systemClock.monotonicMs() - startMs) / 1_000;
  // What has come twice comes at the latest with the next look.
  await delay(systemClock, 2_000);
  return { seconds, ...compare(heard, await readLog(node.admin)) };
}

type LoggedValue = { readonly value: string; readonly time: Date };

async function readLog(admin: Awaited<ReturnType<typeof openEventNode>>["admin"]): Promise<readonly LoggedValue[]> {
  const values: LoggedValue[] = [];
  const rows = admin<LoggedValue[]>`select data #>> '{}' as value, time from event_log.event order by seq`;
  for await (const batch of rows.cursor(10_000)) values.push(...batch);
  return values;
}

/** The events of the log, in its order, beside those that the consumer was given, in the order in which it was. */
function compare(heard: readonly string[], log: readonly LoggedValue[]): Omit<FloodResult, "seconds"> {
  const places = new Map(log.map(({ value }, place) => [value, place]));
  const seen = new Set<string>();
  let doubled = 0;
  let outOfOrder = 0;
  let lastPlace = -1;
  for (const value of heard) {
    const place = places.get(value) ?? -1;
    if (seen.has(value)) doubled++;
    else if (place <= lastPlace) outOfOrder++;
    seen.add(value);
    lastPlace = place;
  }
  const last = new Map<string, number>();
  let reversed = 0;
  for (const { value } of log) {
    const [key, writer, n] = value.split(":");
    const name = `${key}:${writer}`;
    if (Number(n) <= (last.get(name) ?? -1)) reversed++;
    last.set(name, Number(n));
  }
  const stamps = new Set(log.map(({ time }) => time.getTime())).size;
  return { consumed: heard.length, lost: places.size - seen.size, doubled, outOfOrder, reversed, stamps };
}
