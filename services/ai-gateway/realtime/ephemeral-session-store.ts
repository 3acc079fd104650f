import type { Database } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";

/** With what a session begins that is opened by an ephemeral key, as it is kept. */
export interface EphemeralSessionRow {
  readonly ephemeralKeyId: string;
  readonly tenantId: string;
  readonly keyId: string;
  readonly model: string;
  /** Sealed. */
  readonly settings: Buffer;
  readonly expiresAt: Date;
}

/** The SQL of sessions that ephemeral keys open. */
export function createEphemeralSessionStore(db: Database) {
  return {
    async insert(row: EphemeralSessionRow): Promise<void> {
      const { ephemeralKeyId, tenantId, keyId, model, settings, expiresAt } = row;
      await db.transaction(
        (tx) => tx`
          insert into ephemeral_session (ephemeral_key_id, tenant_id, key_id, model, settings, expires_at)
          values (${ephemeralKeyId}, ${tenantId}, ${keyId}, ${model}, ${settings}, ${expiresAt})`,
      );
    },

    async find(
      tenantId: string,
      ephemeralKeyId: string,
      now: Date,
    ): Promise<Pick<EphemeralSessionRow, "model" | "settings"> | undefined> {
      const [row] = await db.sql<Pick<EphemeralSessionRow, "model" | "settings">[]>`
        select model, settings from ephemeral_session
        where ephemeral_key_id = ${ephemeralKeyId} and tenant_id = ${tenantId} and expires_at > ${now}`;
      return row;
    },

    /** Counted up to `most`. */
    async countOf(keyId: string, now: Date, most: number): Promise<number> {
      const [row] = await db.sql<{ sessions: number }[]>`
        select count(*)::int as sessions from (
          select 1 from ephemeral_session where key_id = ${keyId} and expires_at > ${now} limit ${most}) as good`;
      return row?.sessions ?? 0;
    },

    /** Deletes up to `limit` that have expired; gives back how many. */
    deleteExpired: (now: Date, limit: number) => deleteExpired(db, "ephemeral_session", { now, limit }),
  };
}

export type EphemeralSessionStore = ReturnType<typeof createEphemeralSessionStore>;
