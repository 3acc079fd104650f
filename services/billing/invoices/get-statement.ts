import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { BillingStore } from "../store.ts";
import type { InvoiceDeps } from "./find-invoices.ts";
import { readStatement } from "./read-statement.ts";
import type { Statement } from "./statement.ts";

export interface StatementQueryDeps extends InvoiceDeps {
  readonly store: BillingStore;
}

/** A longer range is refused. */
export const maxStatementDays = 366;

const dayMs = 86_400_000;

/**
 * What was posted to a tenant's wallet between two times. A time that is still to come stands for now. Throws
 * `wallet_not_found`, and `kit.invalid_request` for a range that is none or is too long.
 */
export async function getStatement(
  deps: StatementQueryDeps,
  { tenantId, fromMs, toMs }: { readonly tenantId: string; readonly fromMs: number; readonly toMs: number },
): Promise<Statement> {
  const endMs = Math.min(toMs, deps.clock.nowMs());
  if (fromMs >= toMs) throw invalid("must be after 'from'", "必须晚于“from”");
  if (toMs - fromMs > maxStatementDays * dayMs) {
    throw invalid(`must be at most ${maxStatementDays} days after 'from'`, `距“from”不得超过 ${maxStatementDays} 天`);
  }
  const wallet = await deps.store.findWallet(tenantId, deps.currency);
  if (!wallet) throw new Failure(billingFailures.wallet_not_found);
  const { walletId, currency } = wallet;
  const [after, through] = await Promise.all([
    deps.statementStore.findSequenceBefore(walletId, fromMs),
    deps.statementStore.findSequenceBefore(walletId, toMs),
  ]);
  const startMs = Math.min(fromMs, endMs);
  return readStatement(deps, { walletId, tenantId, currency, after, through, startMs, endMs });
}

function invalid(reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field: "to", reason, reason_zh_CN });
}
