import assert from "node:assert/strict";
import { test } from "node:test";
import { type CreateGrantInput, createGrants, readGrants } from "@lyss/services/billing/grants/grants.ts";
import { accounts } from "@lyss/services/billing/journal/accounts.ts";
import { callOf, endOf, startMs, tx } from "./memory-batch.ts";
import { outcomeOf, startCredit } from "./memory-credit.ts";

const million = 1_000_000n * 1_000_000_000n;
const later = (ms: number) => new Date(startMs + ms);

async function startGrants(balanceNanos: bigint) {
  const world = await startCredit(balanceNanos);
  const grants = createGrants(world.deps);
  const signal = new AbortController().signal;
  return {
    ...world,
    api: grants,
    grant: (amountNanos: bigint, reference: string, more: Partial<CreateGrantInput> = {}) =>
      outcomeOf(
        grants.createGrant({
          ...{ tenantId: "ten_1", amountNanos, reference, reason: "welcome", userId: "usr_9", expiresAt: later(1_000) },
          ...more,
        }),
      ),
    expire: () => grants.expire(signal),
    leftOf: async () => (await grants.listOpen("wal_1")).map(({ reference, leftNanos }) => [reference, leftNanos]),
    /** A call that costs 40 nanos. */
    async charge(callId: string) {
      await world.apply({ reserves: [callOf(callId)] });
      await world.apply({ settles: [endOf(callId)] });
    },
  };
}

test("a grant is money in the wallet that nobody paid for, with its end, and says so", async () => {
  const { grant, moneyOf, postings, eventsOf, takeWoken } = await startGrants(100n);
  const made = (await grant(30n, "r1")) as Record<string, unknown>;
  const { grantId, ...rest } = made;
  assert.match(String(grantId), /^grt_/);
  assert.deepEqual(rest, {
    ...{ walletId: "wal_1", tenantId: "ten_1", reference: "r1", reason: "welcome", createdBy: "usr_9" },
    ...{ amountNanos: 30n, leftNanos: 30n, spentMarkNanos: 0n, expiredNanos: 0n, expiries: 0, endedAt: null },
    ...{ expiresAt: later(1_000), createdAt: later(0) },
  });
  assert.deepEqual([moneyOf(), takeWoken()], [[130n, 0n], ["ten_1"]]);
  assert.deepEqual(postings(), [
    {
      ...{ kind: "grant", reference: grantId },
      entries: [
        { account: "funding:grant", amountNanos: -30n },
        { account: "wallet:wal_1", amountNanos: 30n },
      ],
    },
  ]);
  const facts = { tenantId: "ten_1", walletId: "wal_1", currency: "USD", amountNanos: 30n };
  assert.deepEqual(eventsOf("billing.grant.created"), [{ ...facts, grantId, expiresAtMs: BigInt(startMs + 1_000) }]);
});

test("the same reference grants once, and is never another amount's or end's", async () => {
  const { grant, moneyOf } = await startGrants(100n);
  const made = await grant(30n, "r1");
  assert.deepEqual(await grant(30n, "r1"), made);
  const reused = { code: "billing.reference_reused", reference: "r1" };
  assert.deepEqual(await grant(31n, "r1"), reused);
  assert.deepEqual(await grant(30n, "r1", { expiresAt: later(1_001) }), reused);
  assert.deepEqual(moneyOf(), [130n, 0n]);
});

test("a grant is more than nothing, at most a million, ends in the future, and needs a wallet", async () => {
  const { grant, moneyOf } = await startGrants(100n);
  const range = { code: "billing.amount_out_of_range", minimum: "0.000000001", maximum: "1000000", currency: "USD" };
  for (const amount of [0n, -1n, million + 1n]) assert.deepEqual(await grant(amount, "r1"), range);
  for (const expiresAt of [later(0), later(-1)]) {
    assert.deepEqual(await grant(1n, "r1", { expiresAt }), { code: "billing.expiry_in_past" });
  }
  assert.deepEqual(await grant(1n, "r1", { tenantId: "ten_x" }), { code: "billing.wallet_not_found" });
  assert.ok("grantId" in (await grant(million, "r1", { expiresAt: later(1) })));
  assert.deepEqual(moneyOf(), [100n + million, 0n]);
});

test("a wallet has at most two hundred open grants", async () => {
  const { grant } = await startGrants(100n);
  for (let i = 0; i < 200; i++) assert.ok("grantId" in (await grant(1n, `r${i}`)));
  assert.deepEqual(await grant(1n, "r200"), { code: "billing.too_many_grants", maximum: 200 });
});

test("what was spent before a grant is none of it, and comes out of those that were there", async () => {
  const { grant, charge, leftOf, deps, grants } = await startGrants(1_000n);
  await grant(50n, "r1", { expiresAt: later(2_000) });
  await charge("c1");
  await grant(100n, "r2", { expiresAt: later(1_000) });
  assert.deepEqual(await leftOf(), [
    ["r2", 100n],
    ["r1", 10n],
  ]);
  assert.deepEqual(
    [...grants.values()].map(({ spentMarkNanos }) => spentMarkNanos),
    [40n, 40n],
  );
  await charge("c2");
  assert.deepEqual(await leftOf(), [
    ["r2", 60n],
    ["r1", 10n],
  ]);
  assert.deepEqual(await readGrants(tx, deps, "wal_1"), await createGrants(deps).listOpen("wal_1"));
});

test("what is left of a grant when its time is over is taken back, once, and its tenant is told", async () => {
  const { grant, charge, clock, expire, moneyOf, postings, eventsOf, leftOf } = await startGrants(1_000n);
  const { grantId } = (await grant(100n, "r1")) as { grantId: string };
  await grant(5n, "r2", { expiresAt: later(5_000) });
  await charge("c1");
  clock.advance(999);
  await expire();
  assert.deepEqual(moneyOf(), [1_065n, 0n]);
  clock.advance(1);
  await expire();
  await expire();
  assert.deepEqual([moneyOf(), await leftOf()], [[1_005n, 0n], [["r2", 5n]]]);
  const ends = postings().filter(({ kind }) => kind === "grant_expiry");
  assert.deepEqual(ends, [
    {
      ...{ kind: "grant_expiry", reference: `${grantId}/1` },
      entries: [
        { account: "wallet:wal_1", amountNanos: -60n },
        { account: "funding:grant", amountNanos: 60n },
      ],
    },
  ]);
  const facts = { tenantId: "ten_1", walletId: "wal_1", currency: "USD", expiredNanos: 60n };
  assert.deepEqual(eventsOf("billing.grant.expired"), [{ ...facts, grantId }]);
});

test("what calls hold of a grant stays until they have ended, and ends the next time; one that is spent ends without a posting", async () => {
  const { grant, apply, clock, expire, moneyOf, postings, grants } = await startGrants(1n);
  await grant(100n, "r1");
  await apply({ reserves: [callOf("c1", { inputTokens: 1n, maxOutputTokens: 40n, minOutputTokens: 40n })] });
  clock.advance(1_000);
  await expire();
  assert.deepEqual(moneyOf(), [81n, 81n]);
  await expire();
  await apply({ settles: [endOf("c1", { inputTokens: 1n, outputTokens: 10n })] });
  await expire();
  assert.deepEqual([moneyOf(), [...grants.values()].map(({ leftNanos }) => leftNanos)], [[1n, 0n], [0n]]);
  const ends = postings().filter(({ kind }) => kind === "grant_expiry");
  assert.deepEqual(
    ends.map(({ reference, entries }) => [reference.slice(-2), entries[0]?.amountNanos]),
    [
      ["/1", -20n],
      ["/2", -59n],
    ],
  );
  const [ended] = grants.values();
  assert.deepEqual([ended?.expiries, ended?.expiredNanos, ended?.endedAt], [2, 79n, later(1_000)]);
});

test("of ended grants no more than a hundred tenants are looked at in a run, and none once it is to stop", async () => {
  const { api, deps, grant, clock, moneyOf } = await startGrants(10n);
  await grant(100n, "r1");
  clock.advance(1_000);
  const aborted = new AbortController();
  aborted.abort();
  await api.expire(aborted.signal);
  assert.deepEqual(moneyOf(), [110n, 0n]);
  const asked: unknown[] = [];
  const { listTenantsWithExpired } = deps.grants;
  deps.grants.listTenantsWithExpired = async (now, limit) => {
    asked.push([now, limit]);
    return [{ tenantId: "ten_x" }, ...(await listTenantsWithExpired(now, limit))];
  };
  await api.expire(new AbortController().signal);
  assert.deepEqual([asked, moneyOf()], [[[later(1_000), 100]], [10n, 0n]]);
});

test("grants of a tenant are listed page by page, newest first", async () => {
  const { api, grant, clock } = await startGrants(10n);
  for (const reference of ["r1", "r2", "r3"]) {
    await grant(1n, reference);
    clock.advance(1);
  }
  await grant(1n, "other", { tenantId: "ten_2" });
  const first = await api.list({ tenantId: "ten_1", limit: 2 });
  assert.deepEqual(
    first.rows.map(({ reference }) => reference),
    ["r3", "r2"],
  );
  const second = await api.list({ tenantId: "ten_1", limit: 2, cursor: first.nextCursor });
  assert.deepEqual([second.rows.map(({ reference }) => reference), second.nextCursor], [["r1"], undefined]);
});

test("money that went out in another way is none of what is left of grants", async () => {
  const { grant, leftOf, post } = await startGrants(10n);
  await grant(100n, "r1");
  await post("adjustment", accounts.wallet("wal_1"), accounts.adjustments, 60n);
  assert.deepEqual(await leftOf(), [["r1", 50n]]);
});
