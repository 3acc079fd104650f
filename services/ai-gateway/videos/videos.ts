import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { videoFailures } from "@lyss/contracts/failures/ai-gateway-videos.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { findAccount, targetAt } from "../batches/batch-provider.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { ownerOf } from "../ops/stored-responses.ts";
import { advanceVideo } from "./advance-video.ts";
import { createVideo, type VideoToCreate } from "./create-video.ts";
import { createUpstreamVideos } from "./upstream-videos.ts";
import { toVideoObject, type VideoRow } from "./video-row.ts";
import type { VideoPage } from "./video-store.ts";

export interface VideoOfCaller {
  readonly caller: Caller;
  readonly videoId: string;
}

/** Binds the operations on videos to what they need. */
export function createVideoOps(deps: AiGatewayDeps) {
  return {
    createVideo: (input: VideoToCreate) => createVideo(deps, input),
    getVideo: (input: VideoOfCaller) => getVideo(deps, input),
    listVideos: (input: VideoPage & { readonly caller: Caller }) => listVideos(deps, input),
    removeVideo: (input: VideoOfCaller) => removeVideo(deps, input),
    sendVideoContent: (exchange: Exchange) => sendVideoContent(deps, exchange),
    advanceVideos: (signal: AbortSignal) => advanceVideos(deps, signal),
  };
}

/** Who asks for a video gets it as its provider has it, though not asked more often than this. */
const freshMs = 1_000;

/** As it stands. Throws `video_not_found`. */
async function getVideo(deps: AiGatewayDeps, { caller, videoId }: VideoOfCaller): Promise<VideoRow> {
  const name = { ...ownerOf(caller), videoId };
  const video = await deps.videoStore.find(name);
  if (!video) throw new Failure(videoFailures.video_not_found, { id: videoId });
  const isFresh = video.polledAt !== null && deps.clock.nowMs() - video.polledAt.getTime() < freshMs;
  if (video.isSettled || isFresh) return video;
  await advanceVideo(deps, videoId);
  return (await deps.videoStore.find(name)) ?? video;
}

/** The caller's own, as they were last seen. */
async function listVideos({ videoStore }: AiGatewayDeps, { caller, ...page }: VideoPage & { readonly caller: Caller }) {
  const rows = await videoStore.list(ownerOf(caller), { ...page, limit: page.limit + 1 });
  return { videos: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

/** Removes one that has ended, at its provider first. Throws `video_not_found` and `video_not_ready`. */
async function removeVideo(deps: AiGatewayDeps, input: VideoOfCaller): Promise<void> {
  const video = await getVideo(deps, input);
  if (!video.isSettled) throw notReady(video);
  await removeEverywhere(deps, video);
}

async function removeEverywhere(deps: AiGatewayDeps, video: VideoRow): Promise<void> {
  const provider = findAccount(deps, video);
  if (provider && video.upstreamId !== null) {
    await createUpstreamVideos(deps, targetAt(provider, video.targetModel)).remove(video.upstreamId);
  }
  await deps.videoStore.remove(video.videoId);
}

const variants: ReadonlySet<string> = new Set(["video", "thumbnail", "spritesheet"]);
const safeType = /^(video\/[\w.+-]{1,60}|image\/(png|jpeg|webp))$/;

/** Writes the content of a video to its owner as it comes from the provider. Throws `video_not_ready` and `video_account_gone`, too. */
async function sendVideoContent(deps: AiGatewayDeps, exchange: Exchange): Promise<void> {
  const { req, res, requestId, params } = exchange;
  const variant = new URLSearchParams((req.url ?? "").split("?")[1]).get("variant") ?? "video";
  if (!variants.has(variant)) {
    throw refuseField("variant", "must be video, thumbnail or spritesheet", "必须是 video、thumbnail 或 spritesheet");
  }
  const video = await getVideo(deps, { caller: requireCaller(exchange), videoId: params["id"] ?? "" });
  if (video.status !== "completed" || video.upstreamId === null) throw notReady(video);
  const provider = findAccount(deps, video);
  if (!provider) throw new Failure(videoFailures.video_account_gone);
  const upstream = createUpstreamVideos(deps, targetAt(provider, video.targetModel));
  const { head, body } = await upstream.openContent(video.upstreamId, variant);
  const type = head.find("content-type") ?? "";
  res.writeHead(200, {
    "content-type": safeType.test(type) ? type : "application/octet-stream",
    ...{ "cache-control": "no-store", "x-content-type-options": "nosniff", "x-request-id": requestId },
  });
  try {
    await pipeline(Readable.from(body), res);
  } catch (err) {
    // Bytes have no place for an error: without their end they are no whole answer.
    deps.log.warn({ err, video_id: video.videoId }, "the content of a video broke off");
  }
}

function notReady({ videoId: id, status }: VideoRow): Failure {
  return new Failure(videoFailures.video_not_ready, { id, status });
}

const maxVideosAtOnce = 100;

/** Takes on all videos that nobody has asked for, and removes what is left of people who are gone. */
export async function advanceVideos(deps: AiGatewayDeps, signal: AbortSignal): Promise<void> {
  const since = new Date(deps.clock.nowMs() - deps.settings.videos.pollMs);
  for (const videoId of await deps.videoStore.listDue(since, maxVideosAtOnce)) {
    if (signal.aborted) return;
    await advanceVideo(deps, videoId);
  }
  for (const video of await deps.videoStore.listDisowned(maxVideosAtOnce)) {
    if (signal.aborted) return;
    await removeEverywhere(deps, video).catch((err: unknown) => {
      deps.log.warn({ err, video_id: video.videoId }, "a video could not be removed at its provider yet");
    });
  }
}

const maxListed = 1_000;

/** What a person has, the newest first. */
export async function listVideosOf({ videoStore }: Pick<AiGatewayDeps, "videoStore">, tx: Tx, userId: string) {
  return (await videoStore.listOf(tx, userId, maxListed)).map(toVideoObject);
}
