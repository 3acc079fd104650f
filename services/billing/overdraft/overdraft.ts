import { overdraftEntered, overdraftRepaid } from "@lyss/contracts/events/billing.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { LockedWallet } from "../journal/chain.ts";
import { availableNanos, type Wallet } from "../model.ts";

/** A wallet with what of its money is lent. */
export type CreditedWallet = Wallet & Pick<LockedWallet, "creditLimitNanos">;

/** What is the tenant's own: less than nothing while it is overdrawn, by so much. */
export function ownNanos({
  balanceNanos,
  creditLimitNanos,
}: Pick<CreditedWallet, "balanceNanos" | "creditLimitNanos">): bigint {
  return balanceNanos - creditLimitNanos;
}

/** What may be paid out, or taken in another way than by a call: never money that is lent. */
export function takableNanos(wallet: CreditedWallet): bigint {
  return availableNanos(wallet) - wallet.creditLimitNanos;
}

/** Says in the transaction in which it happens that a tenant begins to spend what is lent, or has paid all of it back. */
export async function sayOverdraft(tx: Tx, outbox: Outbox, before: LockedWallet, balanceNanos: bigint): Promise<void> {
  const { tenantId, walletId, currency, creditLimitNanos: limitNanos } = before;
  const [was, is] = [ownNanos(before), balanceNanos - limitNanos];
  const facts = { tenantId, walletId, currency, limitNanos };
  if (was >= 0n && is < 0n) await outbox.append(tx, overdraftEntered, { ...facts, overdrawnNanos: -is });
  if (was < 0n && is >= 0n) await outbox.append(tx, overdraftRepaid, { ...facts, overdrawnNanos: 0n });
}
