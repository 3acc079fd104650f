import assert from "node:assert/strict";
import { test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { BillingDeps } from "@lyss/services/billing/deps.ts";
import type { Fact } from "@lyss/services/billing/fact.ts";
import { moneyGrant } from "@lyss/services/billing/lease-test-changes.ts";
import { noTokens } from "@lyss/services/billing/model.ts";
import { postFacts as postAny } from "@lyss/services/billing/ops/post-facts.ts";
import { type FactsDeps, postFacts } from "@lyss/services/billing/post-facts.ts";
import { pino } from "pino";
import { budgetOf, start, startMs } from "./memory-batch.ts";

const dayMs = 86_400_000;

/** A call that cost 40 nanos. */
const factOf = (callId: string, more: Partial<Fact> = {}): Fact => ({
  ...{ callId, attempt: 1, leaseId: "lse_1", requestId: "req_1", tenantId: "ten_1", keyId: "key_1", userId: "usr_1" },
  ...{ provider: "p", model: "m", priceId: "prc_1", outcome: "completed", isEstimated: false, latencyMs: 5n },
  ...{ inputTokens: 10n, cachedInputTokens: 0n, outputTokens: 15n, startedAtMs: BigInt(startMs), ...more },
});

/** A tenant of so much money, of which so much is leased, and the posting of facts. */
async function startPosting(balanceNanos: bigint, leasedNanos: bigint, entries: Parameters<typeof start>[1] = {}) {
  const world = await start(balanceNanos, entries);
  const { tables } = world;
  const lease = { leaseId: "lse_1", nodeId: "node_1", tenantId: "ten_1" };
  if (leasedNanos > 0n) await world.apply({ leaseChanges: [moneyGrant(lease, { wantNanos: leasedNanos })] });
  const opened: (readonly string[])[] = [];
  let goneDays: readonly string[] = [];
  const days: Pick<FactsDeps["days"], "open"> = {
    async open(wanted) {
      opened.push(wanted);
      return goneDays;
    },
  };
  const logged: unknown[] = [];
  const write = (line: string) => {
    const { level, time, pid, hostname, ...rest } = JSON.parse(line);
    logged.push(rest);
  };
  const deps: FactsDeps = { ...world.deps, days: days as FactsDeps["days"], log: pino({}, { write }) };
  return {
    ...{ world, tables, deps, daysOpened: opened, logged },
    post: (...facts: readonly Fact[]) => postFacts(deps, facts),
    setGone: (gone: readonly string[]) => {
      goneDays = gone;
    },
    /** Inserting fails so many times with this before it works. */
    failInserts(times: number, err: Error) {
      const { insertFacts } = tables.facts;
      let left = times;
      tables.facts.insertFacts = (...args) => (left-- > 0 ? Promise.reject(err) : insertFacts(...args));
    },
  };
}

const dayMissing = () => Object.assign(new Error("no partition"), { code: "23514", table_name: "usage" });

test("facts are charged to their lease, each once in whatever company it is repeated", async () => {
  const { post, tables, world } = await startPosting(8_000n, 500n);
  assert.deepEqual(await post(factOf("c1"), factOf("c2")), { uncollectedNanos: 0n, repeated: 0 });
  assert.deepEqual(world.moneyOf(), [7_920n, 420n]);
  assert.equal(tables.rows.leases()[0]?.amountNanos, 420n);
  assert.deepEqual(await post(factOf("c2"), factOf("c3"), factOf("c3")), { uncollectedNanos: 0n, repeated: 2 });
  assert.deepEqual(world.moneyOf(), [7_880n, 380n]);
  assert.deepEqual(await post(factOf("c1"), factOf("c2")), { uncollectedNanos: 0n, repeated: 2 });
  assert.deepEqual(await post(), { uncollectedNanos: 0n, repeated: 0 });
  assert.deepEqual(world.moneyOf(), [7_880n, 380n]);
  const [first] = world.postings();
  assert.deepEqual([first?.kind, first?.entries.map(({ amountNanos }) => amountNanos)], ["usage", [-80n, 80n]]);
});

test("another attempt of a call is a fact of its own", async () => {
  const { post, world } = await startPosting(8_000n, 500n);
  await post(factOf("c1"));
  assert.equal((await post(factOf("c1", { attempt: 2 }))).repeated, 0);
  assert.deepEqual(world.moneyOf(), [7_920n, 420n]);
});

test("what a fact costs beyond its lease and what is available is uncollected, and its row says what was paid", async () => {
  const { post, tables, world } = await startPosting(80n, 10n);
  assert.deepEqual(await post(factOf("c1"), factOf("c2"), factOf("c3")), { uncollectedNanos: 40n, repeated: 0 });
  const paid = [...tables.rows.usages().values()].map(({ costNanos, uncollectedNanos }) => [
    costNanos,
    uncollectedNanos,
  ]);
  assert.deepEqual(paid, [
    [40n, 0n],
    [40n, 0n],
    [0n, 40n],
  ]);
  assert.deepEqual(world.moneyOf(), [0n, 0n]);
});

test("facts are written in one order everywhere: by day, and within it by name", async () => {
  const { post, tables } = await startPosting(8_000n, 500n);
  const later = { startedAtMs: BigInt(startMs + dayMs) };
  const earlier = { startedAtMs: BigInt(startMs - dayMs) };
  await post(
    factOf("c3"),
    factOf("c0", later),
    factOf("c2"),
    factOf("c9", earlier),
    factOf("c2", { attempt: 2 }),
    factOf("c1", { startedAtMs: BigInt(startMs + 1) }),
  );
  assert.deepEqual([...tables.rows.usages().keys()], ["c9/1", "c1/1", "c2/1", "c2/2", "c3/1", "c0/1"]);
});

test("a day that is not open yet is opened, each once, and the facts are posted", async () => {
  const { post, failInserts, daysOpened, logged } = await startPosting(8_000n, 500n);
  failInserts(1, dayMissing());
  const late = { startedAtMs: BigInt(startMs + dayMs) };
  assert.deepEqual(await post(factOf("c1"), factOf("c2"), factOf("c3", late)), { uncollectedNanos: 0n, repeated: 0 });
  assert.deepEqual([daysOpened, logged], [[["2026-03-10", "2026-03-11"]], []]);
});

test("a fact of a day that is gone is not charged, and told with its call; the others are", async () => {
  const { post, failInserts, setGone, logged, world } = await startPosting(8_000n, 500n);
  failInserts(1, dayMissing());
  setGone(["2026-03-09"]);
  const old = Array.from({ length: 11 }, (_, i) => factOf(`o${i}`, { startedAtMs: BigInt(startMs - dayMs) }));
  assert.deepEqual(await post(factOf("c1"), ...old), { uncollectedNanos: 0n, repeated: 11 });
  assert.deepEqual(world.moneyOf(), [7_960n, 460n]);
  const callIds = old
    .map(({ callId }) => callId)
    .sort()
    .slice(0, 10);
  const msg = "usage came after its day was dropped by billing.usageRetentionDays, and is not charged";
  assert.deepEqual(logged, [{ count: 11, call_ids: callIds, days: ["2026-03-09"], msg }]);
});

test("what fails for another reason fails at once, and nothing of it has happened", async () => {
  const { post, failInserts, daysOpened, world } = await startPosting(8_000n, 500n);
  failInserts(1, new Error("the disk is full"));
  await assert.rejects(post(factOf("c1")), /the disk is full/);
  assert.deepEqual([daysOpened, world.moneyOf()], [[], [8_000n, 500n]]);
  await assert.rejects(post(factOf("c1", { priceId: "prc_x" })), (err) => err instanceof Failure);
});

test("after four tries it is told why, and not before", async () => {
  const { post, failInserts } = await startPosting(8_000n, 500n);
  failInserts(3, dayMissing());
  assert.deepEqual(await post(factOf("c1")), { uncollectedNanos: 0n, repeated: 0 });
  failInserts(4, dayMissing());
  await assert.rejects(post(factOf("c2")), /no partition/);
});

test("posting asks and writes only what the facts need", async () => {
  const { post, world } = await startPosting(8_000n, 500n);
  await post(factOf("c0"));
  world.takeSent();
  await post();
  assert.deepEqual(world.takeSent(), []);
  await post(factOf("c1"), factOf("c2"));
  const begin = ["listWallets", "insertFacts", "lockWallets", "lockLeases"];
  assert.deepEqual(world.takeSent(), [...begin, "write", "updateLeaseAmounts", "writeBook"]);
  await post(factOf("c3", { ...noTokens }));
  assert.deepEqual(world.takeSent(), [...begin, "writeBook"]);
  await post(factOf("c4", { outputTokens: 9_000n }));
  assert.deepEqual(world.takeSent(), [...begin, "updatePaid", "write", "updateLeaseAmounts", "writeBook"]);
});

test("facts are charged to the budgets of their path, in the period in which they began", async () => {
  const window = { startsAt: new Date(startMs), endsAt: null };
  const { post, world } = await startPosting(8_000n, 500n, { budgets: [budgetOf({ window })] });
  await post(factOf("c1"), factOf("c2", { startedAtMs: BigInt(startMs - 1) }));
  const book = world.books.at(-1);
  assert.deepEqual(
    book?.changes.listChanged().map(({ after }) => after.used),
    [40n],
  );
  const { calls, ...request } = world.opened.at(-1) as { calls: Fact[] };
  assert.deepEqual([request, calls.length], [{ budgetedTenantIds: ["ten_1"], holderIds: ["lse_1"] }, 2]);
  assert.deepEqual(book?.changes.endedHolderIds, []);
});

test("each wallet's usage is told in its stream, and a balance that falls below the mark once", async () => {
  const { post, tables } = await startPosting(110n, 10n);
  await post(factOf("c1"), factOf("c2"));
  await post(factOf("c3"));
  const said = (type: string) =>
    tables.rows
      .events()
      .filter((event) => event.type === type)
      .map(({ data }) => data);
  const sums = said("billing.usage.recorded") as { sums: { calls: bigint; costNanos: bigint }[] }[];
  assert.deepEqual(
    sums.flatMap((one) => one.sums.map(({ calls, costNanos }) => [calls, costNanos])),
    [
      [2n, 80n],
      [1n, 30n],
    ],
  );
  const low = { tenantId: "ten_1", walletId: "wal_1", currency: "USD", availableNanos: 30n, thresholdNanos: 50n };
  assert.deepEqual(said("billing.balance.low"), [low]);
});

/** The operation, with a ledger of which the calls in `missing` are not known. */
async function startAny(missing: readonly string[] = []) {
  const posting = await startPosting(8_000n, 500n);
  const settled: string[] = [];
  const ledger = {
    async settle({ callId }: Fact) {
      settled.push(callId);
      if (missing.includes(callId)) throw new Failure(billingFailures.hold_not_found);
      if (callId === "broken") throw new Error("the database is away");
      return { uncollectedNanos: 3n };
    },
  };
  const uncharged: string[][] = [];
  const providerCosts = {
    async insertAttempts(_tx: unknown, facts: readonly Fact[]) {
      uncharged.push(facts.map(({ callId }) => callId));
      return facts.length - 1;
    },
  };
  const estimates: string[][] = [];
  const costs = {
    ...providerCosts,
    async insertEstimates(_tx: unknown, facts: readonly Fact[]) {
      estimates.push(facts.map(({ callId }) => callId));
    },
  };
  const deps = { ...posting.deps, ledger, providerCosts: costs } as unknown as BillingDeps;
  return {
    ...posting,
    settled,
    uncharged,
    estimates,
    postAny: (...facts: readonly Fact[]) => postAny(deps, { facts }),
  };
}

test("facts with a lease are posted together, those with a hold end it, and a lost one ends by itself", async () => {
  const { postAny: post, settled, uncharged, world } = await startAny();
  const held = { leaseId: "" };
  const facts = [factOf("c1"), factOf("h1", held), factOf("h2", held), factOf("h3", { ...held, outcome: "lost" })];
  assert.deepEqual(await post(...facts, factOf("c2", { outcome: "lost", ...noTokens })), {
    uncollectedNanos: 6n,
    repeated: 0,
  });
  assert.deepEqual([settled, uncharged, world.moneyOf()], [["h1", "h2"], [], [7_960n, 460n]]);
  assert.deepEqual(await post(...facts), { uncollectedNanos: 6n, repeated: 1 });
});

test("what nobody is charged for is only kept for what it costs us, whether with a lease or with a hold", async () => {
  const { postAny: post, settled, uncharged, world } = await startAny();
  const facts = [
    factOf("u1", { isUncharged: true }),
    factOf("u2", { isUncharged: true, leaseId: "" }),
    factOf("c1", { isUncharged: false }),
  ];
  assert.deepEqual(await post(...facts), { uncollectedNanos: 0n, repeated: 1 });
  assert.deepEqual([settled, uncharged, world.moneyOf()], [[], [["u1", "u2"]], [7_960n, 460n]]);
});

test("a call of which nothing is known is told and holds up no other; any other trouble is thrown", async () => {
  const { postAny: post, logged } = await startAny(["h1"]);
  const held = { leaseId: "" };
  assert.deepEqual(await post(factOf("h1", held), factOf("h2", held)), { uncollectedNanos: 3n, repeated: 0 });
  assert.deepEqual(logged, [{ call_id: "h1", msg: "a call ended of which neither a hold nor usage is known" }]);
  await assert.rejects(post(factOf("broken", held)), /away/);
});

test("what a provider may have counted of a call that nobody pays for is kept, and of no other", async () => {
  const { postAny: post, estimates } = await startAny();
  await post(factOf("c1"));
  assert.deepEqual(estimates, []);
  await post(factOf("c2"), factOf("e1", { ...noTokens, outcome: "failed", mayHaveUsed: noTokens }));
  assert.deepEqual(estimates, [["e1"]]);
});
