import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { BrokerTransport } from "@lyss/kit/events/broker-transport.ts";
import { readRange } from "@lyss/kit/events/event-reader.ts";
import { startSubscriptions } from "@lyss/kit/events/subscriptions.ts";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { cutDatabase } from "@lyss/kit/testing/chaos/cut-database.ts";
import type { StartedService } from "@lyss/kit/testing/service-on.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { silentLog as log } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { billing } from "../service.ts";

/** B23 asks for 200 times: SCENARIO_FULL=1. */
const wantedCuts = process.env["SCENARIO_FULL"] === "1" ? 200 : 12;
/** Each cut costs a new connection, which a busy machine makes slowly. */
const limits = { timeout: 60_000 + wantedCuts * 3_000 };
const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 2_000_000n };

const isWrite = (statement: string) => statement.startsWith("insert into ? as known");
/** In the log the mark comes behind the write; with a broker before it, so that a second node waits for the first. */
const isMarkOrCommit = (statement: string) =>
  statement.startsWith("update event_log.subscription set position") || statement === "commit";

/** Places at which a sink may die, of a transaction in which it has taken up an event. */
const places: Readonly<Record<string, (statements: readonly string[]) => boolean>> = {
  "before it writes": (statements) => isWrite(statements.at(-1) ?? ""),
  "between its write and its mark": (statements) => isMarkOrCommit(statements.at(-1) ?? "") && statements.some(isWrite),
  "before it commits": (statements) => statements.at(-1) === "commit" && statements.some(isWrite),
  "before it hears that it has committed": (statements) =>
    statements.at(-1) === "committed" && statements.some(isWrite),
};

type Billing = Awaited<ReturnType<typeof startBilling>>;

async function startBilling() {
  const service = await startTestService({ after }, billing, { clients: {} });
  await service.ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
  await service.ops.createWallet({ tenantId: "ten_1" });
  const topUp = { amountNanos: 1_000_000_000n, reference: "start", source: "grant" } as const;
  await service.ops.topUpWallet({ tenantId: "ten_1", ...topUp });
  return { ...service, feed: await service.openFeed() };
}

async function call({ ops }: Billing, number: number): Promise<void> {
  const names = { callId: `call_${number}`, tenantId: "ten_1" };
  const facts = { ...names, requestId: "r", keyId: "k", userId: "u", provider: "p", model: "m" };
  await ops.reserveCall({ ...facts, inputTokens: 10n, maxOutputTokens: 5n, minOutputTokens: 5n, choices: 1n });
  const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 5n };
  await ops.settleCall({ ...names, ...tokens, outcome: "completed", isEstimated: false, latencyMs: 1n });
}

/** A broker that delivers what is not done with again and again, to whoever listens. */
function createForgetfulBroker({ db }: Billing): BrokerTransport {
  const done = new Set<string>();
  const unused = () => Promise.reject(new Error("nobody asks for this"));
  return {
    ...{ name: "forgetful", topics: [], publish: unused, findEnds: unused, readLag: unused, listTopics: unused },
    ...{ createTopic: unused, raisePartitions: unused, close: () => Promise.resolve() },
    async listen({ group, signal, take }) {
      while (!signal.aborted) {
        const range = { types: group.types, afterSeq: 0n, untilSeq: 2n ** 62n };
        const rows = await db.transaction((tx) => readRange(tx, range, 1_000));
        for (const row of rows) {
          if (signal.aborted || done.has(row.id)) continue;
          const delivery = { place: String(row.seq), attempts: 1, toEvent: () => row, extend: () => undefined };
          if (await take(delivery)) done.add(row.id);
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
    },
  };
}

/** What the sink has counted, and what there is to count. */
async function sumsOf({ sql }: Pick<StartedService<never, never>, "sql">) {
  const [sums] = await sql`
    select (select coalesce(sum(calls), 0)::int from usage_sum where unit = 'hour') as calls,
      (select coalesce(sum(input_tokens + output_tokens), 0)::int from usage_sum where unit = 'hour') as tokens,
      (select coalesce(sum(cost_nanos), 0)::int from usage_sum where unit = 'hour') as nanos,
      (select count(*)::int from usage) as "allCalls",
      (select coalesce(sum(cost_nanos), 0)::int from usage) as "allNanos"`;
  return { ...sums };
}

/** `countedAfter` gives how many calls are counted after so many deaths. */
async function dieAgainAndAgain(
  service: Billing,
  transport: BrokerTransport | undefined,
  countedAfter: (deaths: number) => number,
): Promise<void> {
  const subscriptions = (service.subscriptions ?? []).filter(({ name }) => name.startsWith("projection."));
  const hearWith = (db: Billing["db"]) =>
    startSubscriptions({ serviceName: "billing", subscriptions, db, feed: service.feed, log, clock, transport });
  const everyPlace = Object.entries(places);
  for (let cut = 0; cut < wantedCuts; cut++) {
    const [place = "", isCut = () => false] = everyPlace[cut % everyPlace.length] ?? [];
    const dying = cutDatabase(service.db, isCut, { isFinal: true });
    await call(service, cut);
    const running = await hearWith(dying.db);
    await dying.cut;
    await running.stop();
    assert.equal((await sumsOf(service))["calls"], countedAfter(cut + 1), `cut ${cut}: ${place}`);
  }
  const running = await hearWith(service.db);
  await waitUntil(async () => (await sumsOf(service))["calls"] >= wantedCuts);
  await call(service, wantedCuts);
  await waitUntil(async () => (await sumsOf(service))["calls"] > wantedCuts);
  await running.stop();
  const calls = wantedCuts + 1;
  assert.deepEqual(await sumsOf(service), {
    calls,
    tokens: 15 * calls,
    nanos: 20 * calls,
    allCalls: calls,
    allNanos: 20 * calls,
  });
}

test(
  `B23: the sums of usage, killed ${wantedCuts} times around their write and their mark in the log, count each call once`,
  limits,
  async () => {
    // Every fourth death comes too late: all that was there took effect in that transaction.
    await dieAgainAndAgain(await startBilling(), undefined, (deaths) => deaths - (deaths % 4));
  },
);

test(
  "B23: so they do behind a broker that delivers again, where a unique index tells what was handled",
  limits,
  async () => {
    const service = await startBilling();
    // There a transaction is for one event.
    await dieAgainAndAgain(service, createForgetfulBroker(service), (deaths) => Math.floor(deaths / 4));
    const [marks] = await service.sql`
    select count(*)::int as marks, count(distinct event_id)::int as events from event_log.handled_event`;
    assert.deepEqual({ ...marks }, { marks: wantedCuts + 1, events: wantedCuts + 1 });
  },
);
