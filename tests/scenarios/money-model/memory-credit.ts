import assert from "node:assert/strict";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { silentLog } from "@lyss/kit/testing/test-cluster.ts";
import type { Adjustment, CallRefund, CorrectionStore } from "@lyss/services/billing/corrections/correction-store.ts";
import type { CorrectionDeps } from "@lyss/services/billing/corrections/corrections.ts";
import type { DebtStore } from "@lyss/services/billing/debts/debt-store.ts";
import type { Grant } from "@lyss/services/billing/grants/grant-model.ts";
import type { GrantStore } from "@lyss/services/billing/grants/grant-store.ts";
import type { GrantDeps } from "@lyss/services/billing/grants/grants.ts";
import { accounts } from "@lyss/services/billing/journal/accounts.ts";
import { move, type Posting, spendingKinds } from "@lyss/services/billing/journal/posting.ts";
import { start, tx } from "./memory-batch.ts";

/** Credit and corrections on tables in memory, for a tenant of so much money. */
export async function startCredit(balanceNanos: bigint) {
  const world = await start(balanceNanos);
  const { tables, options, clock } = world;
  const woken: string[] = [];
  const grants = new Map<string, Grant>();
  const adjustments: Adjustment[] = [];
  const refunds: CallRefund[] = [];
  let lastPosting = 0;

  const entriesOf = (account: string, postings = tables.rows.postings()) =>
    postings
      .flatMap(({ entries }) => entries)
      .filter((entry) => entry.account === account)
      .reduce((sum, { amountNanos }) => sum + amountNanos, 0n);
  const walletOf = async (walletId: string) => {
    const locked = await tables.journal.lockWallets(tx, ["ten_1", "ten_2"], "USD");
    return locked.find((one) => one.walletId === walletId);
  };

  const grantStore: Partial<GrantStore> = {
    async getMoney(_db, walletId) {
      const wallet = await walletOf(walletId);
      assert.ok(wallet);
      const spending = tables.rows.postings().filter(({ kind }) => spendingKinds.has(kind));
      return {
        balanceNanos: wallet.balanceNanos - wallet.creditLimitNanos,
        heldNanos: wallet.heldNanos,
        spentNanos: -entriesOf(accounts.wallet(walletId), spending),
      };
    },
    listOpenGrants: async (_db, walletId) =>
      [...grants.values()].filter((one) => one.walletId === walletId && one.endedAt === null),
    findGrant: async (_tx, walletId, reference) =>
      [...grants.values()].find((one) => one.walletId === walletId && one.reference === reference),
    async insertGrant(_tx, grant) {
      grants.set(grant.grantId, grant);
    },
    async updateGrants(_tx, changed, now) {
      for (const grant of changed)
        grants.set(grant.grantId, { ...grant, endedAt: grant.leftNanos === 0n ? now : null });
    },
    listTenantsWithExpired: async (now, limit) =>
      [...grants.values()]
        .filter(({ endedAt, expiresAt }) => endedAt === null && expiresAt <= now)
        .map(({ tenantId }) => ({ tenantId }))
        .slice(0, limit),
    listGrants: async ({ tenantId, afterId, limit }) =>
      [...grants.values()]
        .filter((one) => one.tenantId === tenantId && (afterId === undefined || one.grantId < afterId))
        .toSorted((a, b) => (a.grantId < b.grantId ? 1 : -1))
        .slice(0, limit),
  };
  const corrections: CorrectionStore = {
    findAdjustment: async (_tx, walletId, reference) =>
      adjustments.find((one) => one.walletId === walletId && one.reference === reference),
    insertAdjustment: async (_tx, adjustment) => void adjustments.push(adjustment),
    findCallTenant: async (_tx, callId) => tables.rows.usages().get(`${callId}/1`)?.tenantId,
    async getCallCost(_tx, callId) {
      const usage = tables.rows.usages().get(`${callId}/1`);
      if (!usage) return undefined;
      const refundedNanos = refunds
        .filter((one) => one.callId === callId)
        .reduce((sum, { amountNanos }) => sum + amountNanos, 0n);
      return { tenantId: usage.tenantId, walletId: usage.walletId, costNanos: usage.costNanos, refundedNanos };
    },
    findCallRefund: async (_tx, callId, reference) =>
      refunds.find((one) => one.callId === callId && one.reference === reference),
    listCallRefunds: async (_sql, { callId }, limit) => refunds.filter((one) => one.callId === callId).slice(0, limit),
    insertCallRefund: async (_tx, refund) => void refunds.push(refund),
  };
  const debts: DebtStore = {
    sumAccount: tables.debtStore.sumAccount,
    listDebtors: async (prefix, limit) =>
      tables.rows
        .wallets()
        .filter(({ walletId }) => entriesOf(`${prefix}${walletId}`) < 0n)
        .map(({ tenantId }) => ({ tenantId }))
        .slice(0, limit),
  };
  const ledger = { wake: (tenantId: string) => void woken.push(tenantId) };
  const deps = {
    ...{ ...world.deps, clock, ledger, debts, corrections, grants: grantStore as GrantStore, log: silentLog },
    db: { ...tables.db, sql: undefined },
  } as unknown as CorrectionDeps & GrantDeps;

  return {
    ...{ ...world, deps, grants, woken, entriesOf },
    takeWoken: () => woken.splice(0),
    /** Posts as somebody else does. */
    async post(kind: Posting["kind"], from: string, to: string, amountNanos: bigint) {
      const locked = await options.journal.lockWallets(tx, ["ten_1", "ten_2"], "USD");
      const postingId = `pst_own_${++lastPosting}`;
      const posting = { postingId, kind, reference: postingId, currency: "USD", entries: move(from, to, amountNanos) };
      await options.journal.post(tx, locked, [posting]);
    },
    /** The money of a tenant that is taken back after it was spent. */
    owe: async (amountNanos: bigint) => {
      const locked = await options.journal.lockWallets(tx, ["ten_1"], "USD");
      const entries = move(accounts.debt("wal_1"), accounts.paidBy("stripe"), amountNanos);
      const postingId = `pst_own_${++lastPosting}`;
      const posting = { postingId, kind: "charge_back", reference: postingId, currency: "USD", entries } as const;
      await options.journal.post(tx, locked, [posting]);
    },
    eventsOf: (type: string) =>
      tables.rows
        .events()
        .filter((event) => event.type === type)
        .map(({ data }) => data as Record<string, unknown>),
  };
}

/** The result of `work`, or the code and details of its refusal. */
export async function outcomeOf<T>(work: Promise<T>): Promise<T | Record<string, unknown>> {
  try {
    return await work;
  } catch (err) {
    assert.ok(err instanceof Failure, String(err));
    return { code: err.type.code, ...err.details };
  }
}
