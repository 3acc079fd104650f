import assert from "node:assert/strict";
import { test } from "node:test";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { LockedWallet } from "../journal/chain.ts";
import { ownNanos, sayOverdraft, takableNanos } from "./overdraft.ts";

const walletOf = (balanceNanos: bigint, creditLimitNanos: bigint, heldNanos = 0n): LockedWallet => ({
  ...{ walletId: "wal_1", tenantId: "ten_1", currency: "USD", balanceNanos, heldNanos, creditLimitNanos },
  ...{ journalSequence: 0n, journalHash: "", lockedAtUs: 0n },
});

test("what is lent is not the tenant's own, and is never paid out or taken in another way than by a call", () => {
  assert.deepEqual([ownNanos(walletOf(70n, 50n)), ownNanos(walletOf(30n, 50n))], [20n, -20n]);
  assert.equal(takableNanos(walletOf(100n, 50n, 20n)), 30n);
  assert.equal(takableNanos(walletOf(100n, 90n, 20n)), -10n);
});

test("that a tenant is overdrawn is said when it begins, and that it has repaid when all of it is paid back, to the nano", async () => {
  const said = async (beforeNanos: bigint, balanceNanos: bigint, limitNanos = 50n) => {
    const events: unknown[] = [];
    const append = async (tx: unknown, { type }: { type: string }, data: unknown) => void events.push([tx, type, data]);
    const outbox = { append } as unknown as Outbox;
    await sayOverdraft("tx" as never, outbox, walletOf(beforeNanos, limitNanos), balanceNanos);
    return events;
  };
  const facts = { tenantId: "ten_1", walletId: "wal_1", currency: "USD", limitNanos: 50n };
  const entered = (overdrawnNanos: bigint) => [["tx", "billing.overdraft.entered", { ...facts, overdrawnNanos }]];
  const repaid = [["tx", "billing.overdraft.repaid", { ...facts, overdrawnNanos: 0n }]];
  assert.deepEqual(await said(50n, 49n), entered(1n));
  assert.deepEqual(await said(60n, 0n), entered(50n));
  assert.deepEqual(await said(49n, 50n), repaid);
  assert.deepEqual(await said(0n, 90n), repaid);
  for (const [before, after] of [
    ...[
      [60n, 50n],
      [50n, 60n],
      [49n, 48n],
      [48n, 49n],
    ],
  ] as const) {
    assert.deepEqual(await said(before, after), [], `${before} → ${after}`);
  }
});
