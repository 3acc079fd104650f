import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

/** Section `billing` of the configuration. */
export const billingConfig = {
  billing: z
    .strictObject({
      /** Currency of new wallets and of prices, ISO 4217. */
      currency: z.literal("USD").default("USD"),
      /** How long a hold lives without a heart-beat from the node that serves the call. */
      holdTtlMs: z.int().min(1_000).max(3_600_000).default(30_000),
      /** How long a call may wait for money that other calls hold. */
      reserveWaitMs: z.int().min(0).max(60_000).default(5_000),
      /** A shorter answer than this is granted only when the wallet cannot pay for more at all. */
      comfortableOutputTokens: z.int().min(1).max(1_000_000).default(2_048),
      /** `billing.balance.low` is said when the available balance falls below this, in units of currency. */
      lowBalance: z
        .string()
        .regex(
          /^\d{1,9}(\.\d{1,9})?$/,
          inBothLanguages("must be a decimal number such as 1.50", "必须是十进制数，例如 1.50"),
        )
        .default("1"),
      /** Reservations and settlements that share one transaction at most. */
      maxBatchSize: z.int().min(1).max(5_000).default(500),
    })
    .prefault({}),
};
