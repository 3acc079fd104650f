import assert from "node:assert/strict";
import type { BillingOps } from "./ops.ts";

/**
 * Asserts what must hold at the end of any run: nothing that `lyss billing verify` would report, and every balance equal to the one
 * rebuilt from the journal. For tests.
 */
export async function assertIntegrity(ops: Pick<BillingOps, "verifyMoney" | "rebuildBalances">): Promise<void> {
  const { findings } = await ops.verifyMoney();
  assert.deepEqual(findings, []);
  let cursor: string | undefined;
  do {
    const page = await ops.rebuildBalances({ apply: false, cursor });
    assert.deepEqual([...page.rows, ...page.budgets], []);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
}
