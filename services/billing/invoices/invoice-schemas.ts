import { buckets } from "@lyss/contracts/pricing/price.ts";
import { z } from "zod";

const nanos = z.string();
const party = z.object({
  name: z.string(),
  address: z.array(z.string()).readonly(),
  tax_id: z.string(),
  email: z.string(),
});
const period = z.strictObject({ start: z.string(), end: z.string().describe("Exclusive.") });

const usageLine = z.object({
  provider: z.string(),
  model: z.string(),
  price_id: z.string(),
  price_version: z.number(),
  service_mode: z.string().nullable().describe("batch, flex or priority; null for the usual way."),
  tier_above_input_tokens: z
    .string()
    .nullable()
    .describe("Input above which these rates hold; null for the lowest tier."),
  about_period: z.string().nullable().describe("The earlier period in which these calls began; null for this one."),
  calls: z.string(),
  estimated_calls: z.string().describe("Calls whose tokens were counted by Lyss."),
  buckets: z
    .array(
      z.object({
        bucket: z.enum(buckets),
        quantity: z.string(),
        nanos_per_million: nanos,
        exact_nanos: z.string().describe("Quantity times rate, with up to twelve decimals."),
      }),
    )
    .readonly(),
  markup_nanos: z.string().describe("What mark-up or discount adds; exact."),
  rounding_nanos: z.string().describe("What rounding each call up to the nano adds; exact."),
  uncollected_nanos: nanos.describe("What the wallet could not pay; borne by the platform."),
  charge_nanos: nanos.describe("Buckets, mark-up and rounding, less what was not collected."),
});

const movement = z.object({
  posted_at: z.string(),
  category: z.string().describe("top_up, grant, refund, correction and so on."),
  about_period: z.string().nullable().describe("The earlier period that this puts right."),
  reference: z.string(),
  note: z.string(),
  posting_id: z.string().describe("Empty for a line that stands for several postings."),
  count: z.number(),
  amount_nanos: nanos,
});

const statementFields = {
  tenant_id: z.string(),
  wallet_id: z.string(),
  currency: z.string(),
  period,
  postings: z
    .object({ after: z.string(), through: z.string() })
    .describe("Numbers, in the wallet's journal, of the postings that this is made of."),
  seller: party,
  buyer: party,
  opening_nanos: nanos,
  sums: z.array(z.object({ category: z.string(), count: z.number(), amount_nanos: nanos })).readonly(),
  closing_nanos: nanos.describe("The opening balance and all sums."),
  movements: z.array(movement).readonly(),
  usage: z.array(usageLine).readonly(),
  other_usage_nanos: nanos.describe("What calls cost of which there is no line above."),
};

const state = z.enum(["draft", "issued"]).describe("A draft is the period that is not closed yet, as it is now.");
const number = z.string().nullable().describe("Counted by tenant and year, without gaps.");

export const statementBody = z.object({ object: z.literal("statement"), ...statementFields });

export const invoiceBody = z.object({
  object: z.literal("invoice"),
  id: z.string(),
  number,
  state,
  issued_at: z.string().nullable(),
  ...statementFields,
});

export const invoiceSummary = z.strictObject({
  object: z.literal("invoice"),
  id: z.string(),
  number,
  state,
  tenant_id: z.string(),
  currency: z.string().nullable(),
  period,
  issued_at: z.string().nullable(),
  opening_nanos: nanos.nullable(),
  charged_nanos: nanos.nullable().describe("What calls cost in the period. Null for a draft, like the balances."),
  closing_nanos: nanos.nullable(),
});
