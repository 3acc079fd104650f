import { type OtherBucket, toOtherQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { fieldOf, type ReportedUsage, readCount, readUsage } from "../dialects/openai/usage.ts";
import { isMedia, isSpoken, type Surface } from "./surface.ts";
import type { Units } from "./units.ts";

interface MeasuredRequest {
  readonly surface: Surface;
  readonly units?: Units | undefined;
}

/** What a provider says that a call used, as the surface has it; undefined where it says nothing. */
export function readUsageOf(request: MeasuredRequest, json: unknown): ReportedUsage | undefined {
  if (isMedia(request.surface)) return readMedia(request, json);
  if (request.surface === "rerank") return readRerank(json, request.units);
  return readUsage(json) ?? (request.surface === "embeddings" ? readTotal(json) : undefined);
}

/** Vectors put out no tokens: Voyage reports a total alone. */
function readTotal(json: unknown): ReportedUsage | undefined {
  const tokens = readCount(fieldOf(fieldOf(json, "usage"), "total_tokens"));
  return tokens === undefined ? undefined : toUsage(BigInt(tokens), 0n, {});
}

/** Cohere bills searches (`meta.billed_units.search_units`), Jina and those like it tokens (`usage.total_tokens`). */
function readRerank(json: unknown, units: Units | undefined): ReportedUsage | undefined {
  const searches = readCount(fieldOf(fieldOf(fieldOf(json, "meta"), "billed_units"), "search_units"));
  const tokens = readCount(fieldOf(fieldOf(json, "usage"), "total_tokens"));
  if (searches === undefined && tokens === undefined) return undefined;
  // One who reports tokens alone may have a price for each search all the same.
  const requests = searches === undefined ? units?.likely.requests : BigInt(searches);
  return toUsage(BigInt(tokens ?? 0), 0n, { requests: requests ?? 0n });
}

/**
 * Sounds and images (platform.openai.com/docs/api-reference/audio, /images): seconds, or tokens whose kinds are told apart in details. What is
 * put out is of the surface's kind but for what is said to be text.
 */
function readMedia({ surface, units }: MeasuredRequest, json: unknown): ReportedUsage | undefined {
  const usage = fieldOf(json, "usage");
  const seconds = readSeconds(fieldOf(usage, "seconds") ?? fieldOf(json, "duration"));
  const input = readCount(fieldOf(usage, "input_tokens"));
  if (input === undefined) return seconds === undefined ? undefined : toUsage(0n, 0n, { seconds });
  const output = readCount(fieldOf(usage, "output_tokens")) ?? 0;
  const details = fieldOf(usage, "input_tokens_details") ?? fieldOf(usage, "input_token_details");
  const audioInput = Math.min(readCount(fieldOf(details, "audio_tokens")) ?? 0, input);
  const imageInput = Math.min(readCount(fieldOf(details, "image_tokens")) ?? 0, input - audioInput);
  const text = input - audioInput - imageInput;
  const heard = { audioInput: BigInt(audioInput), imageInput: BigInt(imageInput) };
  if (isSpoken(surface)) return toUsage(BigInt(text), BigInt(output), { ...heard, seconds: seconds ?? 0n });
  const outputDetails = fieldOf(usage, "output_tokens_details") ?? fieldOf(usage, "output_token_details");
  const written = Math.min(readCount(fieldOf(outputDetails, "text_tokens")) ?? 0, output);
  const made = surface === "speech" ? "audioOutput" : "imageOutput";
  const { characters = 0n } = units?.likely ?? {};
  const data = fieldOf(json, "data");
  // An event of a stream is one image.
  const images = surface === "speech" ? 0n : BigInt(Array.isArray(data) ? data.length : 1);
  return toUsage(BigInt(text), BigInt(written), { ...heard, [made]: BigInt(output - written), characters, images });
}

/** A second that has begun counts. */
function readSeconds(value: unknown): bigint | undefined {
  return typeof value === "number" && value >= 0 && value <= 1e9 ? BigInt(Math.ceil(value)) : undefined;
}

function toUsage(
  inputTokens: bigint,
  outputTokens: bigint,
  others: { readonly [B in OtherBucket]?: bigint },
): ReportedUsage {
  const otherBuckets = toOtherQuantities(others);
  return { inputTokens, cachedInputTokens: 0n, outputTokens, ...(otherBuckets && { otherBuckets }) };
}
