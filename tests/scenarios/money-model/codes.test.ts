import assert from "node:assert/strict";
import { test } from "node:test";
import type { CodeBatch } from "@lyss/services/billing/codes/code-model.ts";
import type { CodeStore } from "@lyss/services/billing/codes/code-store.ts";
import { type CodeDeps, type CreateCodesInput, createCodes } from "@lyss/services/billing/codes/codes.ts";
import { startMs } from "./memory-batch.ts";
import { outcomeOf, startCredit } from "./memory-credit.ts";

/** Codes in memory, for a tenant without money. */
async function startCodes() {
  const world = await startCredit(0n);
  const batches = new Map<string, CodeBatch>();
  const rows = new Map<string, { readonly batchId: string; uses: number }>();
  const redemptions: { hash: string; batchId: string; isOncePerTenant: boolean; tenantId: string; userId: string }[] =
    [];
  const keys: unknown[] = [];
  const store: Partial<CodeStore> = {
    async insertBatch(_tx, batch) {
      batches.set(batch.batchId, batch);
    },
    async insertCodes(_tx, batchId, hashes) {
      for (const hash of hashes) rows.set(hash.toString("hex"), { batchId, uses: 0 });
    },
    async lockCode(_tx, hash) {
      const row = rows.get(hash.toString("hex"));
      const batch = row && batches.get(row.batchId);
      return batch && { ...batch, uses: row.uses };
    },
    hasRedeemed: async (_tx, hash, batchId, tenantId) =>
      redemptions.some(
        (one) =>
          one.tenantId === tenantId &&
          (one.hash === hash.toString("hex") || (one.batchId === batchId && one.isOncePerTenant)),
      ),
    async insertRedemption(_tx, { hash, ...redemption }) {
      redemptions.push({ ...redemption, hash: hash.toString("hex") });
    },
    async countUse(_tx, hash) {
      const row = rows.get(hash.toString("hex"));
      if (row) row.uses++;
    },
    async disableBatch(_tx, batchId, now) {
      const batch = batches.get(batchId);
      if (!batch) return undefined;
      batches.set(batchId, { ...batch, disabledAt: now });
      return { ...batch, disabledAt: now, redemptions: 0 };
    },
    listBatches: async ({ afterId, limit }) =>
      [...batches.values()]
        .filter(({ batchId }) => afterId === undefined || batchId < afterId)
        .toSorted((a, b) => (a.batchId < b.batchId ? 1 : -1))
        .slice(0, limit)
        .map((batch) => ({ ...batch, redemptions: 0 })),
  };
  const idempotency = {
    async run(request: { operation: string; scope: string; input: unknown }, work: (tx: unknown) => unknown) {
      keys.push([request.operation, request.scope]);
      return work(undefined);
    },
  };
  const codes = createCodes({
    ...{ ...world.deps, idempotency, codes: store, codeKey: Buffer.from("a key") },
  } as unknown as CodeDeps);
  const given: CreateCodesInput = {
    ...{ name: "spring", amountNanos: 50n, count: 1, prefix: "SPRING", maxUses: 1, isOncePerTenant: false },
    ...{ expiresAt: null, userId: "usr_9" },
  };
  return {
    ...{ ...world, codes, batches, redemptions },
    takeKeys: () => keys.splice(0),
    create: (more: Partial<CreateCodesInput> = {}) => codes.createCodes({ ...given, ...more }),
    tryCreate: (more: Partial<CreateCodesInput>) => outcomeOf(codes.createCodes({ ...given, ...more })),
    redeem: (code: string, tenantId = "ten_1") => outcomeOf(codes.redeem({ tenantId, userId: "usr_1", code })),
  };
}

const invalid = { code: "billing.code_invalid" };

test("a batch has as many codes as were asked for, each its own, and says who made it, of what worth and until when", async () => {
  const { create, batches, takeKeys } = await startCodes();
  const expiresAt = new Date(startMs + 1);
  const { batch, codes } = await create({ count: 3, maxUses: 2, isOncePerTenant: true, expiresAt });
  assert.equal(new Set(codes).size, 3);
  assert.ok(codes.every((code) => /^SPRING(-[0-9A-Z]{5}){4}$/.test(code)));
  const { batchId, ...rest } = batch;
  assert.match(batchId, /^cdb_/);
  assert.deepEqual(rest, {
    ...{ name: "spring", currency: "USD", amountNanos: 50n, codeCount: 3, maxUses: 2, isOncePerTenant: true },
    ...{ expiresAt, createdAt: new Date(startMs), createdBy: "usr_9", disabledAt: null },
  });
  assert.deepEqual([batches.get(batchId), takeKeys()], [batch, [["createCodes", "platform"]]]);
});

test("a batch that ends at once, or has ended, is not made", async () => {
  const { tryCreate, batches } = await startCodes();
  for (const ms of [startMs, startMs - 1]) {
    assert.deepEqual(await tryCreate({ expiresAt: new Date(ms) }), { code: "billing.expiry_in_past" });
  }
  assert.equal(batches.size, 0);
});

test("a code credits whoever redeems it, debts first, and its tenant is told and woken", async () => {
  const { create, redeem, owe, moneyOf, postings, eventsOf, takeWoken, takeKeys, redemptions } = await startCodes();
  const { batch, codes } = await create();
  await owe(20n);
  takeKeys();
  const result = (await redeem(codes[0] ?? "")) as { wallet: { balanceNanos: bigint }; amountNanos: bigint };
  assert.deepEqual([result.wallet.balanceNanos, result.amountNanos, moneyOf()], [30n, 50n, [30n, 0n]]);
  assert.deepEqual([takeWoken(), takeKeys()], [["ten_1"], [["redeemCode", "ten_1"]]]);
  const { redemptionId, redeemedAt, userId } = redemptions[0] as unknown as Record<string, unknown>;
  assert.match(String(redemptionId), /^rdm_/);
  assert.deepEqual([redeemedAt, userId], [new Date(startMs), "usr_1"]);
  const posting = postings().at(-1);
  assert.deepEqual([posting?.kind, posting?.reference], ["code", redemptionId]);
  assert.deepEqual(posting?.entries[0], { account: "funding:code", amountNanos: -50n });
  const facts = { batchId: batch.batchId, tenantId: "ten_1", walletId: "wal_1", currency: "USD", amountNanos: 50n };
  assert.deepEqual(eventsOf("billing.code.redeemed"), [{ ...facts, redemptionId }]);
});

test("a code is worth something as often as it may be used, once to each tenant", async () => {
  const { create, redeem, moneyOf } = await startCodes();
  const { codes } = await create({ maxUses: 1 });
  const [code = ""] = codes;
  await redeem(code);
  assert.deepEqual(await redeem(code), { code: "billing.code_redeemed_before" });
  assert.deepEqual(await redeem(code, "ten_2"), invalid);
  const [twice = ""] = (await create({ maxUses: 2 })).codes;
  await redeem(twice);
  assert.ok("wallet" in (await redeem(twice, "ten_2")));
  assert.deepEqual(
    [moneyOf(), moneyOf("ten_2")],
    [
      [100n, 0n],
      [1_050n, 0n],
    ],
  );
});

test("of a batch that is once per tenant a tenant has one code", async () => {
  const { create, redeem } = await startCodes();
  const { codes } = await create({ count: 2, isOncePerTenant: true });
  await redeem(codes[0] ?? "");
  assert.deepEqual(await redeem(codes[1] ?? ""), { code: "billing.code_redeemed_before" });
  assert.ok("wallet" in (await redeem(codes[1] ?? "", "ten_2")));
});

test("a code that is unknown, ended, disabled or of another currency is invalid, and which of it is nobody's business", async () => {
  const { create, redeem, codes: api, clock, batches, moneyOf } = await startCodes();
  assert.deepEqual(await redeem("SPRING-00000"), invalid);
  const [ending = ""] = (await create({ expiresAt: new Date(startMs + 10) })).codes;
  const { batch, codes } = await create({ count: 2 });
  clock.advance(10);
  assert.deepEqual(await redeem(ending), invalid);
  batches.set(batch.batchId, { ...batch, currency: "EUR" });
  assert.deepEqual(await redeem(codes[0] ?? ""), invalid);
  batches.set(batch.batchId, batch);
  const disabled = await api.disable({ batchId: batch.batchId });
  assert.deepEqual(disabled.disabledAt, new Date(startMs + 10));
  assert.deepEqual([await redeem(codes[0] ?? ""), moneyOf()], [invalid, [0n, 0n]]);
  assert.deepEqual(await outcomeOf(api.disable({ batchId: "cdb_x" })), { code: "billing.code_batch_not_found" });
});

test("a tenant without a wallet redeems nothing, and none tries more than thirty codes in a minute", async () => {
  const { redeem, clock, codes } = await startCodes();
  assert.deepEqual(await redeem("x", "ten_x"), { code: "billing.wallet_not_found" });
  for (let time = 0; time < 30; time++) assert.deepEqual(await redeem("x"), invalid);
  assert.deepEqual(await redeem("x"), {
    ...{ code: "resilience.rate_limited", subject: "tenant", subject_zh_CN: "租户", retryAfterSeconds: 2 },
  });
  await assert.rejects(codes.redeem({ tenantId: "ten_1", userId: "usr_1", code: "x" }), { retryAfterMs: 2_000 });
  assert.deepEqual(await redeem("x", "ten_2"), invalid, "each tenant has its own tries");
  clock.advance(1_999);
  assert.equal((await redeem("x"))["retryAfterSeconds" as never], 1);
  clock.advance(1);
  assert.deepEqual(await redeem("x"), invalid);
});

test("batches are listed page by page, newest first", async () => {
  const { codes, create, clock } = await startCodes();
  for (const name of ["a", "b", "c"]) {
    await create({ name });
    clock.advance(1);
  }
  const first = await codes.list({ limit: 2 });
  assert.deepEqual(
    first.rows.map(({ name }) => name),
    ["c", "b"],
  );
  const second = await codes.list({ limit: 2, cursor: first.nextCursor });
  assert.deepEqual([second.rows.map(({ name }) => name), second.nextCursor], [["a"], undefined]);
});
