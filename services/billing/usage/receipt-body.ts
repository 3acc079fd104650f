import type { Locale } from "@lyss/kit/errors/failure.ts";
import { z } from "zod";
import type { CallRefund } from "../corrections/correction-store.ts";
import { formatTrillionths } from "../invoices/exact-nanos.ts";
import { formatNanos } from "../model.ts";
import { bucketFields, priceBody, toPriceBody } from "../prices/price-body.ts";
import type { Receipt, ReceiptAttempt } from "./get-receipt.ts";
import { statuses, toUsageBody, usageRecord } from "./usage-body.ts";
import { payRuleIds } from "./who-pays.ts";

const exactNanos = z.string().describe("Exact, with up to twelve decimals.");

const attempt = z.strictObject({
  usage: usageRecord,
  rule: z
    .strictObject({ id: z.string(), text: z.string().describe("In the language of the request.") })
    .describe(`The rule of the guide by which it was charged: ${payRuleIds.join(", ")}.`),
  price: priceBody.omit({ effective_at: true, created_at: true }),
  lines: z
    .array(
      z.strictObject({
        ...{ bucket: z.string(), quantity: z.string(), nanos_per_million: z.string() },
        cost_nanos: exactNanos,
      }),
    )
    .describe("Quantity × rate. Lines, mark-up and rounding add up to cost_nanos and uncollected_nanos of the usage."),
  markup_nanos: exactNanos,
  rounding_nanos: exactNanos,
});

/** Why a call cost what it cost. */
export const receiptBody = z.strictObject({
  object: z.literal("receipt"),
  id: z.string(),
  currency: z.string(),
  cost_nanos: z.string().describe("What the wallet paid for all attempts."),
  cost: z.string().describe("The same in units of the currency."),
  refunds: z
    .array(
      z.strictObject({ id: z.string(), amount_nanos: z.string(), reason: z.string(), created_at: z.iso.datetime() }),
    )
    .describe("What of it was given back to the wallet since, the earliest first; at most 100."),
  attempts: z.array(attempt),
  other_attempts: z
    .array(
      z.strictObject({
        ...{ attempt: z.number(), provider: z.string(), model: z.string(), status: z.enum(statuses) },
        started_at: z.iso.datetime(),
      }),
    )
    .describe(
      "Attempts at providers that failed before their answer began, after which the call went on elsewhere. They are not charged.",
    ),
});

export function toReceiptBody(
  receipt: Receipt,
  refunds: readonly CallRefund[],
  locale: Locale,
): z.input<typeof receiptBody> {
  return {
    ...{ object: "receipt", id: receipt.callId, currency: receipt.currency },
    cost_nanos: receipt.costNanos.toString(),
    cost: formatNanos(receipt.costNanos),
    refunds: refunds.map(({ refundId: id, amountNanos, reason, createdAt }) => ({
      ...{ id, amount_nanos: String(amountNanos), reason, created_at: createdAt.toISOString() },
    })),
    attempts: receipt.attempts.map((one) => toAttempt(one, locale)),
    other_attempts: receipt.otherAttempts.map(({ attempt: number, provider, model, outcome, startedAt }) => ({
      ...{ attempt: number, provider, model, status: outcome, started_at: startedAt.toISOString() },
    })),
  };
}

function toAttempt({ usage, rule, price, cost }: ReceiptAttempt, locale: Locale): z.input<typeof attempt> {
  const { effective_at: _effective, created_at: _created, ...version } = toPriceBody(price);
  return {
    usage: toUsageBody(usage),
    rule: { id: rule.id, text: rule.text[locale] },
    price: version,
    lines: cost.lines.map(({ bucket, quantity, nanosPerMillion, trillionths }) => ({
      ...{ bucket: bucketFields[bucket], quantity: quantity.toString() },
      nanos_per_million: nanosPerMillion.toString(),
      cost_nanos: formatTrillionths(trillionths),
    })),
    markup_nanos: formatTrillionths(cost.markupTrillionths),
    rounding_nanos: formatTrillionths(cost.roundingTrillionths),
  };
}
