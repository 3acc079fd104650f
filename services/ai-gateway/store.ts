import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Provider } from "./model.ts";

/** The gateway's SQL. One method, one statement. */
export function createAiGatewayStore(sql: Sql) {
  return {
    /** Every tenant's own providers, for the catalog. */
    listProviders(): Promise<Provider[]> {
      return sql<Provider[]>`
        select provider_id as "providerId", tenant_id as "tenantId", name, dialect, base_url as "baseUrl",
          'tenant' as source, 'cancel' as "onDisconnect", true as "serverTools", credential_id as "credentialId", models, created_at as "createdAt",
          api_version as "apiVersion", unsupported_parameters as "unsupportedParameters",
          data_policy as "dataPolicy", region
        from provider order by tenant_id, created_at, provider_id`;
    },

    /** Writes the provider under its tenant and name; an existing one keeps its id and gets everything else. */
    async putProvider(tx: Tx, provider: Provider): Promise<void> {
      const { providerId, tenantId, name, dialect, baseUrl, credentialId } = provider;
      const { apiVersion = "", unsupportedParameters = "refuse", dataPolicy = "unknown", region = "" } = provider;
      await tx`
        insert into provider (provider_id, tenant_id, name, dialect, base_url, credential_id, api_version,
          unsupported_parameters, data_policy, region, models)
        values (${providerId}, ${tenantId}, ${name}, ${dialect}, ${baseUrl}, ${credentialId}, ${apiVersion},
          ${unsupportedParameters}, ${dataPolicy}, ${region}, ${JSON.stringify(provider.models)}::text::jsonb)
        on conflict (tenant_id, name) do update set dialect = excluded.dialect, base_url = excluded.base_url,
          credential_id = excluded.credential_id, api_version = excluded.api_version,
          unsupported_parameters = excluded.unsupported_parameters, data_policy = excluded.data_policy,
          region = excluded.region,
          models = excluded.models, updated_at = now()`;
    },

    async deleteProvider(tx: Tx, tenantId: string, name: string): Promise<boolean> {
      const result = await tx`delete from provider where tenant_id = ${tenantId} and name = ${name}`;
      return result.count > 0;
    },
  };
}

export type AiGatewayStore = ReturnType<typeof createAiGatewayStore>;
