import type { Database, Sql, Tx } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { BodyPolicy, BodyPolicySpec } from "./body-policy.ts";
import type { BodyFacts, BodyFilter, BodyRow, OpenableBody, StoredBodyKey } from "./request-body.ts";

const factColumns = (db: Sql | Tx) => db`
  call_id as "callId", b.tenant_id as "tenantId", user_id as "userId", key_id as "keyId", model, surface,
  is_complete as "isComplete", is_truncated as "isTruncated", started_at as "startedAt", expires_at as "expiresAt"`;
const policyColumns = (db: Sql | Tx) => db`
  tenant_id as "tenantId", spec, version, updated_at as "updatedAt", purged_at as "purgedAt"`;

/** The SQL of what is kept of calls. One method, one statement. What has no key any more is not there. */
export function createBodyStore(db: Database) {
  const { sql } = db;
  const openable = (given: Sql | Tx) => given`
    select ${factColumns(given)}, b.data_key_id as "dataKeyId", sealed, wrapping_key_id as "wrappingKeyId", wrapped
    from request_body as b join request_body_key as k on k.data_key_id = b.data_key_id`;
  return {
    listPolicies: () => sql<BodyPolicy[]>`select ${policyColumns(sql)} from request_body_policy order by tenant_id`,

    /** Until the end of the transaction nobody else changes it. */
    async lockPolicy(tx: Tx, tenantId: string): Promise<BodyPolicy | undefined> {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`ai_gateway.request_body_policy ${tenantId}`}, 0))`;
      const [policy] = await tx<BodyPolicy[]>`
        select ${policyColumns(tx)} from request_body_policy where tenant_id = ${tenantId} for update`;
      return policy;
    },

    /** Until the end of the transaction it stays as it is. */
    async holdPolicy(tx: Tx, tenantId: string): Promise<BodyPolicy | undefined> {
      const [policy] = await tx<BodyPolicy[]>`
        select ${policyColumns(tx)} from request_body_policy where tenant_id = ${tenantId} for share`;
      return policy;
    },

    async putPolicy(tx: Tx, { tenantId, spec, version, updatedAt, purgedAt }: BodyPolicy): Promise<void> {
      await tx`
        insert into request_body_policy (tenant_id, spec, version, updated_at, purged_at)
        values (${tenantId}, ${JSON.stringify(spec satisfies BodyPolicySpec)}::text::jsonb, ${version}, ${updatedAt}, ${purgedAt})
        on conflict (tenant_id) do update set spec = excluded.spec, version = excluded.version,
          updated_at = excluded.updated_at, purged_at = excluded.purged_at`;
    },

    deletePolicy: (tx: Tx, tenantId: string) => tx`delete from request_body_policy where tenant_id = ${tenantId}`,

    /** The tenant's key; none is another's by the time it is given. */
    async findKey(tx: Tx, tenantId: string): Promise<StoredBodyKey | undefined> {
      const [key] = await tx<StoredBodyKey[]>`
        select tenant_id as "tenantId", data_key_id as "dataKeyId", wrapping_key_id as "wrappingKeyId", wrapped
        from request_body_key where tenant_id = ${tenantId} for share`;
      return key;
    },

    /** One that is there already stays. */
    insertKey: (tx: Tx, { tenantId, dataKeyId, wrappingKeyId, wrapped }: StoredBodyKey, createdAt: Date) => tx`
      insert into request_body_key (tenant_id, data_key_id, wrapping_key_id, wrapped, created_at)
      values (${tenantId}, ${dataKeyId}, ${wrappingKeyId}, ${wrapped}, ${createdAt}) on conflict do nothing`,

    deleteKey: (tx: Tx, tenantId: string) => tx`delete from request_body_key where tenant_id = ${tenantId}`,

    /** One that is there already stays as it is. */
    insert: (tx: Tx, row: BodyRow) => tx`
      insert into request_body (call_id, tenant_id, user_id, key_id, model, surface, data_key_id, sealed, is_complete,
        is_truncated, started_at, expires_at)
      values (${row.callId}, ${row.tenantId}, ${row.userId}, ${row.keyId}, ${row.model}, ${row.surface}, ${row.dataKeyId},
        ${row.sealed}, ${row.isComplete}, ${row.isTruncated}, ${row.startedAt}, ${row.expiresAt})
      on conflict (call_id) do nothing`,

    async find(tenantId: string, callId: string, now: Date): Promise<OpenableBody | undefined> {
      const [row] = await sql<OpenableBody[]>`
        ${openable(sql)} where call_id = ${callId} and b.tenant_id = ${tenantId} and expires_at > ${now}`;
      return row;
    },

    findAll: (tenantId: string, callIds: readonly string[], now: Date) => sql<OpenableBody[]>`
      ${openable(sql)} where call_id = any(${callIds as string[]}::text[]) and b.tenant_id = ${tenantId} and expires_at > ${now}`,

    /** Newest first, from behind `after` on. */
    list(
      { tenantId, userId, keyId, model, from, to }: BodyFilter,
      page: { readonly after: readonly [Date, string] | undefined; readonly limit: number; readonly now: Date },
    ): Promise<BodyFacts[]> {
      const { after } = page;
      return sql<BodyFacts[]>`
        select ${factColumns(sql)} from request_body as b join request_body_key as k on k.data_key_id = b.data_key_id
        where b.tenant_id = ${tenantId} and expires_at > ${page.now}
          ${userId === undefined ? sql`` : sql`and user_id = ${userId}`}
          ${keyId === undefined ? sql`` : sql`and key_id = ${keyId}`}
          ${model === undefined ? sql`` : sql`and model = ${model}`}
          ${from === undefined ? sql`` : sql`and started_at >= ${from}`}
          ${to === undefined ? sql`` : sql`and started_at < ${to}`}
          ${after === undefined ? sql`` : sql`and (started_at, call_id) < (${after[0]}::timestamptz, ${after[1]}::text)`}
        order by started_at desc, call_id desc limit ${page.limit}`;
    },

    /** Of a person, the newest first, until they come to so many bytes. */
    listOf: (tx: Tx, userId: string, { maxRows, maxBytes }: { readonly maxRows: number; readonly maxBytes: number }) =>
      tx<OpenableBody[]>`
        select * from (
          select own.*, sum(length(sealed)) over (order by "startedAt" desc, "callId" desc) as total
          from (${openable(tx)} where user_id = ${userId}) as own
        ) as counted where total <= ${maxBytes} order by "startedAt" desc, "callId" desc limit ${maxRows}`,

    async countReadable(tx: Tx, tenantId: string): Promise<number> {
      const [found] = await tx<{ rows: number }[]>`
        select count(*)::int as rows from request_body as b join request_body_key as k on k.data_key_id = b.data_key_id
        where b.tenant_id = ${tenantId}`;
      return found?.rows ?? 0;
    },

    async sizeOf(tenantId: string): Promise<{ readonly calls: number; readonly bytes: number }> {
      const [size] = await sql<{ calls: number; bytes: number }[]>`
        select count(*)::int as calls, coalesce(sum(length(sealed)), 0)::float8 as bytes
        from request_body as b join request_body_key as k on k.data_key_id = b.data_key_id
        where b.tenant_id = ${tenantId}`;
      return size ?? { calls: 0, bytes: 0 };
    },

    /** False when there was none. */
    async remove(tx: Tx, tenantId: string, callId: string): Promise<boolean> {
      const { count } = await tx`delete from request_body where call_id = ${callId} and tenant_id = ${tenantId}`;
      return count > 0;
    },

    removeOf: (tx: Tx, userId: string) => tx`delete from request_body where user_id = ${userId} and user_id <> ''`,

    deleteExpired: (now: Date, limit: number) => deleteExpired(db, "request_body", { now, limit }),

    /** Those whose key is gone; gives how many. */
    async deleteShredded(limit: number): Promise<number> {
      const { count } = await db.transaction(
        (tx) => tx`
          delete from request_body where ctid in (
            select b.ctid from request_body as b
            where not exists (select from request_body_key as k where k.data_key_id = b.data_key_id)
            limit ${limit} for update skip locked)`,
      );
      return count;
    },
  };
}

export type BodyStore = ReturnType<typeof createBodyStore>;
