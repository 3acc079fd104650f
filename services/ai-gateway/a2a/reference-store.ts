import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Reference } from "./protocol.ts";

/** Whose a task or context is: of one key, or of one person who is signed in. */
export interface ReferenceOwner {
  readonly serverId: string;
  readonly tenantId: string;
  readonly ownerId: string;
}

/** The SQL of who began which task at an agent. One method, one statement. */
export function createReferenceStore(sql: Sql) {
  return {
    /** True when all are the owner's: those that nobody has had become so, and all are kept until `expiresAt`. A repeat changes nothing else. */
    async claim(
      { serverId, tenantId, ownerId }: ReferenceOwner,
      references: readonly Reference[],
      expiresAt: Date,
    ): Promise<boolean> {
      const { count } = await sql`
        insert into agent_reference (server_id, kind, id, tenant_id, owner_id, expires_at)
        select ${serverId}, named.kind, named.id, ${tenantId}, ${ownerId}, ${expiresAt}
        from jsonb_to_recordset(${JSON.stringify(references)}::text::jsonb) as named(kind text, id text)
        order by named.kind, named.id
        on conflict (server_id, kind, id) do update set expires_at = excluded.expires_at
        where agent_reference.tenant_id = excluded.tenant_id and agent_reference.owner_id = excluded.owner_id`;
      return count === references.length;
    },

    /** The first of them that is not the owner's; undefined when all are. */
    async findForeign(
      { serverId, tenantId, ownerId }: ReferenceOwner,
      references: readonly Reference[],
    ): Promise<string | undefined> {
      const [row] = await sql<{ id: string }[]>`
        select named.id from jsonb_to_recordset(${JSON.stringify(references)}::text::jsonb) as named(kind text, id text)
        where not exists (
          select from agent_reference where server_id = ${serverId} and kind = named.kind and id = named.id
            and tenant_id = ${tenantId} and owner_id = ${ownerId})
        limit 1`;
      return row?.id;
    },

    async deleteOfServer(tx: Tx, serverId: string): Promise<void> {
      await tx`delete from agent_reference where server_id = ${serverId}`;
    },

    async deleteOfOwner(tx: Tx, ownerId: string): Promise<void> {
      await tx`delete from agent_reference where owner_id = ${ownerId}`;
    },
  };
}

export type ReferenceStore = ReturnType<typeof createReferenceStore>;
