import assert from "node:assert/strict";
import { test } from "node:test";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { CheckoutRequest, PaymentProvider } from "../payment-provider.ts";

/** A provider on some API, be it Stripe's own or a simulator of it. */
export interface ContractSubject {
  readonly provider: PaymentProvider;
  /** The same API asked with a key that it does not know. */
  readonly stranger: PaymentProvider;
  readonly random: Random;
  /** The API's own time. */
  readonly nowMs: () => number;
}

/** What billing relies on of Stripe's API, whoever answers. */
export function testStripeContract({ provider, stranger, random, nowMs }: ContractSubject): void {
  const requestOf = (more: Partial<CheckoutRequest> = {}): CheckoutRequest => ({
    ...{ orderId: random.id("ord"), amountNanos: 12_340_000_000n, currency: "USD" },
    ...{ successUrl: "https://example.com/paid", cancelUrl: "https://example.com/" },
    expiresAt: new Date(nowMs() + 3_600_000),
    ...more,
  });

  test("a checkout has the order, amount and currency that it was opened with, and is found again", async () => {
    const request = requestOf();
    const checkout = await provider.createCheckout(request);
    const { orderId, amountNanos, currency } = request;
    const { sessionId, url, ...rest } = checkout;
    assert.deepEqual(rest, { orderId, amountNanos, currency, paymentId: "", state: "open" });
    assert.match(url, /^https:\/\/checkout\.stripe\.com\//);
    assert.deepEqual(await provider.findCheckout(sessionId), checkout);
  });

  test("an order has one checkout however often it is asked for, and none for another amount", async () => {
    const request = requestOf();
    const first = await provider.createCheckout(request);
    assert.equal((await provider.createCheckout(request)).sessionId, first.sessionId);
    const dearer = provider.createCheckout({ ...request, amountNanos: 99_000_000_000n });
    await assert.rejects(dearer, (err) => isFailure(err, billingFailures.payment_refused));
  });

  test("a checkout that nobody opened does not exist, and a key that is not known gets none", async () => {
    assert.equal(await provider.findCheckout("cs_test_none"), undefined);
    await assert.rejects(stranger.createCheckout(requestOf()), (err) =>
      isFailure(err, billingFailures.payment_refused),
    );
  });
}
