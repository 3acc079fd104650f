import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { readServiceMode } from "../dialects/openai/usage.ts";
import { type CallToFund, type Funds, meteredTokens } from "../funds/funds.ts";
import { imageFormOf, imagePriceNames } from "../funds/image-prices.ts";
import type { Target } from "../model.ts";
import { isMedia, writesText } from "../surfaces/surface.ts";
import type { CallRequest } from "./read-request.ts";

/** A shorter answer than this is not worth its prompt. */
const leastOutputTokens = 16;

export interface AttemptToFund {
  readonly callId: string;
  readonly attempt: number;
  readonly continuesAttempt: number | undefined;
  readonly requestId: string;
  readonly caller: Caller;
  readonly request: CallRequest;
  readonly target: Target;
  /** An upper bound. */
  readonly inputTokens: number;
  readonly tags: TagsText;
}

/** What is to be set aside for an attempt of a call. */
export function toCallToFund(given: AttemptToFund): CallToFund {
  const { request, target, inputTokens, caller } = given;
  const { provider, model } = target;
  const most = mostOutputTokens(request, target);
  const isMetered = request.isStream && model.showsAllOutput && most > meteredTokens;
  // A metered stream is cut when money ends: all of it need not be known to fit.
  // What has no limit in its request is not cut either.
  const isWhole = isMedia(request.surface) || request.takesNoLimit === true;
  const limit = isMetered ? undefined : isWhole ? most : request.outputLimit?.tokens;
  const { callId, attempt, continuesAttempt, requestId, tags } = given;
  const { tenantId, keyId, userId } = caller;
  const images = imageFormOf(request);
  return {
    ...{ callId, attempt, requestId, tenantId, keyId, userId, provider: provider.name, model: model.name, tags },
    ...(continuesAttempt !== undefined && { continuesAttempt }),
    isStreamed: request.isStream,
    inputTokens: BigInt(inputTokens),
    maxOutputTokens: BigInt(most),
    minOutputTokens: BigInt(limit ?? Math.min(leastOutputTokens, most)),
    choices: request.choices,
    fixed: request.units?.most,
    isMetered,
    serviceMode: readServiceMode(request.json),
    ...(images && { images: { ...images, priceNames: imagePriceNames(model.name, images) } }),
  };
}

/** What one answer may put out at most. */
export function mostOutputTokens(request: Pick<CallRequest, "surface" | "outputLimit">, { model }: Target): number {
  const { surface, outputLimit } = request;
  return writesText(surface) || isMedia(surface) ? (outputLimit?.tokens ?? model.maxOutputTokens) : 0;
}

/** The output limit to send when money allows less than was asked for, unless the stream is cut when money ends. */
export function limitToSend(request: CallRequest, target: Target, { outputTokens, raise }: Funds): number | undefined {
  if (raise) return undefined;
  const granted = Number(outputTokens);
  return granted < mostOutputTokens(request, target) ? granted : undefined;
}
