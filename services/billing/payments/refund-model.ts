/** `pending`: out of the wallet, and it is not known yet whether the payer gets it. */
export type RefundState = "pending" | "paid" | "failed";

/** Refunds end once; only one that was paid may fail after that. */
export function canBecome(state: RefundState, next: "paid" | "failed"): boolean {
  return state === "pending" || (state === "paid" && next === "failed");
}

/** Money of an order on its way back to whoever paid. */
export interface PaymentRefund {
  readonly refundId: string;
  readonly orderId: string;
  readonly tenantId: string;
  readonly reference: string;
  readonly reason: string;
  readonly createdBy: string;
  readonly currency: string;
  readonly amountNanos: bigint;
  readonly state: RefundState;
  readonly createdAt: Date;
  readonly endedAt: Date | null;
}

/** `won`: the money came back to us. */
export type ReversalState = "open" | "won" | "lost";

/** Money of an order that was taken from us: disputed by the payer, or refunded at the provider by hand. */
export interface Reversal {
  readonly provider: string;
  /** As the provider calls it. */
  readonly reversalId: string;
  readonly orderId: string;
  readonly kind: "refund" | "dispute";
  readonly amountNanos: bigint;
  readonly state: ReversalState;
  readonly createdAt: Date;
}
