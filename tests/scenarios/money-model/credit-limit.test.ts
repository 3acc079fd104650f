import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { BillingDeps } from "@lyss/services/billing/deps.ts";
import {
  type CreditLimitDeps,
  type SetCreditLimitInput,
  setCreditLimit,
} from "@lyss/services/billing/overdraft/set-credit-limit.ts";
import { callOf, start, startMs } from "./memory-batch.ts";

const million = 1_000_000n * 1_000_000_000n;

/** A tenant with so much money, whose credit limit is set by hand. */
async function startCredit(balanceNanos: bigint) {
  const world = await start(balanceNanos);
  const woken: string[] = [];
  const ledger = { wake: (tenantId: string) => void woken.push(tenantId) } as unknown as BillingDeps["ledger"];
  const plan: { mostNanos?: bigint } = {};
  const { creditLimitStore } = world.tables;
  const creditLimits: typeof creditLimitStore = {
    ...creditLimitStore,
    findMostNanos: async (...asked) => plan.mostNanos ?? (await creditLimitStore.findMostNanos(...asked)),
  };
  const deps = { ...world.deps, clock: world.clock, ledger, creditLimits } as unknown as CreditLimitDeps;
  const given = { tenantId: "ten_1", reason: "a good customer", userId: "usr_9" };
  return {
    ...world,
    ...{ woken, plan },
    /** The limit that was set before, and the code of a refusal. */
    async set(limitNanos: bigint, reference: string, more: Partial<SetCreditLimitInput> = {}) {
      try {
        return await setCreditLimit(deps, { ...given, limitNanos, reference, ...more });
      } catch (err) {
        assert.ok(err instanceof Failure);
        return { code: err.type.code, ...err.details };
      }
    },
    limitOf: async () =>
      (await world.options.journal.lockWallets(undefined as never, ["ten_1"], "USD"))[0]?.creditLimitNanos,
    changed: () =>
      world.tables.rows
        .events()
        .filter(({ type }) => type === "billing.credit_limit.changed")
        .map(({ data }) => data),
  };
}

test("a limit's money is put into the wallet, lent by the line's own account; another limit moves the difference", async () => {
  const { set, moneyOf, postings, limitOf, changed, woken } = await startCredit(100n);
  const made = await set(50n, "r1");
  assert.deepEqual(made, {
    ...{ walletId: "wal_1", reference: "r1", limitNanos: 50n, beforeNanos: 0n, reason: "a good customer" },
    ...{ createdBy: "usr_9", createdAt: new Date(startMs) },
  });
  assert.deepEqual([moneyOf(), await limitOf()], [[150n, 0n], 50n]);
  await set(80n, "r2");
  await set(10n, "r3");
  assert.deepEqual([moneyOf(), await limitOf()], [[110n, 0n], 10n]);
  const moved = (reference: string, lentNanos: bigint) => ({
    ...{ kind: "credit_limit", reference: `wal_1/${reference}` },
    amounts: { "overdraft:wal_1": -lentNanos, "wallet:wal_1": lentNanos },
  });
  assert.deepEqual(
    postings().map(({ kind, reference, entries }) => ({
      ...{ kind, reference },
      amounts: Object.fromEntries(entries.map(({ account, amountNanos }) => [account, amountNanos])),
    })),
    [moved("r1", 50n), moved("r2", 30n), moved("r3", -70n)],
  );
  const facts = { tenantId: "ten_1", walletId: "wal_1", currency: "USD", reason: "a good customer" };
  assert.deepEqual(changed(), [
    { ...facts, limitNanos: 50n, beforeNanos: 0n },
    { ...facts, limitNanos: 80n, beforeNanos: 50n },
    { ...facts, limitNanos: 10n, beforeNanos: 80n },
  ]);
  assert.deepEqual(woken, ["ten_1", "ten_1", "ten_1"]);
});

test("the same reference sets a limit once, and gives what was set then; it is never another limit's", async () => {
  const { set, moneyOf, limitOf } = await startCredit(100n);
  const made = await set(50n, "r1");
  await set(20n, "r2");
  assert.deepEqual([await set(50n, "r1"), moneyOf(), await limitOf()], [made, [120n, 0n], 20n]);
  assert.deepEqual(await set(51n, "r1"), { code: "billing.reference_reused", reference: "r1" });
  assert.deepEqual([moneyOf(), await limitOf()], [[120n, 0n], 20n]);
});

test("a limit that is there already is noted, and moves no money", async () => {
  const { set, moneyOf, postings, changed } = await startCredit(100n);
  await set(50n, "r1");
  const again = await set(50n, "r2");
  assert.ok("beforeNanos" in again);
  assert.deepEqual([again.beforeNanos, again.limitNanos, moneyOf()], [50n, 50n, [150n, 0n]]);
  assert.deepEqual([postings().length, changed().length], [1, 1]);
});

test("a limit is lowered by what is free of it: neither spent nor held by calls", async () => {
  const { set, apply, moneyOf } = await startCredit(60n);
  await set(50n, "r1");
  await apply({ reserves: [callOf("c1")] });
  assert.deepEqual(moneyOf(), [110n, 100n]);
  assert.deepEqual(await set(39n, "r2"), {
    ...{ code: "billing.amount_unavailable", requested: "0.000000011", available: "0.00000001", currency: "USD" },
  });
  assert.deepEqual(moneyOf(), [110n, 100n]);
  await set(40n, "r3");
  assert.deepEqual(moneyOf(), [100n, 100n]);
});

test("a limit is raised as far as the plan allows, and one that is above it by now can be kept and lowered", async () => {
  const { set, plan, moneyOf } = await startCredit(100n);
  plan.mostNanos = 80n;
  const refusal = {
    code: "billing.credit_not_in_plan",
    requested: "0.000000081",
    allowed: "0.00000008",
    currency: "USD",
  };
  assert.deepEqual(await set(81n, "r1"), refusal);
  assert.deepEqual(moneyOf(), [100n, 0n]);
  assert.ok("limitNanos" in (await set(80n, "r2")));
  plan.mostNanos = 10n;
  for (const limitNanos of [80n, 50n]) assert.ok("limitNanos" in (await set(limitNanos, `r${limitNanos}`)));
  assert.deepEqual(moneyOf(), [150n, 0n]);
  assert.equal("code" in (await set(51n, "r6")), true);
});

test("a limit is between nothing and a million, of a tenant that has a wallet", async () => {
  const { set } = await startCredit(100n);
  const refusal = { code: "billing.amount_out_of_range", minimum: "0", maximum: "1000000", currency: "USD" };
  assert.deepEqual([await set(-1n, "r1"), await set(million + 1n, "r2")], [refusal, refusal]);
  assert.ok("limitNanos" in (await set(million, "r3")));
  assert.ok("limitNanos" in (await set(0n, "r4")));
  assert.deepEqual(await set(1n, "r5", { tenantId: "ten_x" }), { code: "billing.wallet_not_found" });
});
