import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { providerNameSchema } from "../provider-name.ts";

/** For whom a limit is counted: for all together, or for each by itself. */
export const limitScopes = ["all", "tenant", "user", "key"] as const;
export type LimitScope = (typeof limitScopes)[number];

const most = 1_000_000_000;
const count = z.int().min(1).max(most);

export const limitNameSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,62}$/,
    inBothLanguages("must be 1 to 63 of a-z, 0-9, '.', '_' and '-'", "必须由 1 到 63 个 a-z、0-9、“.”、“_”或“-”组成"),
  );

const usd = z
  .string()
  .regex(
    /^\d{1,9}(\.\d{1,9})?$/,
    inBothLanguages('must be a decimal string of US dollars, such as "25"', '必须是美元金额的十进制字符串，例如 "25"'),
  );

/** What one limit is made of, but for its name. */
export const limitFields = {
  provider: providerNameSchema.optional().describe("One of the operator's: its account; every one unless given."),
  model: z.string().min(1).max(200).optional().describe("As Lyss calls it at the provider; every one unless given."),
  per: z
    .enum(limitScopes)
    .default("all")
    .describe(
      "For whom it is counted: `all` together, which only routing and a 429 show, or each `tenant`, `user` or `key` by itself, who are told what is left.",
    ),
  requestsPerMinute: count.optional().describe("Attempts in any minute."),
  tokensPerMinute: count
    .optional()
    .describe("Tokens in and out in any minute; while a call runs, a quarter of its bytes and the output it asks for."),
  maxConcurrent: count.optional().describe("Attempts under way."),
  costUsd: usd.optional().describe("US dollars that may be spent in any `costWindowMs` before no further call begins."),
  costWindowMs: z.int().min(60_000).max(86_400_000).default(3_600_000).describe("The window of `costUsd`."),
};

type Counted = Partial<Record<"requestsPerMinute" | "tokensPerMinute" | "maxConcurrent" | "costUsd", unknown>>;

/** A limit has something that it is for, and something that it counts. */
export function checkLimit(limit: Counted & { readonly provider?: unknown; readonly model?: unknown }): boolean {
  const { provider, model, requestsPerMinute, tokensPerMinute, maxConcurrent, costUsd } = limit;
  const counts = [requestsPerMinute, tokensPerMinute, maxConcurrent, costUsd];
  return (provider ?? model) !== undefined && counts.some((it) => it !== undefined);
}

export const limitRule = inBothLanguages(
  "must name a provider or a model, and limit requests, tokens, concurrent attempts or cost",
  "必须指定供应商或模型，并至少限制请求数、token 数、并发数或费用之一",
);

/** One limit of the configuration file. */
export const modelLimitSchema = z
  .strictObject({ name: limitNameSchema.describe("What answers and metrics call it. Each once."), ...limitFields })
  .refine(checkLimit, limitRule);

export type ModelLimitSpec = z.output<typeof modelLimitSchema>;

/** A limit that somebody has set. */
export interface ModelLimit extends ModelLimitSpec {
  readonly source: "config" | "api";
  /** 1 when it was made; one more with each change. */
  readonly version: number;
  readonly updatedAt: Date;
}
