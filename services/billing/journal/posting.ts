import { walletIdOf } from "./accounts.ts";

/** Why money moved. A new kind is a new line here. */
export type PostingKind =
  | "top_up"
  | "charge"
  | "usage"
  /** An order was paid. */
  | "payment"
  /** On its way back to the payer; arrived there; come back to the wallet. */
  | "payment_refund"
  | "payment_refund_paid"
  | "payment_refund_failed"
  /** Taken back by the payer's bank or at the provider; given again. */
  | "charge_back"
  | "charge_back_won"
  /** A debt was paid out of what became available. */
  | "debt"
  /** A credit line was opened, widened or narrowed. */
  | "credit_limit"
  | "code"
  | "grant"
  /** What was left of a grant ended. */
  | "grant_expiry"
  /** Given back for a call. */
  | "refund"
  /** By an operator's hand. */
  | "adjustment"
  /** What was charged or credited before is put right, in the open period: by hand, or when a provider says what a call used. */
  | "correction";

/** Those by which a wallet pays for calls; what they come to in all is what it has spent. */
export const spendingKinds: ReadonlySet<PostingKind> = new Set(["charge", "usage"]);

/** What a posting adds to an account; negative for what it takes. Never zero. */
export interface Entry {
  readonly account: string;
  readonly amountNanos: bigint;
}

/** Money that moved between accounts of one currency, at once. Its entries sum to zero and name each account once. */
export interface Posting {
  readonly postingId: string;
  readonly kind: PostingKind;
  /** What caused it: a top-up's reference, a call's id. Unique per kind. */
  readonly reference: string;
  readonly currency: string;
  readonly entries: readonly Entry[];
}

/** The entries that move `amountNanos`, which is positive, from one account to another. */
export function move(from: string, to: string, amountNanos: bigint): readonly Entry[] {
  return [
    { account: from, amountNanos: -amountNanos },
    { account: to, amountNanos },
  ];
}

/** Throws an Error that names the posting when it breaks a rule of the journal: a bug of the caller, before anything is written. */
export function checkPosting({ postingId, entries }: Posting): void {
  const refuse = (reason: string): never => {
    throw new Error(`posting ${postingId} ${reason}`);
  };
  if (entries.length < 2) refuse("has fewer than two entries");
  if (new Set(entries.map(({ account }) => account)).size < entries.length) refuse("names an account twice");
  if (entries.some(({ amountNanos }) => amountNanos === 0n)) refuse("has an entry of zero");
  const sumNanos = entries.reduce((sum, { amountNanos }) => sum + amountNanos, 0n);
  if (sumNanos !== 0n) refuse(`is out of balance by ${sumNanos} nanos`);
}

/** The wallets among a posting's accounts, in the order of their ids. */
export function walletsOf({ entries }: Pick<Posting, "entries">): readonly string[] {
  return entries.flatMap(({ account }) => walletIdOf(account) ?? []).sort();
}
