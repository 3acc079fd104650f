import { balanceLow } from "@lyss/contracts/events/billing.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { LockedWallet } from "./journal/chain.ts";
import type { Wallet } from "./model.ts";

/** Says `billing.balance.low` in the transaction in which the available balance crosses the mark. */
export async function sayLowBalance(
  tx: Tx,
  { outbox, lowBalanceNanos }: { readonly outbox: Outbox; readonly lowBalanceNanos: bigint },
  before: LockedWallet | undefined,
  { tenantId, walletId, currency, ...after }: Wallet,
): Promise<void> {
  if (!before) return;
  // Of what is the tenant's own: what is lent is no reason to say nothing.
  const markNanos = lowBalanceNanos + before.creditLimitNanos;
  if (before.balanceNanos < markNanos || after.balanceNanos >= markNanos) return;
  const facts = { tenantId, walletId, currency, availableNanos: after.balanceNanos - after.heldNanos };
  await outbox.append(tx, balanceLow, { ...facts, thresholdNanos: lowBalanceNanos });
}
