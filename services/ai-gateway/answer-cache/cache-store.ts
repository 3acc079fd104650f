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
}

/** The SQL of the cache. One method, one statement. */
export function createCacheStore(db: Database) {
  const { sql } = db;
  const policyColumns = (on: Sql | Tx) =>
    on`tenant_id as "tenantId", max_age_seconds as "maxAgeSeconds", keys, version, updated_at as "updatedAt"`;
  const rowColumns = (on: Sql | Tx) =>
    on`tenant_id as "tenantId", request_hash as "requestHash", owner_id as "ownerId", call_id as "callId", provider,
      model, usage, content_type as "contentType", answer, created_at as "createdAt", expires_at as "expiresAt"`;
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
          created_at, expires_at)
        values (${row.tenantId}, ${row.requestHash}, ${row.ownerId}, ${row.callId}, ${row.provider}, ${row.model},
          ${JSON.stringify(row.usage)}::text::jsonb, ${row.contentType}, ${row.answer}, ${row.createdAt}, ${row.expiresAt})
        on conflict (tenant_id, request_hash) do update set owner_id = excluded.owner_id, call_id = excluded.call_id,
          provider = excluded.provider, model = excluded.model, usage = excluded.usage,
          content_type = excluded.content_type, answer = excluded.answer, created_at = excluded.created_at,
          expires_at = excluded.expires_at`;
    },

    /** Deletes the oldest until the tenant has no more than that. */
    async trim(tx: Tx, tenantId: string, { answers, bytes }: CacheSize): Promise<void> {
      await tx`
        delete from cached_answer a using (
          select request_hash, row_number() over newest as place, sum(length(answer)) over newest as upto
          from cached_answer where tenant_id = ${tenantId}
          window newest as (order by created_at desc, request_hash)) b
        where a.tenant_id = ${tenantId} and a.request_hash = b.request_hash
          and (b.place > ${answers} or b.upto > ${bytes})`;
    },

    async sizeOf(tenantId: string, now: Date): Promise<CacheSize> {
      const [size] = await sql<{ answers: number; bytes: number }[]>`
        select count(*)::int as answers, coalesce(sum(length(answer)), 0)::float8 as bytes
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

    async putPolicy(tx: Tx, { tenantId, maxAgeSeconds, keys, version, updatedAt }: CachePolicy): Promise<void> {
      await tx`
        insert into cache_policy (tenant_id, max_age_seconds, keys, version, updated_at)
        values (${tenantId}, ${maxAgeSeconds}, ${JSON.stringify(keys)}::text::jsonb, ${version}, ${updatedAt})
        on conflict (tenant_id) do update set max_age_seconds = excluded.max_age_seconds, keys = excluded.keys,
          version = excluded.version, updated_at = excluded.updated_at`;
    },

    async deletePolicy(tx: Tx, tenantId: string): Promise<void> {
      await tx`delete from cache_policy where tenant_id = ${tenantId}`;
    },
  };
}

export type CacheStore = ReturnType<typeof createCacheStore>;
