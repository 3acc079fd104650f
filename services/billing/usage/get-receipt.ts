import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { type ItemizedCost, itemize } from "@lyss/contracts/pricing/cost-lines.ts";
import { callTerms } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import type { UsageScope } from "@lyss/contracts/usage/usage-scope.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { BillingDeps } from "../deps.ts";
import type { UsageRow } from "../model.ts";
import type { Price } from "../prices/price.ts";
import type { UnchargedAttempt } from "../provider-cost/provider-cost-store.ts";
import { type PayRule, payRuleOf } from "./who-pays.ts";

/** How one attempt came to its cost. */
export interface ReceiptAttempt {
  readonly usage: UsageRow;
  readonly price: Price;
  /** Lines, mark-up and rounding add up to what was charged and what could not be collected. */
  readonly cost: ItemizedCost;
  readonly rule: PayRule;
}

export interface Receipt {
  readonly callId: string;
  readonly currency: string;
  /** What the wallet paid for all attempts. */
  readonly costNanos: bigint;
  readonly attempts: readonly ReceiptAttempt[];
  /** Those that nobody pays for, since the call went on elsewhere. */
  readonly otherAttempts: readonly UnchargedAttempt[];
}

/**
 * What a call was charged and why, attempt by attempt. Throws `usage_not_found` for a call that does not exist, is not the
 * reader's to see, or was dropped by retention.
 */
export async function getReceipt(
  {
    db,
    usage,
    priceVersions,
    providerCosts,
    currency,
  }: Pick<BillingDeps, "db" | "usage" | "priceVersions" | "providerCosts" | "currency">,
  { callId, ...scope }: UsageScope & { readonly callId: string },
): Promise<Receipt> {
  const rows = await usage.listAttempts(scope, callId);
  if (rows.length === 0) throw new Failure(billingFailures.usage_not_found, { callId });
  const prices = await db.transaction(async (tx) =>
    priceVersions.find(
      tx,
      rows.map(({ priceId }) => priceId),
    ),
  );
  const attempts = rows.map((row): ReceiptAttempt => {
    const price = prices.get(row.priceId);
    if (!price) throw new Error(`usage of call ${callId} names the price ${row.priceId}, which does not exist`);
    const cost = itemize(price.terms, toQuantities(row), callTerms(row.startedAtMs, row.serviceMode));
    return { usage: row, price, cost, rule: payRuleOf(row) };
  });
  const costNanos = rows.reduce((sum, row) => sum + row.costNanos, 0n);
  const otherAttempts = await providerCosts.listUncharged(scope.tenantId, callId);
  return { callId, currency: attempts[0]?.price.currency ?? currency, costNanos, attempts, otherAttempts };
}
