import { Secret, secretSchema } from "@lyss/kit/config/secret.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

const amount = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,2})?$/, inBothLanguages("must be an amount such as 5 or 7.50", "必须是金额，例如 5 或 7.50"));

const origin = z
  .url({ abort: true })
  .max(300)
  .refine(
    isReturnOrigin,
    inBothLanguages(
      "must be an origin such as https://console.example.com, with https unless it is this machine",
      "必须是来源，例如 https://console.example.com；除本机外须使用 https",
    ),
  );

const minSecretCharacters = 16;

/** Section `payments` of the configuration. */
export const paymentConfig = {
  payments: z
    .strictObject({
      returnOrigins: z
        .array(origin)
        .max(100)
        .default([])
        .describe("Origins to which a payer may be sent back, such as https://console.example.com."),
      minAmount: amount.default("1").describe("The least that may be paid at a time, in units of the currency."),
      maxAmount: amount.default("10000").describe("The most that may be paid at a time."),
      orderTtlMs: z
        .int()
        .min(1_800_000)
        .max(86_400_000)
        .default(3_600_000)
        .describe("How long an order can be paid; Stripe takes 30 minutes to 24 hours."),
      productName: z.string().min(1).max(100).default("Prepaid balance").describe("What a payer sees on the page."),
      stripe: z
        .strictObject({
          apiKey: secretSchema
            .optional()
            .describe("Secret or restricted key. With it, payments by Stripe Checkout are offered."),
          webhookSecret: secretSchema
            .optional()
            .describe("With which Stripe signs what it sends to /webhooks/stripe. Needed with the key."),
          baseUrl: z
            .url({ protocol: /^https?$/ })
            .max(300)
            .default("https://api.stripe.com")
            .describe("Stripe's API, or a simulator of it."),
        })
        .prefault({})
        .superRefine(({ apiKey, webhookSecret }, context) => {
          if (!apiKey && !webhookSecret) return;
          if (apiKey && isProof(webhookSecret)) return;
          // Without a secret anybody could sign, so nobody may be believed: the platform does not start.
          context.addIssue({
            code: "custom",
            path: [apiKey ? "webhookSecret" : "apiKey"],
            message: apiKey
              ? inBothLanguages(
                  `must have at least ${minSecretCharacters} characters: without it, payments could be forged`,
                  `至少须有 ${minSecretCharacters} 个字符：没有它，付款可能被伪造`,
                )
              : inBothLanguages("is needed with the webhook's secret", "与 webhook 密钥须同时给出"),
          });
        }),
    })
    .prefault({}),
};

export type PaymentSettings = z.output<typeof paymentConfig.payments>;

function isProof(secret: Secret | undefined): boolean {
  // An empty one has not become a Secret: it is refused by itself, and is no proof either.
  return secret instanceof Secret && secret.reveal().trim().length >= minSecretCharacters;
}

function isReturnOrigin(text: string): boolean {
  const { origin, protocol, hostname } = new URL(text);
  const isLoopback = hostname === "localhost" || hostname === "127.0.0.1" || hostname === "[::1]";
  return origin === text && (protocol === "https:" || (protocol === "http:" && isLoopback));
}
