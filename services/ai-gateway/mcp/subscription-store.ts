import type { Database, Tx } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";

/** A session of a client's; `owner` is a digest of whose it is. */
export interface SubscribedSession {
  readonly owner: string;
  readonly session: string;
}

/** The SQL of the resources that clients of `/v1/mcp` want to hear of. */
export function createSubscriptionStore(db: Database) {
  return {
    /** False where the session has `most` others already. */
    async put(tx: Tx, { owner, session }: SubscribedSession, uri: string, expiresAt: Date, most: number) {
      const { count } = await tx`
        insert into mcp_subscription (owner, session, uri, expires_at)
        select ${owner}, ${session}, ${uri}, ${expiresAt}
        where (select count(*) from mcp_subscription
          where owner = ${owner} and session = ${session} and uri <> ${uri}) < ${most}
        on conflict (owner, session, uri) do update set expires_at = excluded.expires_at`;
      return count > 0;
    },

    /** Keeps the newest `most` of an owner. */
    async trim(tx: Tx, owner: string, most: number): Promise<void> {
      await tx`
        delete from mcp_subscription where owner = ${owner} and (session, uri) in (
          select session, uri from mcp_subscription where owner = ${owner}
          order by expires_at desc, session, uri offset ${most})`;
    },

    async delete(tx: Tx, { owner, session }: SubscribedSession, uri: string): Promise<void> {
      await tx`delete from mcp_subscription where owner = ${owner} and session = ${session} and uri = ${uri}`;
    },

    async list({ owner, session }: SubscribedSession, now: Date): Promise<string[]> {
      const rows = await db.sql<{ uri: string }[]>`
        select uri from mcp_subscription
        where owner = ${owner} and session = ${session} and expires_at > ${now} order by uri`;
      return rows.map(({ uri }) => uri);
    },

    deleteExpired: (now: Date, limit: number) => deleteExpired(db, "mcp_subscription", { now, limit }),
  };
}
