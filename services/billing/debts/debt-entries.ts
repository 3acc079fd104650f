import { atLeast } from "@lyss/contracts/pricing/at-most.ts";
import { accounts } from "../journal/accounts.ts";
import type { Entry } from "../journal/posting.ts";
import { atMost, type Wallet } from "../model.ts";
import { type CreditedWallet, takableNanos } from "../overdraft/overdraft.ts";

/** Entries that bring money to a wallet: what its tenant owes is paid out of it first. */
export function creditEntries(
  from: string,
  { walletId }: Pick<Wallet, "walletId">,
  amountNanos: bigint,
  debtNanos: bigint,
): readonly Entry[] {
  const repaidNanos = atMost(amountNanos, debtNanos);
  return withoutZeros([
    { account: from, amountNanos: -amountNanos },
    { account: accounts.debt(walletId), amountNanos: repaidNanos },
    { account: accounts.wallet(walletId), amountNanos: amountNanos - repaidNanos },
  ]);
}

/** Entries that take money back which may be spent already: what the wallet does not have available, its tenant owes. */
export function reversalEntries(wallet: CreditedWallet, to: string, amountNanos: bigint) {
  const takenNanos = atMost(amountNanos, atLeast(takableNanos(wallet), 0n));
  const owedNanos = amountNanos - takenNanos;
  const { walletId } = wallet;
  const entries = withoutZeros([
    { account: accounts.wallet(walletId), amountNanos: -takenNanos },
    { account: accounts.debt(walletId), amountNanos: -owedNanos },
    { account: to, amountNanos },
  ]);
  return { entries, takenNanos, owedNanos };
}

function withoutZeros(entries: readonly Entry[]): readonly Entry[] {
  return entries.filter(({ amountNanos }) => amountNanos !== 0n);
}
