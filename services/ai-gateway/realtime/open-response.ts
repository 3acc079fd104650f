import type { ReportedUsage } from "../dialects/openai/usage.ts";
import { bytesOfBase64 } from "./sound-format.ts";

/** What is known of what the model reads: at most, and as it is likely to be. */
export interface Context {
  readonly mostTokens: number;
  readonly likelyTokens: number;
}

/** OpenAI counts a second of what a user says as 10 tokens, and of what is answered as 20 (developers.openai.com, Realtime costs). */
const heardTokensPerSecond = 10;
const spokenTokensPerSecond = 20;
/** Others count more. */
const mostHeardTokensPerSecond = 25;
const likelyBytesPerToken = 4;
/** As for images in a chat (call/count-tokens.ts). */
const mostImageTokens = 50_000;
const likelyImageTokens = 765;

/** What an event of the client adds to it. */
export function addedBy(
  {
    soundBytes,
    otherBytes,
    images,
  }: { readonly soundBytes: number; readonly otherBytes: number; readonly images: number },
  bytesPerSecond: number,
): Context {
  const seconds = soundBytes / bytesPerSecond;
  return {
    mostTokens: seconds * mostHeardTokensPerSecond + otherBytes + images * mostImageTokens,
    likelyTokens: seconds * heardTokensPerSecond + otherBytes / likelyBytesPerToken + images * likelyImageTokens,
  };
}

/** What of a response has been delivered so far. */
export interface Delivered {
  text: string;
  soundBytes: number;
}

/** Adds an event of the response, whichever kind of delta it is. */
export function noteDelta(delivered: Delivered, type: string, delta: unknown): void {
  if (typeof delta !== "string") return;
  if (type.endsWith("audio.delta")) delivered.soundBytes += bytesOfBase64(delta);
  else delivered.text += delta;
}

/** What a response used that its provider says nothing of: what it read, as far as that is known, and what it has delivered. */
export async function estimateUsage(
  delivered: Delivered,
  likelyInputTokens: number,
  soundBytesPerSecond: number,
  countText: (text: string) => Promise<number>,
): Promise<ReportedUsage> {
  const audioOutput = BigInt(Math.ceil((delivered.soundBytes / soundBytesPerSecond) * spokenTokensPerSecond));
  return {
    inputTokens: BigInt(Math.ceil(likelyInputTokens)),
    cachedInputTokens: 0n,
    outputTokens: BigInt(await countText(delivered.text)),
    ...(audioOutput > 0n && { otherBuckets: { audioOutput } }),
  };
}
