/**
 * The accounts between which the journal moves money, all named here. A positive amount adds to an account.
 * What is in a wallet's account is what we owe its tenant; every other account is ours, and shows where a tenant's money
 * came from and where it went.
 */
export const accounts = {
  /** What calls have cost. */
  revenue: "revenue",
  /** What rounding them up to the nano has added. */
  rounding: "rounding",
  /** Money given away: nobody paid for it. */
  grants: "funding:grant",
  /** Paid outside of Lyss and entered by an operator. */
  manual: "funding:manual",
  /** What put earlier periods right. */
  corrections: "correction",
  /** Paid by way of a payment provider. */
  paidBy: (provider: string): string => `funding:${provider}`,
  wallet: (walletId: string): string => `${walletPrefix}${walletId}`,
} as const;

const walletPrefix = "wallet:";

/** Whose account it is; undefined for an account of ours. */
export function walletIdOf(account: string): string | undefined {
  return account.startsWith(walletPrefix) ? account.slice(walletPrefix.length) : undefined;
}
