import { createHash } from "node:crypto";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { videoFailures } from "@lyss/contracts/failures/ai-gateway-videos.ts";
import { boundNanos } from "@lyss/contracts/pricing/price.ts";
import { toOtherQuantities } from "@lyss/contracts/pricing/token-price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { claimMs } from "../batches/advance-batch.ts";
import { requireSame, toOnce } from "../batches/once.ts";
import { findFreeTarget } from "../call/choose-target.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { toImagePriceName } from "../funds/image-prices.ts";
import { requireUnguarded } from "../guardrails/require-unguarded.ts";
import type { Provider, Target } from "../model.ts";
import { ownerOf } from "../ops/stored-responses.ts";
import { fundedOf } from "./advance-video.ts";
import { type AskedVideo, readAskedVideo } from "./read-asked-video.ts";
import { createUpstreamVideos } from "./upstream-videos.ts";
import type { VideoRow } from "./video-row.ts";

export interface VideoToCreate {
  readonly caller: Caller;
  readonly requestId: string;
  readonly tags: TagsText;
  readonly body: Buffer;
  readonly contentType: string;
  readonly idempotencyKey: string | undefined;
}

/**
 * Sets aside what a video costs, and has it made by the account that its model's calls go to. Throws `invalid_request`, `model_not_found`,
 * `call_unguarded`, `video_provider_missing`, `video_price_missing`, `model_limited`, billing's failures, and those of a model call. Whatever is thrown, there is no video then,
 * and nothing is charged, also where the provider's answer was lost. A repeat makes another, but with an idempotency key: that gets the same
 * video as it is by then, and throws `kit.idempotency_conflict` and `kit.idempotency_in_flight`.
 */
export async function createVideo(deps: AiGatewayDeps, input: VideoToCreate): Promise<VideoRow> {
  const asked = readAskedVideo(input.body, input.contentType);
  requireUnguarded(deps, input.caller, { model: asked.model, tags: input.tags });
  const once = toOnce(input.idempotencyKey, { ...asked, picture: digestOf(asked.picture), tags: input.tags });
  const made = once && (await deps.videoStore.findOnce(ownerOf(input.caller), once.key));
  if (made) {
    requireSame(once, { onceHash: made.onceHash, isBegun: made.upstreamId !== null || made.isSettled });
    return made;
  }
  const target = await findVideoTarget(deps, input.caller, asked.model);
  const { video, nanos } = await prepareVideo(deps, input, asked, target);
  const { videoStore, clock } = deps;
  const place = deps.modelLimits.enter(target, input.caller, 0);
  try {
    if (!(await videoStore.insert(video, new Date(clock.nowMs() + claimMs), once))) {
      throw new Failure(kitFailures.idempotency_in_flight);
    }
    await begin(deps, asked, target, video, nanos);
  } catch (err) {
    place?.cancel();
    throw err;
  }
  place?.end(0);
  place?.spend(nanos);
  return video;
}

async function begin(deps: AiGatewayDeps, asked: AskedVideo, target: Target, video: VideoRow, nanos: bigint) {
  const { videoStore, batchFunds } = deps;
  try {
    await batchFunds.reserve(fundedOf(video, target.provider), { nanos, tokens: 0n, calls: 1n });
    const upstream = createUpstreamVideos(deps, target);
    const upstreamId = await upstream.create(asked);
    if (!(await videoStore.markTaken(video.videoId, upstreamId))) {
      throw new Failure(aiGatewayFailures.upstream_timeout, { model: asked.model, timeoutMs: claimMs });
    }
  } catch (err) {
    await undo(deps, video.videoId);
    throw err;
  }
}

function digestOf(picture: AskedVideo["picture"]): string {
  return picture ? createHash("sha256").update(picture.bytes).digest("hex") : "";
}

/** Where this cannot be done now, a job finds the video and gives its money back. */
async function undo({ batchFunds, videoStore, log }: AiGatewayDeps, videoId: string): Promise<void> {
  try {
    await batchFunds.close(videoId);
    await videoStore.remove(videoId);
  } catch (err) {
    log.warn({ err, video_id: videoId }, "the money of a video that was not begun is given back later");
  }
}

async function findVideoTarget(deps: AiGatewayDeps, caller: Caller, named: string): Promise<Target> {
  const isFit = ({ provider }: Target) => makesVideos(deps, provider);
  const target = await findFreeTarget(deps, caller, named, isFit);
  if (target) return target;
  throw new Failure(videoFailures.video_provider_missing, { model: named, param: "model" });
}

/** True for a provider that serves `/videos` as OpenAI does (platform.openai.com/docs/guides/video-generation). */
function makesVideos({ settings }: Pick<AiGatewayDeps, "settings">, provider: Provider): boolean {
  if (provider.dialect !== "openai") return false;
  if (provider.source === "simulator" || settings.videos.providers.includes(provider.name)) return true;
  return new URL(provider.baseUrl).hostname === "api.openai.com";
}

async function prepareVideo(
  deps: AiGatewayDeps,
  { caller, requestId, tags }: VideoToCreate,
  { model, seconds, size }: AskedVideo,
  { provider, model: { name: targetModel } }: Target,
): Promise<{ readonly video: VideoRow; readonly nanos: bigint }> {
  const { tenantId, keyId, userId } = caller;
  const createdAt = new Date(deps.clock.nowMs());
  const startedAtMs = createdAt.getTime();
  const priceNames = [toImagePriceName(targetModel, { size })];
  const price = await deps.funding.priceOf(
    { tenantId, provider: provider.name, model: targetModel, priceNames },
    startedAtMs,
  );
  // Nothing stands in place of seconds: a price without them would make a video free by accident.
  if (price?.terms.rates.seconds === undefined) {
    throw new Failure(videoFailures.video_price_missing, { model, size });
  }
  const fixed = toOtherQuantities({ seconds: BigInt(seconds) }) ?? {};
  const nanos = boundNanos(price.terms, { inputTokens: 0n, outputTokens: 0n, fixed }, { startedAtMs });
  const video: VideoRow = {
    ...{ ...ownerOf(caller), videoId: deps.random.id("video"), keyId, userId, requestId, tags },
    ...{ providerId: provider.providerId, model, targetModel, seconds, size, priceId: price.priceId },
    ...{ upstreamId: null, status: "queued", progress: 0, errorCode: null, completedAt: null, expiresAt: null },
    ...{ isSettled: false, polledAt: null, createdAt },
  };
  return { video, nanos };
}
