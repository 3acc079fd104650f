import { secretSchema } from "@lyss/kit/config/secret.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

const usdPerMillion = z
  .string()
  .regex(
    /^\d{1,6}(\.\d{1,9})?$/,
    inBothLanguages(
      'must be a decimal string of US dollars per million tokens, such as "0.15"',
      '必须是每百万 token 的美元价格（十进制数字符串），例如 "0.15"',
    ),
  );

/** One model of a provider, as a file or a call names it. */
export const modelSchema = z.strictObject({
  /** What callers write into `model`. */
  name: z.string().min(1).max(200),
  inputUsdPerMillion: usdPerMillion,
  outputUsdPerMillion: usdPerMillion.default("0"),
  /** Input that the provider serves from its prompt cache; the price of other input unless given. */
  cachedInputUsdPerMillion: usdPerMillion.optional(),
  /** The longest answer of the model, which bounds what a call may cost. */
  maxOutputTokens: z.int().min(1).max(10_000_000).default(16_384),
  /** What the provider calls the model, when that differs from `name`. */
  upstreamName: z.string().min(1).max(200).optional(),
});

export const providerNameSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}$/,
    inBothLanguages(
      "must be 1 to 63 of a-z, 0-9, '.', '_' and '-', starting with a letter or digit",
      "必须是 1 到 63 个字符：a-z、0-9、“.”、“_”和“-”，以字母或数字开头",
    ),
  );

export const baseUrlSchema = z
  .url({
    protocol: /^https?$/,
    error: inBothLanguages(
      "must be an http or https URL such as https://api.openai.com/v1",
      "必须是 http 或 https 的 URL，例如 https://api.openai.com/v1",
    ),
  })
  .max(2_000)
  .refine(
    (url) => !/[?#@]/.test(url),
    inBothLanguages("must have no user name, query or fragment", "不能包含用户名、查询参数或片段"),
  );

/** Sections `providers` and `aiGateway` of the configuration. */
export const aiGatewayConfig = {
  providers: z
    .array(
      z.strictObject({
        name: providerNameSchema.refine(
          (name) => name !== "simulated",
          inBothLanguages("must not be 'simulated', the built-in provider", "不能是内置供应商的名称“simulated”"),
        ),
        dialect: z.literal("openai").default("openai"),
        baseUrl: baseUrlSchema,
        apiKey: secretSchema.optional(),
        models: z.array(modelSchema).min(1).max(1_000),
      }),
    )
    .max(200)
    .default([])
    .refine(
      (list) => new Set(list.map((item) => item.name)).size === list.length,
      inBothLanguages("must have each name only once", "名称不能重复"),
    ),
  aiGateway: z
    .strictObject({
      /** Offers the built-in simulated provider and its models. */
      simulator: z.boolean().default(true),
      /** Limit for connecting to a provider. */
      connectTimeoutMs: z.int().min(100).max(60_000).default(10_000),
      /** Limit for the head of a provider's answer; long, since reasoning models think before they answer. */
      firstByteTimeoutMs: z.int().min(100).max(3_600_000).default(300_000),
      /** Limit for a pause inside an answer. */
      idleTimeoutMs: z.int().min(100).max(3_600_000).default(120_000),
      /** Connections to one provider at most; further calls wait for one. */
      connectionsPerProvider: z.int().min(1).max(10_000).default(1_000),
      /** The longest request body. */
      maxRequestBytes: z.int().min(1_024).max(268_435_456).default(33_554_432),
      /** The longest answer that is not streamed. */
      maxResponseBytes: z.int().min(1_024).max(268_435_456).default(67_108_864),
      /** The longest single event of a streamed answer. */
      maxEventBytes: z.int().min(1_024).max(67_108_864).default(4_194_304),
      /** How often the holds of calls in flight are extended; well below `billing.holdTtlMs`. */
      heartbeatMs: z.int().min(100).max(60_000).default(8_000),
    })
    .prefault({}),
};

export type GatewaySettings = z.output<typeof aiGatewayConfig.aiGateway>;
export type ProviderConfig = z.output<typeof aiGatewayConfig.providers>[number];
export type ModelConfig = z.output<typeof modelSchema>;
