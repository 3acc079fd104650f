import type { Database, Tx } from "@lyss/kit/db/database.ts";
import type { Once } from "../batches/once.ts";
import type { Owner } from "../responses/response-store.ts";
import type { JobRow } from "./job.ts";

export interface JobName extends Owner {
  readonly jobId: string;
}

export interface JobPage {
  readonly limit: number;
  readonly after: string | undefined;
}

/** The SQL of fine-tuning jobs. One method, one statement. */
export function createJobStore(db: Database) {
  const { sql } = db;
  const columns = sql`job_id as "jobId", tenant_id as "tenantId", owner_id as "ownerId", provider_id as "providerId", model,
    target_model as "targetModel", training_file_id as "trainingFileId", validation_file_id as "validationFileId", metadata,
    upstream_id as "upstreamId", seen, is_over as "isOver", polled_at as "polledAt", created_at as "createdAt"`;
  return {
    /** False, and nothing is there, where the owner has made a job with that key. */
    async insert(job: JobRow, once: Once | undefined): Promise<boolean> {
      const { jobId, tenantId, ownerId, providerId, model, targetModel, trainingFileId, validationFileId } = job;
      const metadata = job.metadata && JSON.stringify(job.metadata);
      const { count } = await db.transaction(
        (tx) => tx`
          insert into fine_tuning_job (job_id, tenant_id, owner_id, provider_id, model, target_model, training_file_id,
            validation_file_id, metadata, created_at, once_key, once_hash)
          values (${jobId}, ${tenantId}, ${ownerId}, ${providerId}, ${model}, ${targetModel}, ${trainingFileId},
            ${validationFileId}, ${metadata}::text::jsonb, ${job.createdAt}, ${once?.key ?? null}, ${once?.hash ?? null})
          on conflict (tenant_id, owner_id, once_key) where once_key is not null do nothing`,
      );
      return count > 0;
    },

    async findOnce({ tenantId, ownerId }: Owner, key: string): Promise<(JobRow & { onceHash: Buffer }) | undefined> {
      const [row] = await sql<(JobRow & { onceHash: Buffer })[]>`
        select ${columns}, once_hash as "onceHash" from fine_tuning_job
        where tenant_id = ${tenantId} and owner_id = ${ownerId} and once_key = ${key}`;
      return row;
    },

    async find({ tenantId, ownerId, jobId }: JobName): Promise<JobRow | undefined> {
      const [row] = await sql<JobRow[]>`
        select ${columns} from fine_tuning_job
        where job_id = ${jobId} and tenant_id = ${tenantId} and owner_id = ${ownerId}`;
      return row;
    },

    /** The newest first. */
    list({ tenantId, ownerId }: Owner, { limit, after }: JobPage): Promise<JobRow[]> {
      return sql<JobRow[]>`
        select ${columns} from fine_tuning_job
        where tenant_id = ${tenantId} and owner_id = ${ownerId} and job_id < ${after ?? "~"}
        order by job_id desc limit ${limit}`;
    },

    /** What its provider says of it by now. */
    async see({ jobId, upstreamId, seen, isOver, polledAt }: JobRow): Promise<void> {
      await db.transaction(
        (tx) => tx`
          update fine_tuning_job set upstream_id = ${upstreamId}, seen = ${seen && JSON.stringify(seen)}::text::jsonb,
            is_over = ${isOver}, polled_at = ${polledAt}
          where job_id = ${jobId}`,
      );
    },

    /** One that its provider does not have. */
    async remove(jobId: string): Promise<void> {
      await db.transaction((tx) => tx`delete from fine_tuning_job where job_id = ${jobId}`);
    },

    listOf(tx: Tx, ownerId: string, limit: number): Promise<JobRow[]> {
      return tx<JobRow[]>`
        select ${columns} from fine_tuning_job where owner_id = ${ownerId} order by job_id desc limit ${limit}`;
    },

    /** What runs at an account of the tenant's goes on there. */
    async removeOf(tx: Tx, ownerId: string): Promise<void> {
      await tx`delete from fine_tuning_job where owner_id = ${ownerId}`;
    },
  };
}

export type JobStore = ReturnType<typeof createJobStore>;
