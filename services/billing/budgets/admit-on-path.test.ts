import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { boundNanos, type Wallet, type Want } from "../model.ts";
import { admitOnPath, mostOf, type PathAdmission } from "./admit-on-path.ts";
import { availableOf, type Budget, budgetUnits, scopeKinds, unusedOf, windowAt } from "./model.ts";

/** One nano per input token, two per output token. */
const price = { rates: { input: 1_000_000n, cacheRead: 500_000n, output: 2_000_000n } };
const nowMs = Date.UTC(2026, 2, 10, 12);
const want: Want = { inputTokens: 10n, maxOutputTokens: 45n, minOutputTokens: 45n, choices: 1n };
const open: Want = { ...want, minOutputTokens: 5n };

function walletOf(balanceNanos: bigint, heldNanos = 0n): Wallet {
  return { walletId: "wal_1", tenantId: "ten_1", currency: "USD", balanceNanos, heldNanos };
}

function budgetOf(more: Partial<Budget>): Budget {
  const calendar = { period: "day", timeZone: "UTC", resetDay: 1 } as const;
  return {
    ...{ budgetId: `bud_${more.scopeKind}`, tenantId: "ten_1", scopeKind: "user", scopeId: "usr_1", unit: "money" },
    ...{ ...calendar, alertPercents: [100], window: windowAt(calendar, nowMs), limit: 100n, used: 0n, reserved: 0n },
    ...{ alertedPercent: 0, isRefusalSaid: false, createdAt: new Date(0), updatedAt: new Date(0) },
    ...more,
  };
}

const decide = (wallet: Wallet, path: readonly Budget[], wanted = want, comfortableOutputTokens = 20n) =>
  admitOnPath(wallet, path, { price, want: wanted, comfortableOutputTokens, startedAtMs: nowMs, nowMs });

function refusalOf(admission: PathAdmission) {
  assert.notEqual(admission.kind, "granted");
  if (admission.kind === "granted") return undefined;
  const { kind, budgetId, failure } = admission;
  return { kind, budgetId, status: failure.type.httpStatus, details: failure.details, after: failure.retryAfterMs };
}

test("a call that fits every level is granted whole, to the last unit of each", () => {
  const path = [
    budgetOf({ scopeKind: "tenant", limit: 100n }),
    budgetOf({ scopeKind: "group", unit: "tokens", limit: 55n }),
    budgetOf({ scopeKind: "key", unit: "calls", limit: 1n }),
  ];
  assert.deepEqual(decide(walletOf(100n), path), { kind: "granted", amountNanos: 100n, outputTokens: 45n });
});

test("one unit too little on any level refuses, and the answer names the level", () => {
  for (const scopeKind of scopeKinds) {
    const money = refusalOf(decide(walletOf(500n), [budgetOf({ scopeKind, limit: 99n })]));
    assert.deepEqual([money?.kind, money?.budgetId, money?.status], ["refused", `bud_${scopeKind}`, 402]);
    assert.deepEqual(money?.details, {
      ...{ limit_source: scopeKind, limit_source_id: "usr_1", budget_id: `bud_${scopeKind}`, unit: "USD" },
      ...{ period: "day", limit: "0.000000099", used: "0", reserved: "0", available: "0.000000099" },
      ...{ required: "0.0000001", reset_at: "2026-03-11T00:00:00.000Z" },
    });
    assert.equal(money?.after, undefined);
    const tokens = refusalOf(decide(walletOf(500n), [budgetOf({ scopeKind, unit: "tokens", limit: 60n, used: 6n })]));
    assert.deepEqual([tokens?.kind, tokens?.status, tokens?.after], ["refused", 429, 12 * 3_600_000]);
    assert.deepEqual([tokens?.details["required"], tokens?.details["available"]], ["55", "54"]);
    const calls = refusalOf(decide(walletOf(500n), [budgetOf({ scopeKind, unit: "calls", limit: 3n, used: 3n })]));
    assert.deepEqual([calls?.status, calls?.details["limit_source"], calls?.details["used"]], [429, scopeKind, "3"]);
  }
  const wallet = refusalOf(decide(walletOf(99n), [budgetOf({ scopeKind: "user", limit: 1_000n })]));
  assert.deepEqual([wallet?.status, wallet?.budgetId, wallet?.details["limit_source"]], [402, undefined, "wallet"]);
});

test("of a call that no time will make fit it is not said when to try again", () => {
  const path = [budgetOf({ scopeKind: "key", unit: "tokens", limit: 54n })];
  assert.equal(refusalOf(decide(walletOf(500n), path))?.after, undefined);
  const total = budgetOf({ scopeKind: "key", unit: "calls", period: "total", limit: 1n, used: 1n });
  const refused = refusalOf(decide(walletOf(500n), [{ ...total, window: { startsAt: new Date(0), endsAt: null } }]));
  assert.deepEqual([refused?.after, refused?.details["reset_at"]], [undefined, "never"]);
});

test("what other calls hold is waited for, and what is used up is not", () => {
  const held = budgetOf({ scopeKind: "user", limit: 150n, reserved: 100n });
  const waits = refusalOf(decide(walletOf(500n), [held]));
  assert.deepEqual([waits?.kind, waits?.budgetId, waits?.status], ["wait", "bud_user", 402]);
  const calls = budgetOf({ scopeKind: "key", unit: "calls", limit: 1n, reserved: 1n });
  assert.deepEqual([refusalOf(decide(walletOf(500n), [calls]))?.after], [1_000]);
  const usedUp = budgetOf({ scopeKind: "group", limit: 150n, used: 100n });
  assert.equal(refusalOf(decide(walletOf(500n), [held, usedUp]))?.budgetId, "bud_group");
  const both = refusalOf(decide(walletOf(500n, 450n), [usedUp]));
  assert.deepEqual([both?.kind, both?.budgetId], ["refused", "bud_group"]);
  assert.equal(refusalOf(decide(walletOf(500n, 450n), [budgetOf({ limit: 400n })]))?.details["limit_source"], "wallet");
});

test("where several levels hold what is missing the narrowest is named, and the wallet where it is as narrow", () => {
  const roomy = budgetOf({ scopeKind: "tenant", limit: 500n, reserved: 10n });
  const narrow = budgetOf({ scopeKind: "key", limit: 150n, reserved: 100n });
  const waits = refusalOf(decide(walletOf(500n), [roomy, narrow]));
  assert.deepEqual([waits?.kind, waits?.budgetId], ["wait", "bud_key"]);
  const alike = refusalOf(decide(walletOf(150n, 100n), [narrow]));
  assert.deepEqual([alike?.kind, alike?.budgetId], ["wait", undefined]);
  assert.deepEqual(alike?.details, {
    ...{ required: "0.0000001", available: "0.00000005", held: "0.0000001", currency: "USD", limit_source: "wallet" },
    top_up_url: "/v1/billing/top-up",
  });
  assert.equal(refusalOf(decide(walletOf(99n), [budgetOf({ limit: 99n })]))?.budgetId, undefined);
});

test("a call that needs all of a limit is told when the limit begins anew", () => {
  const path = [budgetOf({ scopeKind: "key", unit: "tokens", limit: 55n, used: 1n })];
  assert.equal(refusalOf(decide(walletOf(500n), path))?.after, 12 * 3_600_000);
});

test("input alone that is too much is refused, however many answers share what is missing", () => {
  const none = { ...want, maxOutputTokens: 0n, minOutputTokens: 0n, choices: 3n };
  const tokens = (limit: bigint) => decide(walletOf(500n), [budgetOf({ unit: "tokens", limit })], none).kind;
  assert.deepEqual([tokens(10n), tokens(9n)], ["granted", "refused"]);
});

test("an open length is shortened to what the narrowest level pays", () => {
  const narrow = (more: Partial<Budget>) => decide(walletOf(500n), [budgetOf(more)], open);
  assert.deepEqual(narrow({ limit: 71n }), { kind: "granted", amountNanos: 70n, outputTokens: 30n });
  assert.deepEqual(narrow({ unit: "tokens", limit: 40n }), { kind: "granted", amountNanos: 70n, outputTokens: 30n });
  // Not below what is comfortable while another call may give some back.
  assert.equal(narrow({ unit: "tokens", limit: 55n, reserved: 30n }).kind, "wait");
  for (const [limit, outputTokens] of [
    [60n, 20n],
    [70n, 30n],
  ] as const) {
    const admission = narrow({ unit: "tokens", limit, reserved: 30n });
    assert.equal(admission.kind === "granted" && admission.outputTokens, outputTokens);
  }
  assert.deepEqual(narrow({ unit: "tokens", limit: 55n, used: 30n }), {
    ...{ kind: "granted", amountNanos: 40n, outputTokens: 15n },
  });
});

test("for any levels, what is granted fits each of them, and what is refused fits at least one of them not", () => {
  const rounds = process.env["SCENARIO_FULL"] === "1" ? 20_000 : 1_000;
  const seed = 11;
  const { between } = createSeeded(seed);
  const some = (most: number) => BigInt(between(0, most));
  let granted = 0;
  for (let round = 0; round < rounds; round++) {
    const [balance, maxOutputTokens] = [some(400), some(60)];
    const wallet = walletOf(balance, balance === 0n ? 0n : some(Number(balance)));
    const path = Array.from({ length: between(0, 4) }, () => {
      const used = some(100);
      const unit = budgetUnits[between(0, 2)] ?? "calls";
      return budgetOf({
        scopeKind: scopeKinds[between(0, 3)] ?? "user",
        unit,
        limit: some(300),
        used,
        reserved: some(40),
      });
    });
    const leastOutput = maxOutputTokens === 0n ? 0n : some(Number(maxOutputTokens));
    const wanted = {
      inputTokens: some(50),
      maxOutputTokens,
      minOutputTokens: leastOutput,
      choices: BigInt(between(1, 3)),
    };
    const admission = decide(wallet, path, wanted);
    const fits = (outputTokens: bigint, amountOf: (budget: Budget) => bigint, nanos: bigint) => {
      const most = mostOf(wanted, boundNanos(price, wanted, outputTokens, nowMs), outputTokens);
      return most.money <= nanos && path.every((level) => most[level.unit] <= amountOf(level));
    };
    const where = `seed ${seed}, round ${round}`;
    if (admission.kind === "granted") {
      granted++;
      assert.ok(fits(admission.outputTokens, availableOf, balance - wallet.heldNanos), where);
      assert.ok(admission.outputTokens >= leastOutput && admission.outputTokens <= maxOutputTokens, where);
    } else if (admission.kind === "refused") {
      assert.ok(!fits(leastOutput, unusedOf, balance), where);
    } else {
      assert.ok(!fits(maxOutputTokens, availableOf, balance - wallet.heldNanos), where);
    }
  }
  assert.ok(granted > rounds / 20);
});
