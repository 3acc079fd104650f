import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Guardrail, GuardrailName } from "./guardrail.ts";

/** The SQL of guardrails. One method, one statement. */
export function createGuardrailStore(sql: Sql) {
  return {
    listGuardrails(): Promise<Guardrail[]> {
      return sql<Guardrail[]>`
        select tenant_id as "tenantId", name, spec, credential_id as "credentialId", version, updated_at as "updatedAt"
        from guardrail
        order by tenant_id, name`;
    },

    /** The names and versions of the tenant's. Until the end of the transaction nobody else changes any of them. */
    async lockGuardrails(tx: Tx, tenantId: string): Promise<Pick<Guardrail, "name" | "version">[]> {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`ai_gateway.guardrail ${tenantId}`}, 0))`;
      return tx<Pick<Guardrail, "name" | "version">[]>`
        select name, version from guardrail where tenant_id = ${tenantId}`;
    },

    async putGuardrail(tx: Tx, { tenantId, name, spec, credentialId, version, updatedAt }: Guardrail): Promise<void> {
      await tx`
        insert into guardrail (tenant_id, name, spec, credential_id, version, updated_at)
        values (${tenantId}, ${name}, ${JSON.stringify(spec)}::text::json, ${credentialId}, ${version}, ${updatedAt})
        on conflict (tenant_id, name) do update set spec = excluded.spec, credential_id = excluded.credential_id,
          version = excluded.version, updated_at = excluded.updated_at`;
    },

    async deleteGuardrail(tx: Tx, { tenantId, name }: GuardrailName): Promise<void> {
      await tx`delete from guardrail where tenant_id = ${tenantId} and name = ${name}`;
    },
  };
}

export type GuardrailStore = ReturnType<typeof createGuardrailStore>;
