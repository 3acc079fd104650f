/** What a payment provider is asked to take, and where the payer comes back to. */
export interface CheckoutRequest {
  /** Also tells the provider a repeat from a new request. */
  readonly orderId: string;
  readonly amountNanos: bigint;
  readonly currency: string;
  readonly successUrl: string;
  readonly cancelUrl: string;
  readonly expiresAt: Date;
}

/** `processing`: the payer has done their part, and the money is still on its way. */
export type CheckoutState = "open" | "processing" | "paid" | "failed" | "expired";

/** A payment as its provider tells it. */
export interface Checkout {
  readonly sessionId: string;
  /** The order that it says it is for; empty when it names none. */
  readonly orderId: string;
  /** Where the payer pays; empty when there is nothing more to pay. */
  readonly url: string;
  readonly amountNanos: bigint;
  readonly currency: string;
  /** Empty until a payment was begun. */
  readonly paymentId: string;
  readonly state: CheckoutState;
}

/** Something a provider says by itself, and which has been proven to come from it. */
export interface PaymentEvent {
  /** Unique with this provider. */
  readonly eventId: string;
  readonly type: string;
  /** Undefined for what is none of billing's business. */
  readonly checkout: Checkout | undefined;
  readonly reversal: ReversalNews | undefined;
}

/** Money went back to a payer, or a bank decided on it. Of refunds it says only that there are some. */
export type ReversalNews =
  | { readonly kind: "refund"; readonly paymentId: string }
  | {
      readonly kind: "dispute";
      readonly paymentId: string;
      readonly reversalId: string;
      readonly amountNanos: bigint;
      readonly currency: string;
      readonly state: "open" | "won" | "lost";
    };

/** What of a payment is to go back to the payer. */
export interface RefundRequest {
  /** Also tells the provider a repeat from a new request. */
  readonly refundId: string;
  readonly paymentId: string;
  readonly amountNanos: bigint;
  readonly currency: string;
}

/** A refund as its provider knows it. */
export interface ProviderRefund {
  readonly providerRefundId: string;
  /** Ours; empty for one that was made at the provider by hand. */
  readonly refundId: string;
  readonly amountNanos: bigint;
  readonly state: "pending" | "paid" | "failed";
}

/**
 * A gateway that takes money for us. Methods reject with `payment_provider_failed` when the answer is not known, and the
 * same request may then be repeated: it happens once. They reject with `payment_refused` when the provider says no.
 */
export interface PaymentProvider {
  readonly name: string;
  /** Opens a checkout for an order, or gives the one that a request before has opened. */
  createCheckout(request: CheckoutRequest): Promise<Checkout>;
  /** A checkout as it is now; undefined when the provider knows none of that name. */
  findCheckout(sessionId: string): Promise<Checkout | undefined>;
  /** The checkout by which a payment was made; undefined when it was made in another way. */
  findCheckoutOfPayment(paymentId: string): Promise<Checkout | undefined>;
  /** Sends money back, or gives the refund that a request before has made. */
  refund(request: RefundRequest): Promise<ProviderRefund>;
  /** Every refund of a payment, whoever made it. */
  listRefunds(paymentId: string): Promise<readonly ProviderRefund[]>;
  /** Reads a notification. Throws `webhook_refused` unless it was signed by the provider a moment ago. */
  readEvent(notification: { readonly signature: string; readonly body: Buffer }): PaymentEvent;
  close(): Promise<void>;
}
