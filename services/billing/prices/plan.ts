/** A named set of terms that tenants are put on: a mark-up on every price that holds for all, and prices of its own. */
export interface PricePlan {
  readonly planId: string;
  readonly name: string;
  readonly description: string;
  /** Of the newest version: millionths added to the whole, or taken off when negative. */
  readonly markupPpm: number;
  /** How often the mark-up was set. */
  readonly version: number;
  /** How much credit its tenants may be given at most. */
  readonly maxCreditLimitNanos: bigint;
  readonly tenants: number;
  readonly createdAt: Date;
}

/** A tenant that is on a plan. */
export interface PlanTenant {
  readonly tenantId: string;
  readonly assignedAt: Date;
}
