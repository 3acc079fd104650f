import { serviceModes } from "@lyss/contracts/pricing/price.ts";
import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import { callErrors } from "@lyss/contracts/usage/call-errors.ts";
import { toTagRecord } from "@lyss/contracts/usage/tags.ts";
import { z } from "zod";
import type { UsageFigures, UsageGroup, UsageRow, UsageSum } from "../model.ts";
import { bucketCounts, toBucketCounts } from "../prices/price-body.ts";
import { percentilesOf } from "./durations.ts";

export const statuses = ["completed", "failed", "canceled", "truncated", "lost", "cached"] as const;
const time = z.iso.datetime();

/** One attempt of a call. */
export const usageRecord = z.strictObject({
  id: z.string().describe("The call: the header lyss-call-id of its answer."),
  attempt: z.number().describe("1 for the first attempt of the call."),
  request_id: z.string(),
  started_at: time.describe("When the attempt began. Lists and sums go by it."),
  created_at: time.describe("When it was recorded."),
  key_id: z.string(),
  user_id: z.string().describe("Empty for a key that belongs to no person."),
  model: z.string(),
  provider: z.string(),
  status: z.enum(statuses),
  input_tokens: z.number().describe("All input, cached or not."),
  cached_input_tokens: z.number(),
  output_tokens: z.number().describe("All output, of any kind."),
  buckets: bucketCounts,
  service_mode: z.enum(serviceModes).describe("As the provider says that it served the call."),
  price_id: z.string().describe("The version of the price at which the call was charged."),
  cost_nanos: z.string(),
  uncollected_nanos: z.string().describe("What it cost beyond what the wallet could pay; borne by the platform."),
  estimated: z.boolean().describe("True when Lyss counted the tokens because the provider reported none."),
  latency_ms: z.number(),
  streamed: z
    .boolean()
    .nullable()
    .describe("Whether the answer was asked for as a stream; null where it is not known."),
  first_token_ms: z
    .number()
    .nullable()
    .describe("From when the call came until the first of its streamed answer left; null where nothing did."),
  error: z
    .enum(callErrors)
    .nullable()
    .describe("What went wrong with a call that failed or was truncated; null where that is not known."),
  posting_id: z.string().describe("The posting in the journal that moved the money; empty when none did."),
  tags: z
    .record(z.string(), z.string())
    .describe("By what its caller tells usage apart: the header lyss-tags of the call."),
});

export type UsageBody = z.input<typeof usageRecord>;

export function toUsageBody(row: UsageRow): UsageBody {
  const tokens = foldCounts(row);
  return {
    ...{ id: row.callId, attempt: row.attempt, request_id: row.requestId },
    started_at: new Date(Number(row.startedAtMs)).toISOString(),
    created_at: row.createdAt.toISOString(),
    ...{ key_id: row.keyId, user_id: row.userId, model: row.model, provider: row.provider, status: row.outcome },
    input_tokens: Number(tokens.inputTokens + tokens.cachedInputTokens),
    cached_input_tokens: Number(tokens.cachedInputTokens),
    output_tokens: Number(tokens.outputTokens),
    buckets: toBucketCounts(row),
    service_mode: row.serviceMode ?? "standard",
    price_id: row.priceId,
    cost_nanos: row.costNanos.toString(),
    uncollected_nanos: row.uncollectedNanos.toString(),
    estimated: row.isEstimated,
    latency_ms: Number(row.latencyMs),
    ...{ streamed: row.isStreamed ?? null, first_token_ms: row.firstTokenMs ?? null, error: row.error ?? null },
    posting_id: row.postingId,
    tags: toTagRecord(row.tags),
  };
}

const percentiles = z.strictObject({
  count: z.number().describe("How many durations there are."),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
});

/** What calls come to, and how they went. */
export const usageFigures = z.strictObject({
  calls: z.number(),
  errors: z.number().describe("Calls that failed or were truncated."),
  input_tokens: z.number().describe("All input, cached or not."),
  cached_input_tokens: z.number(),
  output_tokens: z.number(),
  cost_nanos: z.string(),
  uncollected_nanos: z.string().describe("What it cost beyond what the wallet could pay; borne by the platform."),
  latency_ms: percentiles
    .nullable()
    .describe(
      "Of calls that were completed or cached: percentiles within 10 %, below 9 ms within 4 ms. Null without any, and by tag.",
    ),
  first_token_ms: percentiles.nullable().describe("The same of the time to the first of streamed answers."),
});

/** What was used in a minute, hour, day or month. */
export const usageSum = z.strictObject({
  start: time.describe("Where the minute, hour, day or month begins, in UTC."),
  group: z
    .record(z.string(), z.string())
    .describe('What group_by names, such as {"model": "gpt-4o", "key": "key_…"}; {} when nothing is grouped.'),
  ...usageFigures.shape,
});

/** Bodies of sums that were told apart by these. */
export function toUsageSum(groupBy: readonly UsageGroup[]) {
  return (row: UsageSum): z.input<typeof usageSum> => ({
    start: row.start.toISOString(),
    group: Object.fromEntries(groupBy.map((name, i) => [name, row.groups[i] ?? ""])),
    ...toFigures(row),
  });
}

export function toFigures(row: UsageFigures): z.input<typeof usageFigures> {
  return {
    ...{ calls: Number(row.calls), errors: Number(row.errors) },
    input_tokens: Number(row.inputTokens + row.cachedInputTokens),
    cached_input_tokens: Number(row.cachedInputTokens),
    output_tokens: Number(row.outputTokens),
    cost_nanos: row.costNanos.toString(),
    uncollected_nanos: row.uncollectedNanos.toString(),
    latency_ms: percentilesOf(row.latency ?? []) ?? null,
    first_token_ms: percentilesOf(row.firstToken ?? []) ?? null,
  };
}
