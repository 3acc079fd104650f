import type { Database, Sql, Tx } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { CachePolicy, CacheSize } from "./cache-policy.ts";

/** Names an answer. */
export interface CachedName {
  readonly tenantId: string;
  readonly requestHash: Buffer;
}

/** An answer as it is stored. */
export interface CachedRow extends CachedName {
  readonly ownerId: string;
  readonly callId: string;
  readonly provider: string;
  readonly model: string;
  /** Buckets and strings of digits. */
  readonly usage: Readonly<Record<string, string>>;
  readonly contentType: string;
  /** Sealed. */
  readonly answer: Buffer;
  readonly createdAt: Date;
  readonly expiresAt: Date;
  /** Where it stands among questions that are compared, and its sealed vector; both or neither. */
  readonly bucketHash?: Buffer | null;
  readonly vector?: Buffer | null;
}

/** Names those that are equal in everything but their text. */
export interface BucketName {
  readonly tenantId: string;
  readonly bucketHash: Buffer;
}

/** The SQL of the cache. One method, one statement. */
export function createCacheStore(db: Database) {
  const { sql } = db;
  const policyColumns = (on: Sql | Tx) =>
    on`tenant_id as "tenantId", max_age_seconds as "maxAgeSeconds", keys, scope, semantic, version,
      updated_at as "updatedAt"`;
  const rowColumns = (on: Sql | Tx) =>
    on`tenant_id as "tenantId", request_hash as "requestHash", owner_id as "ownerId", call_id as "callId", provider,
      model, usage, content_type as "contentType", answer, created_at as "createdAt", expires_at as "expiresAt",
      bucket_hash as "bucketHash"`;
  return {
    async find({ tenantId, requestHash }: CachedName, now: Date): Promise<CachedRow | undefined> {
      const [row] = await sql<CachedRow[]>`
        select ${rowColumns(sql)} from cached_answer
        where tenant_id = ${tenantId} and request_hash = ${requestHash} and expires_at > ${now}`;
      return row;
    },

    async put(tx: Tx, row: CachedRow): Promise<void> {
      await tx`
        insert into cached_answer (tenant_id, request_hash, owner_id, call_id, provider, model, usage, content_type, answer,
          created_at, expires_at, bucket_hash, vector)
        values (${row.tenantId}, ${row.requestHash}, ${row.ownerId}, ${row.callId}, ${row.provider}, ${row.model},
          ${JSON.stringify(row.usage)}::text::jsonb, ${row.contentType}, ${row.answer}, ${row.createdAt}, ${row.expiresAt},
          ${row.bucketHash ?? null}, ${row.vector ?? null})
        on conflict (tenant_id, request_hash) do update set owner_id = excluded.owner_id, call_id = excluded.call_id,
          provider = excluded.provider, model = excluded.model, usage = excluded.usage,
          content_type = excluded.content_type, answer = excluded.answer, created_at = excluded.created_at,
          expires_at = excluded.expires_at, bucket_hash = coalesce(excluded.bucket_hash, cached_answer.bucket_hash),
          vector = coalesce(excluded.vector, cached_answer.vector)`;
    },

    /** What of a bucket was answered since and may be given, the newest first. */
    async listBucket(
      { tenantId, bucketHash }: BucketName,
      { since, now, limit }: { readonly since: Date; readonly now: Date; readonly limit: number },
    ): Promise<Buffer[]> {
      const rows = await sql<Pick<CachedRow, "requestHash">[]>`
        select request_hash as "requestHash" from cached_answer
        where tenant_id = ${tenantId} and bucket_hash = ${bucketHash} and created_at > ${since} and expires_at > ${now}
        order by created_at desc limit ${limit}`;
      return rows.map(({ requestHash }) => requestHash);
    },

    listVectors({ tenantId, bucketHash }: BucketName, requestHashes: readonly Buffer[]) {
      return sql<{ requestHash: Buffer; vector: Buffer }[]>`
        select request_hash as "requestHash", vector from cached_answer
        where tenant_id = ${tenantId} and request_hash = any(${[...requestHashes]}::bytea[])
          and bucket_hash = ${bucketHash}`;
    },

    /** Deletes the oldest until the tenant has no more than that. */
    async trim(tx: Tx, tenantId: string, { answers, bytes }: CacheSize): Promise<void> {
      await tx`
        delete from cached_answer a using (
          select request_hash, row_number() over newest as place, sum(length(answer) + coalesce(length(vector), 0)) over newest as upto
          from cached_answer where tenant_id = ${tenantId}
          window newest as (order by created_at desc, request_hash)) b
        where a.tenant_id = ${tenantId} and a.request_hash = b.request_hash
          and (b.place > ${answers} or b.upto > ${bytes})`;
    },

    async sizeOf(tenantId: string, now: Date): Promise<CacheSize> {
      const [size] = await sql<{ answers: number; bytes: number }[]>`
        select count(*)::int as answers, coalesce(sum(length(answer) + coalesce(length(vector), 0)), 0)::float8 as bytes
        from cached_answer where tenant_id = ${tenantId} and expires_at > ${now}`;
      return size ?? { answers: 0, bytes: 0 };
    },

    async purge(tenantId: string): Promise<number> {
      const result = await db.transaction((tx) => tx`delete from cached_answer where tenant_id = ${tenantId}`);
      return result.count;
    },

    async deleteOf(tx: Tx, ownerId: string): Promise<void> {
      await tx`delete from cached_answer where owner_id = ${ownerId}`;
    },

    /** What an owner asked first, the newest first: at most `maxRows`, and none beyond the one with which they are larger than `maxBytes`. */
    listOf(tx: Tx, ownerId: string, { maxRows, maxBytes }: { maxRows: number; maxBytes: number }) {
      return tx<CachedRow[]>`
        select ${rowColumns(tx)} from (
          select *, sum(length(answer)) over (order by created_at desc, request_hash) as bytes
          from cached_answer where owner_id = ${ownerId}) as owned
        where bytes <= ${maxBytes} order by created_at desc, request_hash limit ${maxRows}`;
    },

    deleteExpired: (now: Date, limit: number) => deleteExpired(db, "cached_answer", { now, limit }),

    listPolicies(): Promise<CachePolicy[]> {
      return sql<CachePolicy[]>`select ${policyColumns(sql)} from cache_policy order by tenant_id`;
    },

    /** Until the end of the transaction nobody else changes it. */
    async lockPolicy(tx: Tx, tenantId: string): Promise<CachePolicy | undefined> {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`ai_gateway.cache_policy ${tenantId}`}, 0))`;
      const [policy] = await tx<CachePolicy[]>`
        select ${policyColumns(tx)} from cache_policy where tenant_id = ${tenantId}`;
      return policy;
    },

    async putPolicy(tx: Tx, policy: CachePolicy): Promise<void> {
      const { tenantId, maxAgeSeconds, keys, scope, semantic, version, updatedAt } = policy;
      await tx`
        insert into cache_policy (tenant_id, max_age_seconds, keys, scope, semantic, version, updated_at)
        values (${tenantId}, ${maxAgeSeconds}, ${JSON.stringify(keys)}::text::jsonb, ${scope},
          ${semantic && JSON.stringify(semantic)}::text::jsonb, ${version}, ${updatedAt})
        on conflict (tenant_id) do update set max_age_seconds = excluded.max_age_seconds, keys = excluded.keys,
          scope = excluded.scope, semantic = excluded.semantic, version = excluded.version, updated_at = excluded.updated_at`;
    },

    async deletePolicy(tx: Tx, tenantId: string): Promise<void> {
      await tx`delete from cache_policy where tenant_id = ${tenantId}`;
    },
  };
}

export type CacheStore = ReturnType<typeof createCacheStore>;
