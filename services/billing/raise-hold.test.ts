import assert from "node:assert/strict";
import { test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { type Budget, windowAt } from "./budgets/model.ts";
import type { Hold, Wallet, Want } from "./model.ts";
import { raiseHold } from "./raise-hold.ts";

/** One nano per input token, two per output token. */
const price = { rates: { input: 1_000_000n, cacheRead: 500_000n, output: 2_000_000n } };
const nowMs = Date.UTC(2026, 2, 10, 12);
const terms = { price, startedAtMs: nowMs, nowMs };
/** Ten tokens went in, ten may come out: thirty nanos. */
const hold: Hold = {
  ...{
    callId: "call_1",
    requestId: "req_1",
    tenantId: "ten_1",
    keyId: "key_1",
    userId: "usr_1",
    provider: "p",
    model: "m",
  },
  ...{ walletId: "wal_1", priceId: "pri_1", amountNanos: 30n, outputTokens: 10n },
};
const want: Want = { inputTokens: 10n, maxOutputTokens: 30n, minOutputTokens: 11n, choices: 1n };

/** Of `balanceNanos`, with what this call holds, and others. */
function walletOf(balanceNanos: bigint, othersNanos = 0n): Wallet {
  const heldNanos = hold.amountNanos + othersNanos;
  return { walletId: "wal_1", tenantId: "ten_1", currency: "USD", balanceNanos, heldNanos };
}

function budgetOf(more: Partial<Budget>): Budget {
  const calendar = { period: "day", timeZone: "UTC", resetDay: 1 } as const;
  return {
    ...{ budgetId: "bud_1", tenantId: "ten_1", scopeKind: "user", scopeId: "usr_1", unit: "money", limit: 100n },
    ...{ ...calendar, alertPercents: [100], window: windowAt(calendar, nowMs), used: 0n, reserved: 0n },
    ...{ alertedPercent: 0, isRefusalSaid: false, createdAt: new Date(0), updatedAt: new Date(0) },
    ...more,
  };
}

const raise = (wallet: Wallet, path: readonly Budget[] = [], wanted = want) =>
  raiseHold(hold, wallet, path, wanted, terms);

test("a hold is raised to all that is wanted where there is the money", () => {
  assert.deepEqual(raise(walletOf(70n)), { ...hold, amountNanos: 70n, outputTokens: 30n });
});

test("where there is less, it is raised to the last token that can be paid", () => {
  assert.deepEqual(raise(walletOf(50n, 15n)), { ...hold, amountNanos: 34n, outputTokens: 12n });
  assert.deepEqual(raise(walletOf(32n)), { ...hold, amountNanos: 32n, outputTokens: 11n });
});

test("no waiting for money that others hold: the refusal names what is short", () => {
  const refusal = raise(walletOf(1_000n, 969n));
  assert.ok(isFailure(refusal, billingFailures.insufficient_balance));
  assert.equal(refusal.details["required"], "0.000000032");
});

test("budgets bound it as they bound a new call, and are named", () => {
  const money = budgetOf({ limit: 40n });
  assert.deepEqual(raise(walletOf(1_000n), [money]), { ...hold, amountNanos: 40n, outputTokens: 15n });
  const tokens = budgetOf({ unit: "tokens", limit: 22n });
  assert.deepEqual(raise(walletOf(1_000n), [tokens]), { ...hold, amountNanos: 34n, outputTokens: 12n });
  const calls = budgetOf({ unit: "calls", limit: 1n });
  assert.deepEqual(raise(walletOf(1_000n), [calls]), { ...hold, amountNanos: 70n, outputTokens: 30n });
  assert.ok(isFailure(raise(walletOf(1_000n), [budgetOf({ limit: 31n })]), billingFailures.budget_exceeded));
  assert.ok(isFailure(raise(walletOf(1_000n), [{ ...tokens, limit: 20n }]), billingFailures.quota_exceeded));
});

test("a hold that covers what is wanted is given back as it is", () => {
  assert.equal(raise(walletOf(30n), [], { ...want, minOutputTokens: 10n }), hold);
});

test("each choice is paid for", () => {
  const two = { ...want, choices: 2n };
  assert.deepEqual(raise(walletOf(100n), [], two), { ...hold, amountNanos: 98n, outputTokens: 22n });
});
