import { foldCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { ReportedUsage } from "../openai/usage.ts";

/**
 * Usage as Anthropic reports it: `input_tokens` leaves out what was read from a cache or written to one, `output_tokens`
 * includes thinking (docs.anthropic.com/en/api/messages). It is what is charged.
 */
export function toMessageUsage(tokens: ReportedUsage) {
  const { cacheWrite5m = 0n, cacheWrite1h = 0n, reasoning = 0n } = tokens.otherBuckets ?? {};
  const { inputTokens, outputTokens } = foldCounts(tokens);
  const written = cacheWrite5m + cacheWrite1h;
  return {
    input_tokens: Number(inputTokens - written),
    cache_creation_input_tokens: Number(written),
    cache_read_input_tokens: Number(tokens.cachedInputTokens),
    output_tokens: Number(outputTokens),
    output_tokens_details: { thinking_tokens: Number(reasoning) },
    server_tool_use: null,
  };
}

/** What only a whole message says of usage. */
export function toWholeUsage(tokens: ReportedUsage) {
  const { cacheWrite5m = 0n, cacheWrite1h = 0n } = tokens.otherBuckets ?? {};
  return {
    ...toMessageUsage(tokens),
    cache_creation: {
      ephemeral_5m_input_tokens: Number(cacheWrite5m),
      ephemeral_1h_input_tokens: Number(cacheWrite1h),
    },
    service_tier: "standard",
  };
}
