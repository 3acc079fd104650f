import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { CallDefaults, CallDefaultsKey } from "./call-defaults.ts";

const columns = (on: Sql | Tx) =>
  on`tenant_id as "tenantId", key_id as "keyId", aliases, parameters, version, updated_at as "updatedAt"`;

/** The SQL of what is said for calls. One method, one statement. */
export function createCallDefaultsStore(sql: Sql) {
  return {
    listAll(): Promise<CallDefaults[]> {
      return sql<CallDefaults[]>`select ${columns(sql)} from call_defaults order by tenant_id, key_id`;
    },

    /** A tenant's. Until the end of the transaction nobody else changes any of them. */
    async lockAll(tx: Tx, tenantId: string): Promise<CallDefaults[]> {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`ai_gateway.call_defaults ${tenantId}`}, 0))`;
      return tx<CallDefaults[]>`select ${columns(tx)} from call_defaults where tenant_id = ${tenantId}`;
    },

    async put(tx: Tx, { tenantId, keyId, aliases, parameters, version, updatedAt }: CallDefaults): Promise<void> {
      await tx`
        insert into call_defaults (tenant_id, key_id, aliases, parameters, version, updated_at)
        values (${tenantId}, ${keyId}, ${JSON.stringify(aliases)}::text::jsonb,
          ${JSON.stringify(parameters)}::text::jsonb, ${version}, ${updatedAt})
        on conflict (tenant_id, key_id) do update set aliases = excluded.aliases, parameters = excluded.parameters,
          version = excluded.version, updated_at = excluded.updated_at`;
    },

    async delete(tx: Tx, { tenantId, keyId }: CallDefaultsKey): Promise<void> {
      await tx`delete from call_defaults where tenant_id = ${tenantId} and key_id = ${keyId}`;
    },
  };
}

export type CallDefaultsStore = ReturnType<typeof createCallDefaultsStore>;
