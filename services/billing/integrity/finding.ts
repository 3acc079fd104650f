/** What may be wrong with the money, by what is looked at. */
export const findingChecks = [
  /** A posting's hash is not what it says with the hash before it. */
  "posting.hash",
  /** A place in a chain is empty. */
  "posting.gap",
  /** A posting's entries do not sum to zero, or are fewer than two. */
  "posting.balance",
  /** A posting stands in the chain of a wallet that does not exist. */
  "posting.chain",
  /** Entries of no posting. */
  "entry.posting",
  /** A wallet does not end its chain where the postings do. */
  "wallet.head",
  /** A balance is not the sum of its entries. */
  "wallet.balance",
  /** What is held is not the sum of the open holds and leases. */
  "wallet.held",
  /** A credit limit is not what its account has lent. */
  "wallet.credit",
  /** A balance is negative, or more is held than there is. */
  "wallet.negative",
  /** What a posting took is not the sum of the usage that names it. */
  "usage.posting",
  /** A call was charged at a price that does not exist. */
  "usage.price",
  /** A call's cost is not what its price and tokens come to. */
  "usage.cost",
  /** A call was charged for more than one of its attempts, and not for the two parts of an answer that went on elsewhere. */
  "usage.twice",
  /** A budget has not reserved what calls in flight and leases have set aside. */
  "budget.reserved",
] as const;

export type FindingCheck = (typeof findingChecks)[number];

/** One thing that is wrong, and where. */
export interface Finding {
  readonly check: FindingCheck;
  /** Ids that lead to the rows: of a wallet, a posting, a call. */
  readonly walletId: string;
  readonly postingId: string;
  readonly callId: string;
  /** What is there, and what should be. */
  readonly detail: string;
}

export type IntegrityCause = "schedule" | "operator";

export type IntegrityState = "wanted" | "running" | "passed" | "failed";

/** What was looked at so far, and what is wrong with it. */
export interface IntegrityReport {
  readonly wallets: bigint;
  readonly postings: bigint;
  readonly usageRows: bigint;
  readonly findingCount: bigint;
  /** The first of them, at most `maxStoredFindings`. */
  readonly findings: readonly Finding[];
  /** SHA-256 over the heads of all chains, in hex: kept elsewhere, it shows whether a whole chain was written anew. */
  readonly digest: string;
}

export interface IntegrityRun extends IntegrityReport {
  readonly runId: string;
  readonly cause: IntegrityCause;
  readonly state: IntegrityState;
  readonly wantedAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

/** A wallet whose row is not what its entries, holds and leases come to. */
export interface BalanceDifference {
  readonly walletId: string;
  readonly tenantId: string;
  readonly balanceNanos: bigint;
  readonly journalNanos: bigint;
  readonly heldNanos: bigint;
  readonly openNanos: bigint;
}

/** A budget whose row is not what calls in flight and leases have set aside; in the budget's unit. */
export interface BudgetDifference {
  readonly budgetId: string;
  readonly tenantId: string;
  readonly reserved: bigint;
  /** By calls in flight, in the budget's current period. */
  readonly held: bigint;
}
