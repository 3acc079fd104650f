import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { budgetSettings } from "./budgets/budget-settings.ts";
import { invoiceConfig } from "./invoices/invoice-config.ts";
import { paymentConfig } from "./payments/payment-config.ts";

/** Sections `billing` and `payments` of the configuration. */
export const billingConfig = {
  ...paymentConfig,
  billing: z
    .strictObject({
      currency: z.literal("USD").default("USD").describe("Currency of new wallets and of prices, ISO 4217."),
      holdTtlMs: z
        .int()
        .min(1_000)
        .max(3_600_000)
        .default(30_000)
        .describe("How long a hold lives without a heart-beat from the node that serves the call."),
      leaseTtlMs: z
        .int()
        .min(1_000)
        .max(3_600_000)
        .default(30_000)
        .describe(
          "How long a node may spend from a lease without a word from it; its money is freed after twice as long.",
        ),
      reserveWaitMs: z
        .int()
        .min(0)
        .max(60_000)
        .default(5_000)
        .describe("How long a call may wait for money that other calls hold."),
      comfortableOutputTokens: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(2_048)
        .describe("A shorter answer than this is granted only when the wallet cannot pay for more at all."),
      lowBalance: z
        .string()
        .regex(
          /^\d{1,9}(\.\d{1,9})?$/,
          inBothLanguages("must be a decimal number such as 1.50", "必须是十进制数，例如 1.50"),
        )
        .default("1")
        .describe("The event billing.balance.low is said when a balance falls below this, in units of the currency."),
      verifyEveryMs: z
        .int()
        .min(60_000)
        .max(31_536_000_000)
        .default(86_400_000)
        .describe("How often everything that must hold of the journal and the wallets is looked at."),
      maxCorrectionPercent: z
        .int()
        .min(0)
        .max(1_000)
        .default(100)
        .describe("How much more than its estimate a call may cost its tenant when the provider reports what it used."),
      maxBatchSize: z
        .int()
        .min(1)
        .max(5_000)
        .default(500)
        .describe("Reservations and settlements that share one transaction at most."),
      invoices: invoiceConfig,
      ...budgetSettings,
      usageRetentionDays: z
        .int()
        .min(40)
        .max(36_500)
        .optional()
        .describe(
          "How many days the rows of single calls are kept. Forever unless given. Sums, the journal and events stay. What a node reports later than that is not charged.",
        ),
      usageMinuteRetentionDays: z
        .int()
        .min(2)
        .max(366)
        .default(14)
        .describe("How many days sums of usage by minute are kept. Those by hour, day and month stay."),
      usageTagRetentionDays: z
        .int()
        .min(40)
        .max(3_660)
        .default(400)
        .describe("How many days sums of usage by tag are kept. A tag may have as many values as there are calls."),
    })
    .prefault({}),
};
