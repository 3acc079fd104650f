import type { ServiceMode } from "@lyss/contracts/pricing/price.ts";
import { type TokenCounts, toOtherQuantities } from "@lyss/contracts/pricing/token-price.ts";

/** What a provider reported, in exclusive buckets. */
export type ReportedUsage = TokenCounts;

/** More than any model can take or give in one call; a larger number is a fault, not a usage. */
const maxTokens = 1_000_000_000;

/**
 * The `usage` object of OpenAI's dialect; undefined when there is none or it is not one. `prompt_tokens` includes cached,
 * written and audio tokens, `completion_tokens` reasoning and audio (platform.openai.com/docs/api-reference/chat/object;
 * `cache_write_tokens` as openrouter.ai/docs/guides/best-practices/prompt-caching has it; `cache_write_1h_tokens` is what our own
 * wires say of what was written for an hour). Some say what came from a cache beside the total instead: Kimi in `cached_tokens`
 * (platform.kimi.ai/docs/api/chat), DeepSeek in `prompt_cache_hit_tokens` (api-docs.deepseek.com/api/create-chat-completion). Each detail
 * is taken out of its total, so a token is counted once; details that add up to more than their total are cut off there. An explicit zero
 * is a zero.
 */
export function readUsage(body: unknown): ReportedUsage | undefined {
  const usage = fieldOf(body, "usage");
  const prompt = readCount(fieldOf(usage, "prompt_tokens"));
  if (prompt === undefined) return undefined;
  const completion = readCount(fieldOf(usage, "completion_tokens")) ?? 0;
  const { cited, thought, outputDetails } = readBeside(usage, prompt + completion);
  const input = splitTotal(prompt + cited, inputDetailsOf(usage));
  const output = splitTotal(completion + thought, outputDetails);
  const [cacheRead, cacheWrite5m, cacheWrite1h, audioInput] = input.take(
    ...(["cached_tokens", "cache_write_tokens", "cache_write_1h_tokens", "audio_tokens"] as const),
  );
  const [reasoning, audioOutput] = output.take("reasoning_tokens", "audio_tokens");
  const toolCalls = BigInt(readToolCalls(usage));
  const otherBuckets = toOtherQuantities({ cacheWrite5m, cacheWrite1h, audioInput, reasoning, audioOutput, toolCalls });
  return {
    ...{ inputTokens: input.rest(), cachedInputTokens: cacheRead, outputTokens: output.rest() },
    ...(otherBuckets && { otherBuckets }),
  };
}

/**
 * Tokens that are in neither total. Perplexity's deep research counts what it read and what it thought apart (docs.perplexity.ai/docs/sonar/models/sonar-deep-research), xAI
 * what was thought, which shows in the sum of all (docs.x.ai/docs/guides/reasoning).
 */
function readBeside(usage: unknown, counted: number) {
  const outputDetails = fieldOf(usage, "completion_tokens_details");
  const cited = readCount(fieldOf(usage, "citation_tokens"));
  if (cited !== undefined) {
    const thought = readCount(fieldOf(usage, "reasoning_tokens")) ?? 0;
    return { cited, thought, outputDetails: { ...Object(outputDetails), reasoning_tokens: thought } };
  }
  const reasoning = readCount(fieldOf(outputDetails, "reasoning_tokens")) ?? 0;
  const isBeside = readCount(fieldOf(usage, "total_tokens")) === counted + reasoning;
  return { cited: 0, thought: isBeside ? reasoning : 0, outputDetails };
}

/**
 * How often tools ran at the provider that it charges by the call, in whichever words it says so: `server_tool_calls` is our own wires', then
 * come OpenRouter's searches (openrouter.ai/docs/guides/features/server-tools), Perplexity's, and sources that xAI has read.
 */
function readToolCalls(usage: unknown): number {
  const said = [
    fieldOf(usage, "server_tool_calls"),
    fieldOf(fieldOf(usage, "server_tool_use"), "web_search_requests"),
    fieldOf(usage, "num_search_queries"),
    fieldOf(usage, "num_sources_used"),
  ];
  return Math.max(...said.map((count) => readCount(count) ?? 0));
}

function inputDetailsOf(usage: unknown): unknown {
  const details = fieldOf(usage, "prompt_tokens_details");
  const beside = fieldOf(usage, "cached_tokens") ?? fieldOf(usage, "prompt_cache_hit_tokens");
  if (beside === undefined || readCount(fieldOf(details, "cached_tokens")) !== undefined) return details;
  return { ...Object(details), cached_tokens: beside };
}

/** Takes details out of a total, in the order asked for. */
function splitTotal(total: number, details: unknown) {
  let left = total;
  const takeOne = (name: string) => {
    const count = Math.min(readCount(fieldOf(details, name)) ?? 0, left);
    left -= count;
    return BigInt(count);
  };
  return {
    take: <const Names extends readonly string[]>(...names: Names) =>
      names.map(takeOne) as { -readonly [Index in keyof Names]: bigint },
    rest: () => BigInt(left),
  };
}

const modes: Readonly<Record<string, ServiceMode>> = { batch: "batch", flex: "flex", priority: "priority" };

/**
 * How urgently a call is asked for, or was served: `service_tier` of a request or an answer. Undefined where it says
 * nothing, or the usual.
 */
export function readServiceMode(body: unknown): ServiceMode | undefined {
  const tier = fieldOf(body, "service_tier");
  return typeof tier === "string" && Object.hasOwn(modes, tier) ? modes[tier] : undefined;
}

/** `value[name]` of anything that JSON.parse gave. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** A count that a provider reports; undefined for what is none. */
export function readCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= maxTokens ? value : undefined;
}
