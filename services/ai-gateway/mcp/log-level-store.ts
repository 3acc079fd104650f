import type { Database, Tx } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { LogLevel } from "./log-level.ts";

/** A session of a client's; `owner` is a digest of whose it is. */
export interface LogSession {
  readonly owner: string;
  readonly session: string;
}

/** The SQL of the levels that clients of `/v1/mcp` have set. */
export function createLogLevelStore(db: Database) {
  return {
    async put(tx: Tx, { owner, session }: LogSession, level: LogLevel, expiresAt: Date): Promise<void> {
      await tx`
        insert into mcp_log_level (owner, session, level, expires_at)
        values (${owner}, ${session}, ${level}, ${expiresAt})
        on conflict (owner, session) do update set level = excluded.level, expires_at = excluded.expires_at`;
    },

    /** Keeps the newest `most` of an owner. */
    async trim(tx: Tx, owner: string, most: number): Promise<void> {
      await tx`
        delete from mcp_log_level where owner = ${owner} and session in (
          select session from mcp_log_level where owner = ${owner} order by expires_at desc, session offset ${most})`;
    },

    async find({ owner, session }: LogSession, now: Date): Promise<LogLevel | undefined> {
      const [row] = await db.sql<{ level: LogLevel }[]>`
        select level from mcp_log_level where owner = ${owner} and session = ${session} and expires_at > ${now}`;
      return row?.level;
    },

    deleteExpired: (now: Date, limit: number) => deleteExpired(db, "mcp_log_level", { now, limit }),
  };
}
