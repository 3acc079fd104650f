import { toOtherQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { claimMs, isFinal } from "../batches/advance-batch.ts";
import { findAccount, targetAt } from "../batches/batch-provider.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { fieldOf, readCount } from "../dialects/openai/usage.ts";
import type { FundedBatch } from "../funds/batch-funds.ts";
import type { Provider } from "../model.ts";
import { createUpstreamVideos } from "./upstream-videos.ts";
import { readErrorCode, readStatus, type VideoRow } from "./video-row.ts";

/** A video of which nothing can be heard for so long has failed. */
const giveUpMs = 86_400_000;

const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };

export function fundedOf(video: VideoRow, provider: Pick<Provider, "name">): FundedBatch {
  const { videoId: batchId, targetModel: model, createdAt } = video;
  return {
    ...{ ...video, batchId, model, provider: provider.name },
    ...{ serviceMode: "standard", startedAtMs: createdAt.getTime() },
  };
}

/** Takes a video a step on, unless a node is at work on it or it has ended. What goes wrong is tried again later. */
export async function advanceVideo(deps: AiGatewayDeps, videoId: string): Promise<void> {
  const nowMs = deps.clock.nowMs();
  const video = await deps.videoStore.claim(videoId, new Date(nowMs), new Date(nowMs + claimMs));
  if (!video) return;
  try {
    await follow(deps, video);
  } catch (err) {
    deps.log.warn({ err, video_id: videoId }, "a video cannot be taken on yet");
  } finally {
    await deps.videoStore.release(videoId, new Date(deps.clock.nowMs()));
  }
}

async function follow(deps: AiGatewayDeps, video: VideoRow): Promise<void> {
  // The node that began it is gone, and with it whoever would have been told its name.
  if (video.upstreamId === null) return fail(deps, video, "video_not_begun");
  if (deps.clock.nowMs() - video.createdAt.getTime() > giveUpMs) return fail(deps, video, "video_unreachable");
  const provider = findAccount(deps, video);
  if (!provider) return;
  let said: unknown;
  try {
    said = await createUpstreamVideos(deps, targetAt(provider, video.targetModel)).get(video.upstreamId);
  } catch (err) {
    if (!isFinal(err)) throw err;
    return fail(deps, video, "video_gone");
  }
  const status = readStatus(said) ?? video.status;
  if (status === "completed" || status === "failed") return settle(deps, video, provider, status, said);
  const progress = Math.min(readCount(fieldOf(said, "progress")) ?? video.progress, 99);
  await deps.videoStore.change({ ...video, status, progress });
}

/** Charges what came of it, gives back the rest, and then shows it. A repeat after whatever interruption charges nothing twice. */
async function settle(
  deps: AiGatewayDeps,
  video: VideoRow,
  provider: Provider,
  status: "completed" | "failed",
  said: unknown,
): Promise<void> {
  const isMade = status === "completed";
  const seconds = isMade ? video.seconds : 0;
  const otherBuckets = toOtherQuantities({ seconds: BigInt(seconds) });
  const tokens = { ...none, ...(otherBuckets && { otherBuckets }) };
  const nowMs = deps.clock.nowMs();
  const call = { index: 0, outcome: status, tokens, isEstimated: false };
  await deps.batchFunds.charge(fundedOf(video, provider), [call], nowMs - video.createdAt.getTime());
  await deps.batchFunds.close(video.videoId);
  const at = (name: string) => {
    const time = fieldOf(said, name);
    return typeof time === "number" && Number.isSafeInteger(time) && time >= 0 ? BigInt(time) : null;
  };
  await deps.videoStore.change({
    ...{ videoId: video.videoId, status, progress: isMade ? 100 : video.progress, isSettled: true },
    errorCode: isMade ? null : readErrorCode(said),
    completedAt: isMade ? (at("completed_at") ?? BigInt(Math.floor(nowMs / 1_000))) : null,
    expiresAt: isMade ? at("expires_at") : null,
  });
  noteEnd(deps, video, provider, status);
}

function noteEnd(
  { metrics, clock }: Pick<AiGatewayDeps, "metrics" | "clock">,
  { targetModel, createdAt }: VideoRow,
  provider: Provider,
  outcome: "completed" | "failed",
): void {
  const durationMs = clock.nowMs() - createdAt.getTime();
  const ended = { outcome, tokens: none, durationMs, firstTokenMs: undefined };
  metrics.of(targetAt(provider, targetModel)).endLater("video_generation", ended);
}

/** Ends a video that comes to nothing; its money is back. */
async function fail(deps: AiGatewayDeps, video: VideoRow, errorCode: string): Promise<void> {
  await deps.batchFunds.close(video.videoId);
  await deps.videoStore.change({ ...video, status: "failed", errorCode, isSettled: true });
  const provider = findAccount(deps, video);
  if (provider) noteEnd(deps, video, provider, "failed");
}
