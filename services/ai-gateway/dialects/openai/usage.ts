/** Tokens as a provider reported them, in exclusive buckets. */
export interface ReportedUsage {
  readonly inputTokens: bigint;
  readonly cachedInputTokens: bigint;
  readonly outputTokens: bigint;
}

/** More than any model can take or give in one call; a larger number is a fault, not a usage. */
const maxTokens = 1_000_000_000;

/**
 * The `usage` object of OpenAI's dialect; undefined when there is none or it is not one. `prompt_tokens` includes the
 * cached ones and `completion_tokens` the reasoning ones (platform.openai.com/docs/api-reference/chat/object), so cached
 * input is taken out of input and nothing is added to output. An explicit zero is a zero.
 */
export function readUsage(body: unknown): ReportedUsage | undefined {
  const usage = fieldOf(body, "usage");
  const prompt = toCount(fieldOf(usage, "prompt_tokens"));
  if (prompt === undefined) return undefined;
  const cached = toCount(fieldOf(fieldOf(usage, "prompt_tokens_details"), "cached_tokens")) ?? 0;
  const cachedInput = Math.min(cached, prompt);
  return {
    inputTokens: BigInt(prompt - cachedInput),
    cachedInputTokens: BigInt(cachedInput),
    outputTokens: BigInt(toCount(fieldOf(usage, "completion_tokens")) ?? 0),
  };
}

/** `value[name]` of anything that JSON.parse gave. */
export function fieldOf(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

function toCount(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= maxTokens ? value : undefined;
}
