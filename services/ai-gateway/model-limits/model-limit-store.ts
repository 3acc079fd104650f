import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { ModelLimit, ModelLimitSpec } from "./model-limit.ts";

/** A limit as it is stored: what it is made of, under its name. */
export interface StoredLimit {
  readonly name: string;
  readonly spec: Omit<ModelLimitSpec, "name">;
  readonly version: number;
  readonly updatedAt: Date;
}

/** The SQL of limits that were set by call. One method, one statement. */
export function createModelLimitStore(sql: Sql) {
  return {
    listLimits(): Promise<StoredLimit[]> {
      return sql<StoredLimit[]>`
        select name, spec, version, updated_at as "updatedAt" from model_limit order by name`;
    },

    /** The names and versions of all. Until the end of the transaction nobody else changes any of them. */
    async lockLimits(tx: Tx): Promise<Pick<ModelLimit, "name" | "version">[]> {
      await tx`select pg_advisory_xact_lock(hashtextextended('ai_gateway.model_limit', 0))`;
      return tx<Pick<ModelLimit, "name" | "version">[]>`select name, version from model_limit`;
    },

    async putLimit(tx: Tx, { name, spec, version, updatedAt }: StoredLimit): Promise<void> {
      await tx`
        insert into model_limit (name, spec, version, updated_at)
        values (${name}, ${JSON.stringify(spec)}::text::jsonb, ${version}, ${updatedAt})
        on conflict (name) do update set spec = excluded.spec, version = excluded.version,
          updated_at = excluded.updated_at`;
    },

    async deleteLimit(tx: Tx, name: string): Promise<void> {
      await tx`delete from model_limit where name = ${name}`;
    },

    /** Notes that a limit is told now; false when it was told since then. */
    async markTold(
      tx: Tx,
      { name, tenantId }: { readonly name: string; readonly tenantId: string },
      { now, since }: { readonly now: Date; readonly since: Date },
    ): Promise<boolean> {
      const { count } = await tx`
        insert into model_limit_told (name, tenant_id, told_at) values (${name}, ${tenantId}, ${now})
        on conflict (name, tenant_id) do update set told_at = excluded.told_at
        where model_limit_told.told_at <= ${since}`;
      return count > 0;
    },

    async deleteTold(tx: Tx, name: string): Promise<void> {
      await tx`delete from model_limit_told where name = ${name}`;
    },
  };
}

export type ModelLimitStore = ReturnType<typeof createModelLimitStore>;
