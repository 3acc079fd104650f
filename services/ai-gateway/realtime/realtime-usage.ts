import { toOtherQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { fieldOf, type ReportedUsage, readCount } from "../dialects/openai/usage.ts";

/**
 * The `usage` of a `response.done` event in exclusive buckets; undefined when there is none. `input_tokens` includes what came from the
 * provider's cache, sounds and images; of what came from the cache `cached_tokens_details` says which it was, and without them it is taken
 * for text (developers.openai.com, Realtime costs). Details that add up to more than their total are cut off there.
 */
export function readRealtimeUsage(usage: unknown): ReportedUsage | undefined {
  const input = readCount(fieldOf(usage, "input_tokens"));
  if (input === undefined) return undefined;
  const output = readCount(fieldOf(usage, "output_tokens")) ?? 0;
  const inputs = fieldOf(usage, "input_token_details");
  const fromCache = fieldOf(inputs, "cached_tokens_details");
  const cached = Math.min(countOf(inputs, "cached_tokens"), input);
  const fresh = (kind: string) => Math.max(0, countOf(inputs, kind) - countOf(fromCache, kind));
  const audioInput = Math.min(fresh("audio_tokens"), input - cached);
  const imageInput = Math.min(fresh("image_tokens"), input - cached - audioInput);
  const audioOutput = Math.min(countOf(fieldOf(usage, "output_token_details"), "audio_tokens"), output);
  const otherBuckets = toOtherQuantities({
    ...{ audioInput: BigInt(audioInput), imageInput: BigInt(imageInput), audioOutput: BigInt(audioOutput) },
  });
  return {
    inputTokens: BigInt(input - cached - audioInput - imageInput),
    cachedInputTokens: BigInt(cached),
    outputTokens: BigInt(output - audioOutput),
    ...(otherBuckets && { otherBuckets }),
  };
}

function countOf(details: unknown, name: string): number {
  return readCount(fieldOf(details, name)) ?? 0;
}
