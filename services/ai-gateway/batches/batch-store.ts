import type { Database, Tx } from "@lyss/kit/db/database.ts";
import type { Owner } from "../responses/response-store.ts";
import type { BatchDialect, BatchName, BatchRow } from "./batch-row.ts";
import type { FileName } from "./file-store.ts";
import type { Once } from "./once.ts";

/** How a batch stands by now. */
export type BatchChange = Pick<
  BatchRow,
  "batchId" | "status" | "progress" | "outputFileId" | "errorFileId" | "isSettled"
>;

export interface BatchPage {
  readonly dialect: BatchDialect;
  readonly limit: number;
  readonly after: string | undefined;
  readonly before?: string | undefined;
}

/** The SQL of batches. One method, one statement. */
export function createBatchStore(db: Database) {
  const { sql } = db;
  const columns = sql`batch_id as "batchId", dialect, tenant_id as "tenantId", owner_id as "ownerId", key_id as "keyId",
    user_id as "userId", request_id as "requestId", tags, input_file_id as "inputFileId", provider_id as "providerId", model,
    target_model as "targetModel", endpoint, metadata, price_id as "priceId", most_nanos as "mostNanos", most_tokens as "mostTokens", is_held as "isHeld",
    upstream_id as "upstreamId", is_cancel_wanted as "isCancelWanted", status, progress, output_file_id as "outputFileId",
    error_file_id as "errorFileId", is_settled as "isSettled", polled_at as "polledAt", created_at as "createdAt"`;
  const write = async (statement: (tx: Tx) => Promise<{ readonly count: number }>) =>
    (await db.transaction(statement)).count > 0;
  return {
    /** False, and nothing is there, where the owner has made a batch with that key. */
    async insert(batch: BatchRow, claimedUntil: Date, once: Once | undefined): Promise<boolean> {
      const metadata = batch.metadata && JSON.stringify(batch.metadata);
      const { batchId, tenantId, ownerId, keyId, userId, requestId, tags, inputFileId, providerId, model } = batch;
      return write(
        (tx) => tx`
          insert into batch (batch_id, dialect, tenant_id, owner_id, key_id, user_id, request_id, tags, input_file_id, provider_id,
            model, target_model, endpoint, metadata, price_id, most_nanos, most_tokens, is_held, upstream_id, is_cancel_wanted, status,
            progress, is_settled, claimed_until, created_at, once_key, once_hash)
          values (${batchId}, ${batch.dialect}, ${tenantId}, ${ownerId}, ${keyId}, ${userId}, ${requestId}, ${tags}, ${inputFileId},
            ${providerId}, ${model}, ${batch.targetModel}, ${batch.endpoint}, ${metadata}::text::jsonb, ${batch.priceId}, ${batch.mostNanos},
            ${batch.mostTokens}, ${batch.isHeld}, ${batch.upstreamId}, ${batch.isCancelWanted}, ${batch.status},
            ${JSON.stringify(batch.progress)}::text::jsonb, ${batch.isSettled}, ${claimedUntil}, ${batch.createdAt},
            ${once?.key ?? null}, ${once?.hash ?? null})
          on conflict (tenant_id, owner_id, once_key) where once_key is not null do nothing`,
      );
    },

    async findOnce({ tenantId, ownerId }: Owner, key: string): Promise<(BatchRow & { onceHash: Buffer }) | undefined> {
      const [row] = await sql<(BatchRow & { onceHash: Buffer })[]>`
        select ${columns}, once_hash as "onceHash" from batch
        where tenant_id = ${tenantId} and owner_id = ${ownerId} and once_key = ${key}`;
      return row;
    },

    async find({ tenantId, ownerId, batchId, dialect }: BatchName): Promise<BatchRow | undefined> {
      const [row] = await sql<BatchRow[]>`
        select ${columns} from batch
        where batch_id = ${batchId} and tenant_id = ${tenantId} and owner_id = ${ownerId} and dialect = ${dialect}`;
      return row;
    },

    /** Whose answers a file is. */
    async findByAnswers({ tenantId, ownerId, fileId }: FileName): Promise<BatchRow | undefined> {
      const [row] = await sql<BatchRow[]>`
        select ${columns} from batch
        where tenant_id = ${tenantId} and owner_id = ${ownerId} and ${fileId} in (output_file_id, error_file_id)`;
      return row;
    },

    /** The newest first: those behind one, or else the nearest before one. */
    async list({ tenantId, ownerId }: Owner, { dialect, limit, after, before }: BatchPage): Promise<BatchRow[]> {
      const isUp = before !== undefined && after === undefined;
      const rows = await sql<BatchRow[]>`
        select ${columns} from batch
        where tenant_id = ${tenantId} and owner_id = ${ownerId} and dialect = ${dialect}
          and ${isUp ? sql`batch_id > ${before}` : sql`batch_id < ${after ?? "~"}`}
        order by batch_id ${isUp ? sql`asc` : sql`desc`} limit ${limit}`;
      return isUp ? rows.toReversed() : rows;
    },

    listOf(tx: Tx, ownerId: string, limit: number): Promise<BatchRow[]> {
      return tx<BatchRow[]>`
        select ${columns} from batch where owner_id = ${ownerId} order by batch_id desc limit ${limit}`;
    },

    async countOpen(tenantId: string): Promise<number> {
      const [row] = await sql<{ count: number }[]>`
        select count(*)::int as count from batch where tenant_id = ${tenantId} and not is_settled`;
      return row?.count ?? 0;
    },

    /** Batches under way that nobody has looked at since, the longest first. */
    async listDue(since: Date, limit: number): Promise<readonly string[]> {
      const rows = await sql<{ batchId: string }[]>`
        select batch_id as "batchId" from batch
        where not is_settled and (polled_at is null or polled_at <= ${since})
        order by polled_at nulls first limit ${limit}`;
      return rows.map(({ batchId }) => batchId);
    },

    /** Takes a batch that is under way, unless another node has it; it is nobody's again at `until`. */
    async claim(batchId: string, now: Date, until: Date): Promise<BatchRow | undefined> {
      const [row] = await db.transaction(
        (tx) => tx<BatchRow[]>`
          update batch set claimed_until = ${until}
          where batch_id = ${batchId} and not is_settled and (claimed_until is null or claimed_until <= ${now})
          returning ${columns}`,
      );
      return row;
    },

    /** `polledAt` is when its provider was asked for it; null for never. */
    release: (batchId: string, polledAt: Date | null) =>
      write((tx) => tx`update batch set claimed_until = null, polled_at = ${polledAt} where batch_id = ${batchId}`),

    markHeld: (batchId: string) => write((tx) => tx`update batch set is_held = true where batch_id = ${batchId}`),

    markTaken: (batchId: string, upstreamId: string) =>
      write((tx) => tx`update batch set upstream_id = ${upstreamId} where batch_id = ${batchId}`),

    wantCancel: (batchId: string) =>
      write(
        (tx) => tx`
        update batch set is_cancel_wanted = true,
          status = case when status in ('validating', 'in_progress') then 'cancelling' else status end
        where batch_id = ${batchId} and not is_settled`,
      ),

    /** Those of a person who is gone are nobody's from then on. */
    disownOf: (tx: Tx, ownerId: string) => tx`
      update batch set is_cancel_wanted = true, metadata = null, once_key = null, owner_id = '' where owner_id = ${ownerId}`,

    async change(tx: Tx, change: BatchChange): Promise<void> {
      await tx`
        update batch set status = ${change.status}, progress = ${JSON.stringify(change.progress)}::text::jsonb,
          output_file_id = ${change.outputFileId}, error_file_id = ${change.errorFileId}, is_settled = ${change.isSettled}
        where batch_id = ${change.batchId}`;
    },

    /** One that nothing was done for. */
    remove: (batchId: string) => write((tx) => tx`delete from batch where batch_id = ${batchId}`),

    removeIn: (tx: Tx, batchId: string) => tx`delete from batch where batch_id = ${batchId}`,

    removeDisowned: () => write((tx) => tx`delete from batch where owner_id = '' and is_settled`),
  };
}

export type BatchStore = ReturnType<typeof createBatchStore>;
