import assert from "node:assert/strict";
import { after, test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createDraws, withSeed } from "@lyss/kit/testing/chaos/chaos-seed.ts";
import type { Seeded } from "@lyss/kit/testing/seeded-random.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "./assert-integrity.ts";
import type { Fact } from "./fact.ts";
import { changeMoney, moneyGrant, moneyReturn } from "./lease-test-changes.ts";
import type { SettleRequest } from "./ledger-requests.ts";
import { noTokens, type Usage } from "./model.ts";
import { billing } from "./service.ts";

/** The rows' figures: SCENARIO_FULL=1. */
const isFull = process.env["SCENARIO_FULL"] === "1";
const [settledCalls, racedCalls, racedLeases] = isFull ? [1_000, 10_000, 400] : [100, 400, 40];
const limits = { timeout: 900_000 };
const seedOfRun = 20_261_126;
const startNanos = 10_000_000_000n;
const tenantsInRace = 5;

const config = { billing: { reserveWaitMs: 60_000, leaseTtlMs: 2_000 } };
const service = await startTestService({ after }, billing, { clients: {}, config });
/** Each with sessions of its own: only the database keeps them apart. */
const others = await Promise.all([1, 2, 3].map(() => service.startNode()));
const nodes = [service.ops, ...others.map(({ ops }) => ops)];
const { ops, sql } = service;
/** A nano a token. */
const rates = {
  inputNanosPerMillion: 1_000_000n,
  cachedInputNanosPerMillion: 1_000_000n,
  outputNanosPerMillion: 1_000_000n,
};
const [price] = await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });
let lastId = 0;

async function createTenants(count: number): Promise<readonly string[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const tenantId = `ten_${++lastId}`;
      await ops.createWallet({ tenantId });
      await ops.topUpWallet({ tenantId, amountNanos: startNanos, reference: "start", source: "grant" });
      return tenantId;
    }),
  );
}

const callFacts = { requestId: "req_1", keyId: "key_1", userId: "usr_1", provider: "p", model: "m" };

/** A call that holds 100 nanos. */
function callOf(tenantId: string) {
  const bounds = { inputTokens: 10n, maxOutputTokens: 90n, minOutputTokens: 90n, choices: 1n };
  return { callId: `call_${++lastId}`, tenantId, ...callFacts, ...bounds };
}

function endOf({ callId, tenantId }: { callId: string; tenantId: string }, outputTokens: number): SettleRequest {
  const tokens = { inputTokens: 10n, cachedInputTokens: 0n, outputTokens: BigInt(outputTokens) };
  return { callId, tenantId, ...tokens, outcome: "completed", isEstimated: false, latencyMs: 5n };
}

/** In an order that is drawn (Durstenfeld, 1964). */
function shuffle<T>(items: readonly T[], { between }: Seeded): readonly T[] {
  const shuffled = [...items];
  for (let i = shuffled.length - 1; i > 0; i--) {
    const other = between(0, i);
    [shuffled[i], shuffled[other]] = [shuffled[other] as T, shuffled[i] as T];
  }
  return shuffled;
}

const nodeOf = ({ between }: Seeded) => nodes[between(0, nodes.length - 1)] ?? ops;

/** What of a tenant's usage and postings the database holds. */
async function booksOf(tenantIds: readonly string[]) {
  const [books] = await sql<{ balance: string; held: string; cost: string; holds: number; leased: string }[]>`
    select sum(balance_nanos)::text as balance, sum(held_nanos)::text as held,
      (select coalesce(sum(cost_nanos), 0)::text from usage where tenant_id = any(${tenantIds})) as cost,
      (select count(*)::int from hold where tenant_id = any(${tenantIds})) as holds,
      (select coalesce(sum(amount_nanos), 0)::text from lease where tenant_id = any(${tenantIds})) as leased
    from wallet where tenant_id = any(${tenantIds})`;
  return { ...books };
}

/** Each call's rows of usage, and how many postings charge it. */
async function endingsOf(tenantIds: readonly string[]) {
  const rows = await sql<{ callId: string; outcome: string; cost: string; postings: number; charged: string | null }[]>`
    select call_id as "callId", outcome, cost_nanos::text as cost,
      (select count(*)::int from posting where kind = 'charge' and reference = call_id) as postings,
      (select sum(amount_nanos)::text from posting join entry using (posting_id)
        where kind = 'charge' and reference = call_id and account = 'revenue') as charged
    from usage where tenant_id = any(${tenantIds})`;
  return Map.groupBy(rows, ({ callId }) => callId);
}

async function assertBalanced(): Promise<void> {
  await assertIntegrity(ops);
  const [sums] = await sql`select coalesce(sum(amount_nanos), 0)::text as total from entry`;
  assert.equal(sums?.["total"], "0");
}

test(
  `B4: ${settledCalls} reservations, each settled ten times at once over four nodes, have one posting each and one answer`,
  limits,
  async () => {
    await withSeed(seedOfRun, async (seed) => {
      const draws = createDraws(seed, "B4");
      const tenantIds = await createTenants(tenantsInRace);
      const calls = Array.from({ length: settledCalls }, (_, i) => callOf(tenantIds[i % tenantsInRace] ?? ""));
      await Promise.all(calls.map((call) => nodeOf(draws).reserveCall(call)));
      const ends = calls.map((call) => endOf(call, draws.between(0, 90)));
      const repeats = shuffle(
        ends.flatMap((end) => Array.from({ length: 10 }, () => end)),
        draws,
      );
      const answers = await Promise.all(repeats.map((end) => nodeOf(draws).settleCall(end)));
      const answersOf = Map.groupBy(answers, ({ callId }) => callId);
      const endings = await endingsOf(tenantIds);
      for (const { callId, outputTokens } of ends) {
        const [first, ...nine] = answersOf.get(callId) ?? [];
        assert.equal(nine.length, 9);
        for (const answer of nine) assert.deepEqual(toSaid(answer), toSaid(first));
        const cost = String(10n + outputTokens);
        assert.deepEqual(
          endings.get(callId)?.map((row) => ({ ...row })),
          [{ callId, outcome: "completed", cost, postings: 1, charged: cost }],
        );
      }
      const cost = ends.reduce((sum, { outputTokens }) => sum + 10n + outputTokens, 0n);
      const balance = String(BigInt(tenantsInRace) * startNanos - cost);
      assert.deepEqual(await booksOf(tenantIds), { balance, held: "0", cost: String(cost), holds: 0, leased: "0" });
      await assertBalanced();
    });
  },
);

/** As it goes over the wire: what has no value is not said. */
function toSaid(usage: Usage | undefined): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(usage ?? {}).filter(([, value]) => value !== undefined));
}

type Deed = "settle" | "void" | "heart-beat" | "expire";

/** What happens to one call: each deed once or twice, in a drawn order, some of them not at all. */
function drawDeeds(draws: Seeded): readonly Deed[] {
  const every: readonly Deed[] = ["settle", "void", "heart-beat", "expire"];
  return shuffle(
    every.flatMap((deed) => Array.from({ length: draws.between(0, 2) }, () => deed)),
    draws,
  );
}

test(
  `B5: ${racedCalls} reservations that are settled, voided, expired and kept alive at once each end exactly once`,
  limits,
  async () => {
    await withSeed(seedOfRun, async (seed) => {
      const draws = createDraws(seed, "B5");
      const tenantIds = await createTenants(tenantsInRace);
      const calls = Array.from({ length: racedCalls }, (_, i) => callOf(tenantIds[i % tenantsInRace] ?? ""));
      await Promise.all(calls.map((call) => nodeOf(draws).reserveCall(call)));
      // Half of them may be taken by any sweep from now on, if no heart-beat comes first.
      const late = calls.filter(() => draws.next() < 0.5).map(({ callId }) => callId);
      await sql`update hold set expires_at = now() - interval '1 second' where call_id = any(${late})`;

      const answers: Usage[] = [];
      const perform = async (call: (typeof calls)[number], deed: Deed) => {
        const node = nodeOf(draws);
        const end = endOf(call, draws.between(0, 90));
        if (deed === "settle") answers.push(await node.settleCall(end));
        else if (deed === "void") answers.push(await node.settleCall({ ...end, ...noTokens, outcome: "failed" }));
        else if (deed === "heart-beat") await node.extendHolds({ callIds: [call.callId] });
        else await node.expireHolds();
      };
      const deeds = calls.flatMap((call) => drawDeeds(draws).map((deed) => ({ call, deed })));
      // A sweep takes a thousand holds: few are enough to be everywhere in the race.
      const sweeps = new Set(
        shuffle(
          deeds.filter(({ deed }) => deed === "expire"),
          draws,
        ).slice(0, racedCalls / 20),
      );
      const race = shuffle(deeds, draws).filter((one) => one.deed !== "expire" || sweeps.has(one));
      await Promise.all(race.map(({ call, deed }) => perform(call, deed)));
      // Those that nobody ended: their nodes are dead.
      await sql`update hold set expires_at = now() - interval '1 second' where tenant_id = any(${tenantIds})`;
      while ((await booksOf(tenantIds)).holds !== 0) await Promise.all(nodes.map((node) => node.expireHolds()));

      const endings = await endingsOf(tenantIds);
      const answersOf = Map.groupBy(answers, ({ callId }) => callId);
      let cost = 0n;
      for (const { callId } of calls) {
        const [ending, ...more] = endings.get(callId) ?? [];
        assert.ok(ending && more.length === 0, `${callId} has ${more.length} endings too many`);
        const [first, ...repeated] = answersOf.get(callId) ?? [];
        for (const answer of repeated) assert.deepEqual(toSaid(answer), toSaid(first));
        assert.deepEqual([ending.outcome, ending.cost], [first?.outcome ?? "lost", String(first?.costNanos ?? 0n)]);
        assert.equal(ending.postings, ending.outcome === "completed" ? 1 : 0);
        assert.equal(ending.charged ?? "0", ending.cost);
        cost += BigInt(ending.cost);
      }
      const balance = String(BigInt(tenantsInRace) * startNanos - cost);
      assert.deepEqual(await booksOf(tenantIds), { balance, held: "0", cost: String(cost), holds: 0, leased: "0" });
      await assertBalanced();
    });
  },
);

/** An attempt that cost 100 nanos. */
function factOf(tenantId: string, leaseId: string): Fact {
  return {
    ...{ callId: `call_${++lastId}`, attempt: 1, leaseId, tenantId, ...callFacts, priceId: price?.priceId ?? "" },
    ...{ inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 90n, outcome: "completed", isEstimated: false },
    ...{ latencyMs: 5n, startedAtMs: 1_700_000_000_000n },
  };
}

test(
  `B5: ${racedLeases} leases that are drawn from, given back, closed, expired and kept alive at once each end exactly once`,
  limits,
  async () => {
    await withSeed(seedOfRun, async (seed) => {
      const draws = createDraws(seed, "B5 leases");
      const tenantIds = await createTenants(tenantsInRace);
      const leases = await Promise.all(
        Array.from({ length: racedLeases }, async (_, i) => {
          const name = {
            leaseId: `lse_${++lastId}`,
            nodeId: `node_${i % 7}`,
            tenantId: tenantIds[i % tenantsInRace] ?? "",
          };
          assert.equal(await changeMoney(nodeOf(draws), moneyGrant(name, { wantNanos: 1_000n })), 1_000n);
          return {
            ...name,
            facts: Array.from({ length: draws.between(0, 20) }, () => factOf(name.tenantId, name.leaseId)),
          };
        }),
      );
      const late = leases.filter(() => draws.next() < 0.5).map(({ leaseId }) => leaseId);
      await sql`update lease set expires_at = now() - interval '1 minute' where lease_id = any(${late})`;

      const deeds = leases.flatMap((lease) => {
        const { facts, ...name } = lease;
        const back = moneyReturn(name, { changeNumber: 2, amountNanos: BigInt(draws.between(1, 1_200)) });
        return [
          // A lost answer makes a node post again, and whoever took up its spool posts it, too.
          () => nodeOf(draws).postFacts({ facts: facts.slice(0, draws.between(0, facts.length)) }),
          () => nodeOf(draws).postFacts({ facts: facts.slice(draws.between(0, facts.length)) }),
          () => nodeOf(draws).postFacts({ facts }),
          () => nodeOf(draws).changeLease(back).catch(ignoreGone),
          () => nodeOf(draws).changeLease(back).catch(ignoreGone),
          () => nodeOf(draws).extendLeases({ nodeId: name.nodeId, leaseIds: [name.leaseId] }),
          ...(draws.next() < 0.5
            ? [() => nodeOf(draws).closeLeases({ nodeId: name.nodeId, leaseIds: [name.leaseId] })]
            : []),
          ...(draws.next() < 0.2 ? [() => nodeOf(draws).expireLeases()] : []),
        ];
      });
      await Promise.all(shuffle(deeds, draws).map((perform) => perform()));
      await sql`update lease set expires_at = '-infinity' where tenant_id = any(${tenantIds})`;
      await Promise.all(nodes.map((node) => node.expireLeases()));

      const facts = leases.flatMap((lease) => lease.facts);
      const endings = await endingsOf(tenantIds);
      assert.equal(endings.size, facts.length);
      for (const { callId } of facts) {
        assert.deepEqual(
          endings.get(callId)?.map(({ outcome, cost }) => [outcome, cost]),
          [["completed", "100"]],
        );
      }
      const cost = 100n * BigInt(facts.length);
      const balance = String(BigInt(tenantsInRace) * startNanos - cost);
      assert.deepEqual(await booksOf(tenantIds), { balance, held: "0", cost: String(cost), holds: 0, leased: "0" });
      await assertBalanced();
    });
  },
);

function ignoreGone(err: unknown): void {
  if (!isFailure(err, billingFailures.lease_not_found)) throw err;
}
