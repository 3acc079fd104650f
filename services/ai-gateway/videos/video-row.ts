import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { Owner } from "../responses/response-store.ts";

export const videoStatuses = ["queued", "in_progress", "completed", "failed"] as const;
export type VideoStatus = (typeof videoStatuses)[number];

export interface VideoRow extends Owner {
  readonly videoId: string;
  readonly keyId: string;
  readonly userId: string;
  readonly requestId: string;
  readonly tags: TagsText;
  readonly providerId: string;
  /** As it was asked for, and as its provider's account has it. */
  readonly model: string;
  readonly targetModel: string;
  readonly seconds: number;
  readonly size: string;
  readonly priceId: string;
  readonly upstreamId: string | null;
  readonly status: VideoStatus;
  readonly progress: number;
  readonly errorCode: string | null;
  /** Unix seconds. */
  readonly completedAt: bigint | null;
  readonly expiresAt: bigint | null;
  readonly isSettled: boolean;
  readonly polledAt: Date | null;
  readonly createdAt: Date;
}

/** Undefined for what is no status of a video. */
export function readStatus(said: unknown): VideoStatus | undefined {
  return videoStatuses.find((status) => status === fieldOf(said, "status"));
}

const safeCode = /^[a-z0-9_]{1,64}$/;

/** A provider's own sentences are left out: they may quote what is none of the caller's business. */
export function readErrorCode(said: unknown): string {
  const code = fieldOf(fieldOf(said, "error"), "code");
  return typeof code === "string" && safeCode.test(code) ? code : "video_failed";
}

/** As OpenAI's API shows it (platform.openai.com/docs/api-reference/videos/object). */
export function toVideoObject(row: VideoRow) {
  const { errorCode: code } = row;
  return {
    id: row.videoId,
    object: "video" as const,
    model: row.model,
    status: row.status,
    progress: row.progress,
    created_at: Math.floor(row.createdAt.getTime() / 1_000),
    completed_at: row.completedAt === null ? null : Number(row.completedAt),
    expires_at: row.expiresAt === null ? null : Number(row.expiresAt),
    seconds: String(row.seconds),
    size: row.size,
    // Prompts are kept nowhere.
    prompt: null,
    remixed_from_video_id: null,
    error: code === null ? null : { code, message: `The video could not be made: ${code}.` },
  };
}
