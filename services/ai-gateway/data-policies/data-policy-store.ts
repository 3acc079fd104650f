import type { Database, Sql, Tx } from "@lyss/kit/db/database.ts";
import type { ToldPolicy } from "./data-policy.ts";

const columns = (db: Sql | Tx) => db`
  tenant_id as "tenantId", version, retention_days as "retentionDays", store_bodies as "storeBodies", redact`;

/** The SQL of what tenants allow to be kept. One method, one statement. */
export function createDataPolicyStore({ sql }: Pick<Database, "sql">) {
  return {
    list: () => sql<ToldPolicy[]>`select ${columns(sql)} from data_policy`,

    /** Until the end of the transaction it stays as it is. */
    async hold(tx: Tx, tenantId: string): Promise<ToldPolicy | undefined> {
      const [told] = await tx<ToldPolicy[]>`
        select ${columns(tx)} from data_policy where tenant_id = ${tenantId} for share`;
      return told;
    },

    /** False for one that is not newer than what is there. */
    async put(tx: Tx, { tenantId, version, retentionDays, storeBodies, redact }: ToldPolicy): Promise<boolean> {
      const { count } = await tx`
        insert into data_policy (tenant_id, version, retention_days, store_bodies, redact)
        values (${tenantId}, ${version}, ${retentionDays}, ${storeBodies}, ${[...redact]})
        on conflict (tenant_id) do update set version = excluded.version, retention_days = excluded.retention_days,
          store_bodies = excluded.store_bodies, redact = excluded.redact
        where data_policy.version < excluded.version`;
      return count > 0;
    },
  };
}
