import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createDraws, withSeed } from "@lyss/kit/testing/chaos/chaos-seed.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { assertIntegrity } from "@lyss/services/billing/assert-integrity.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { startLedgerAdapter } from "./ledger-adapter.ts";
import { createLedgerClient, replay } from "./ledger-client.ts";
import { invariants } from "./ledger-invariants.ts";

/** B29 asks for 100 seeds, SCENARIO_FULL=1: some of them with the kit's own loads, the others with less. */
const [seeds, seedsInFull] = process.env["SCENARIO_FULL"] === "1" ? [100, 3] : [2, 0];
const firstSeed = 42;
const limits = { timeout: 1_800_000 };

const service = await startTestService({ after }, billing, { clients: {} });
const { ops, sql } = service;
const { url } = await startLedgerAdapter({ after }, service);
const ledger = createLedgerClient(url);
const someOf = (count: number) => 8 + Math.ceil(count / 20);

async function rebuild(): Promise<void> {
  await sql`update wallet set balance_nanos = 0`;
  await ops.rebuildBalances({ apply: true });
}

test("B29 TCK: the adapter starts and resets to nothing, says nanos, refuses by an answer, and gives the journal in order", async () => {
  assert.deepEqual(await ledger.journal(), []);
  await ledger.fund("tck:a", 12_345);
  assert.equal(await ledger.balance("tck:a"), 12_345);
  const before = await ledger.journal();
  assert.equal(before.length, 2);
  assert.equal((await ledger.move("tck:a", "tck:b", 345, "paid")).status, "APPLIED");
  assert.equal(await ledger.balance("tck:b"), 345);
  assert.equal((await ledger.move("tck:a", "tck:b", 900_000, "unpaid")).status, "REJECTED");
  for (let i = 0; i < 10; i++) await ledger.move("tck:a", "tck:b", 100, `move ${i}`);
  const journal = await ledger.journal();
  assert.deepEqual(
    journal.map(({ sequence }) => sequence),
    Array.from({ length: 24 }, (_, i) => i + 1),
  );
  assert.ok(journal.every(({ entryHash }) => entryHash.length === 64));
  assert.equal(replay(journal, "tck:a"), await ledger.balance("tck:a"));
  await ledger.reset();
  assert.deepEqual(await ledger.journal(), []);
  assert.equal(await ledger.balance("tck:a"), 0);
});

for (const { id, claim, check } of invariants) {
  test(`B29 ${id}: ${claim}`, limits, async () => {
    for (let i = 0; i < seeds; i++) {
      await withSeed(firstSeed + i, async (seed) => {
        await ledger.reset();
        const some = i < seedsInFull ? (count: number) => count : someOf;
        await check({ ledger, draws: createDraws(seed, id), some, rebuild });
        await assertIntegrity(ops);
      });
    }
  });
}
