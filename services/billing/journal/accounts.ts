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
  /** Out of a wallet, and not yet with the payer. */
  refunds: "refund:pending",
  /** What a wallet's tenant owes us, as a negative amount: money that was taken back after it was spent. */
  debt: (walletId: string): string => `${debtPrefix}${walletId}`,
  /** What is lent to a wallet up to its credit limit, as a negative amount. */
  overdraft: (walletId: string): string => `overdraft:${walletId}`,
  /** Redeemed codes. */
  codes: "funding:code",
  /** What operators put in and took out. */
  adjustments: "adjustment",
  /** What put earlier periods right. */
  corrections: "correction",
  /** Paid by way of a payment provider. */
  paidBy: (provider: string): string => `funding:${provider}`,
  wallet: (walletId: string): string => `${walletPrefix}${walletId}`,
} as const;

/** What the accounts of debts begin with. */
export const debtPrefix = "receivable:";
const walletPrefix = "wallet:";

/** Whose account it is; undefined for an account of ours. */
export function walletIdOf(account: string): string | undefined {
  return account.startsWith(walletPrefix) ? account.slice(walletPrefix.length) : undefined;
}
