import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Prompt, PromptName, PromptVersion } from "./prompt.ts";

type On = Sql | Tx;

const promptColumns = (sql: On) =>
  sql`tenant_id as "tenantId", name, latest_version as "latestVersion", labels, updated_at as "updatedAt"`;
const versionColumns = (sql: On) => sql`version, spec, actor_id as "actorId", created_at as "createdAt"`;

/** The SQL of prompts. One method, one statement. */
export function createPromptStore(sql: Sql) {
  return {
    /** By name, one more than the page holds. */
    listPrompts({ tenantId, after, limit }: { tenantId: string; after: string; limit: number }): Promise<Prompt[]> {
      return sql<Prompt[]>`
        select ${promptColumns(sql)} from prompt where tenant_id = ${tenantId} and name > ${after}
        order by name limit ${limit + 1}`;
    },

    async findPrompt(on: On, { tenantId, name }: PromptName): Promise<Prompt | undefined> {
      const [found] = await on<Prompt[]>`
        select ${promptColumns(on)} from prompt where tenant_id = ${tenantId} and name = ${name}`;
      return found;
    },

    /** Until the end of the transaction nobody else changes any prompt of the tenant. */
    async lockPrompts(tx: Tx, tenantId: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`ai_gateway.prompt ${tenantId}`}, 0))`;
    },

    async countPrompts(tx: Tx, tenantId: string): Promise<number> {
      const [row] = await tx<{ count: number }[]>`
        select count(*)::int as count from prompt where tenant_id = ${tenantId}`;
      return row?.count ?? 0;
    },

    async putPrompt(tx: Tx, { tenantId, name, latestVersion, labels, updatedAt }: Prompt): Promise<void> {
      await tx`
        insert into prompt (tenant_id, name, latest_version, labels, updated_at)
        values (${tenantId}, ${name}, ${latestVersion}, ${JSON.stringify(labels)}::text::jsonb, ${updatedAt})
        on conflict (tenant_id, name) do update set latest_version = excluded.latest_version,
          labels = excluded.labels, updated_at = excluded.updated_at`;
    },

    /** With all of its versions. */
    async deletePrompt(tx: Tx, { tenantId, name }: PromptName): Promise<void> {
      await tx`delete from prompt where tenant_id = ${tenantId} and name = ${name}`;
    },

    async addVersion(tx: Tx, { tenantId, name }: PromptName, added: PromptVersion): Promise<void> {
      const { version, spec, actorId, createdAt } = added;
      await tx`
        insert into prompt_version (tenant_id, name, version, spec, actor_id, created_at)
        values (${tenantId}, ${name}, ${version}, ${JSON.stringify(spec)}::text::json, ${actorId}, ${createdAt})`;
    },

    async findVersion(on: On, { tenantId, name }: PromptName, version: number): Promise<PromptVersion | undefined> {
      const [found] = await on<PromptVersion[]>`
        select ${versionColumns(on)} from prompt_version
        where tenant_id = ${tenantId} and name = ${name} and version = ${version}`;
      return found;
    },

    /** The newest first, one more than the page holds. */
    listVersions({ tenantId, name }: PromptName, { before, limit }: VersionPage): Promise<PromptVersion[]> {
      return sql<PromptVersion[]>`
        select ${versionColumns(sql)} from prompt_version
        where tenant_id = ${tenantId} and name = ${name} and version < ${before}
        order by version desc limit ${limit + 1}`;
    },
  };
}

interface VersionPage {
  readonly before: number;
  readonly limit: number;
}

export type PromptStore = ReturnType<typeof createPromptStore>;
