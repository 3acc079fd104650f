import type { Database, Tx } from "@lyss/kit/db/database.ts";
import type { Once } from "../batches/once.ts";
import type { Owner } from "../responses/response-store.ts";
import type { VideoRow } from "./video-row.ts";

/** How a video stands by now. */
export type VideoChange = Pick<
  VideoRow,
  "videoId" | "status" | "progress" | "errorCode" | "completedAt" | "expiresAt" | "isSettled"
>;

export interface VideoPage {
  readonly limit: number;
  readonly order: "asc" | "desc";
  readonly after: string | undefined;
}

/** The SQL of videos. One method, one statement. */
export function createVideoStore(db: Database) {
  const { sql } = db;
  const columns = sql`video_id as "videoId", tenant_id as "tenantId", owner_id as "ownerId", key_id as "keyId",
    user_id as "userId", request_id as "requestId", tags, provider_id as "providerId", model, target_model as "targetModel",
    seconds, size, price_id as "priceId", upstream_id as "upstreamId", status, progress, error_code as "errorCode",
    completed_at as "completedAt", expires_at as "expiresAt", is_settled as "isSettled", polled_at as "polledAt",
    created_at as "createdAt"`;
  const write = async (statement: (tx: Tx) => Promise<{ readonly count: number }>) =>
    (await db.transaction(statement)).count > 0;
  return {
    /** False, and nothing is there, where the owner has made a video with that key. */
    async insert(video: VideoRow, claimedUntil: Date, once: Once | undefined): Promise<boolean> {
      const { videoId, tenantId, ownerId, keyId, userId, requestId, tags, providerId, model, targetModel } = video;
      return write(
        (tx) => tx`
          insert into video (video_id, tenant_id, owner_id, key_id, user_id, request_id, tags, provider_id, model, target_model,
            seconds, size, price_id, status, progress, is_settled, claimed_until, created_at, once_key, once_hash)
          values (${videoId}, ${tenantId}, ${ownerId}, ${keyId}, ${userId}, ${requestId}, ${tags}, ${providerId}, ${model},
            ${targetModel}, ${video.seconds}, ${video.size}, ${video.priceId}, ${video.status}, ${video.progress},
            ${video.isSettled}, ${claimedUntil}, ${video.createdAt}, ${once?.key ?? null}, ${once?.hash ?? null})
          on conflict (tenant_id, owner_id, once_key) where once_key is not null do nothing`,
      );
    },

    async findOnce({ tenantId, ownerId }: Owner, key: string): Promise<(VideoRow & { onceHash: Buffer }) | undefined> {
      const [row] = await sql<(VideoRow & { onceHash: Buffer })[]>`
        select ${columns}, once_hash as "onceHash" from video
        where tenant_id = ${tenantId} and owner_id = ${ownerId} and once_key = ${key}`;
      return row;
    },

    async find({ tenantId, ownerId, videoId }: Owner & { readonly videoId: string }): Promise<VideoRow | undefined> {
      const [row] = await sql<VideoRow[]>`
        select ${columns} from video where video_id = ${videoId} and tenant_id = ${tenantId} and owner_id = ${ownerId}`;
      return row;
    },

    list({ tenantId, ownerId }: Owner, { limit, order, after }: VideoPage): Promise<VideoRow[]> {
      const isUp = order === "asc";
      return sql<VideoRow[]>`
        select ${columns} from video
        where tenant_id = ${tenantId} and owner_id = ${ownerId}
          and ${isUp ? sql`video_id > ${after ?? ""}` : sql`video_id < ${after ?? "~"}`}
        order by video_id ${isUp ? sql`asc` : sql`desc`} limit ${limit}`;
    },

    listOf(tx: Tx, ownerId: string, limit: number): Promise<VideoRow[]> {
      return tx<VideoRow[]>`
        select ${columns} from video where owner_id = ${ownerId} order by video_id desc limit ${limit}`;
    },

    /** Videos under way that nobody has looked at since, the longest first. */
    async listDue(since: Date, limit: number): Promise<readonly string[]> {
      const rows = await sql<{ videoId: string }[]>`
        select video_id as "videoId" from video
        where not is_settled and (polled_at is null or polled_at <= ${since})
        order by polled_at nulls first limit ${limit}`;
      return rows.map(({ videoId }) => videoId);
    },

    /** Takes a video that is under way, unless another node has it; it is nobody's again at `until`. */
    async claim(videoId: string, now: Date, until: Date): Promise<VideoRow | undefined> {
      const [row] = await db.transaction(
        (tx) => tx<VideoRow[]>`
          update video set claimed_until = ${until}
          where video_id = ${videoId} and not is_settled and (claimed_until is null or claimed_until <= ${now})
          returning ${columns}`,
      );
      return row;
    },

    release: (videoId: string, polledAt: Date) =>
      write((tx) => tx`update video set claimed_until = null, polled_at = ${polledAt} where video_id = ${videoId}`),

    /** It is nobody's from then on, and may be looked at by anybody. False where it was given up meanwhile. */
    markTaken: (videoId: string, upstreamId: string) =>
      write(
        (tx) => tx`
        update video set upstream_id = ${upstreamId}, claimed_until = null where video_id = ${videoId} and not is_settled`,
      ),

    change: (change: VideoChange) =>
      write(
        (tx) => tx`
        update video set status = ${change.status}, progress = ${change.progress}, error_code = ${change.errorCode},
          completed_at = ${change.completedAt}, expires_at = ${change.expiresAt}, is_settled = ${change.isSettled}
        where video_id = ${change.videoId} and not is_settled`,
      ),

    /** Those of a person who is gone are nobody's from then on. */
    disownOf: (tx: Tx, ownerId: string) =>
      tx`update video set owner_id = '', once_key = null where owner_id = ${ownerId}`,

    listDisowned: (limit: number): Promise<VideoRow[]> =>
      sql<VideoRow[]>`select ${columns} from video where owner_id = '' and is_settled limit ${limit}`,

    remove: (videoId: string) => write((tx) => tx`delete from video where video_id = ${videoId}`),
  };
}

export type VideoStore = ReturnType<typeof createVideoStore>;
