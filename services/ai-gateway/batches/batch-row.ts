import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Owner } from "../responses/response-store.ts";
import type { BatchEndpoint } from "./request-line.ts";

export const batchStatuses = [
  "validating",
  "in_progress",
  "finalizing",
  "completed",
  "failed",
  "expired",
  "cancelling",
  "cancelled",
] as const;
export type BatchStatus = (typeof batchStatuses)[number];

const endings: ReadonlySet<BatchStatus> = new Set(["completed", "failed", "expired", "cancelled"]);

export function hasEnded(status: BatchStatus): boolean {
  return endings.has(status);
}

export const timeNames = [
  ...(["in_progress_at", "expires_at", "finalizing_at", "completed_at"] as const),
  ...(["failed_at", "expired_at", "cancelling_at", "cancelled_at"] as const),
];
export type TimeName = (typeof timeNames)[number];

/** A thing that is wrong with a batch as a whole. */
export interface BatchError {
  readonly code: string;
  readonly message: string;
  readonly param: string | null;
  readonly line: number | null;
}

/** What changes of a batch while it is under way. */
export interface BatchProgress {
  readonly counts: {
    readonly total: number;
    readonly completed: number;
    readonly failed: number;
    /** Of those that failed, those that were made; known once it has ended. */
    readonly errored?: number;
  };
  /** Unix seconds. */
  readonly times: { readonly [T in TimeName]?: number };
  readonly errors: readonly BatchError[];
}

/** In whose form a batch was asked for, and is shown. */
export type BatchDialect = "openai" | "anthropic" | "gemini";

export interface BatchRow extends Owner {
  readonly batchId: string;
  readonly dialect: BatchDialect;
  readonly keyId: string;
  readonly userId: string;
  readonly requestId: string;
  readonly tags: TagsText;
  readonly inputFileId: string;
  readonly providerId: string;
  /** As its requests name it, and as its provider's account has it. */
  readonly model: string;
  readonly targetModel: string;
  readonly endpoint: BatchEndpoint;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly priceId: string;
  readonly mostNanos: bigint;
  readonly mostTokens: bigint;
  readonly isHeld: boolean;
  readonly upstreamId: string | null;
  readonly isCancelWanted: boolean;
  readonly status: BatchStatus;
  readonly progress: BatchProgress;
  readonly outputFileId: string | null;
  readonly errorFileId: string | null;
  readonly isSettled: boolean;
  readonly polledAt: Date | null;
  readonly createdAt: Date;
}

/** Names one batch of an owner, as it was asked for. */
export interface BatchName extends Owner {
  readonly batchId: string;
  readonly dialect: BatchDialect;
}
