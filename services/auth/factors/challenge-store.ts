import type { Database, Sql, Tx } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { SignInChallenge } from "./sign-in-challenge.ts";

const sweepLimit = 1_000;

/** The SQL of sign-ins that wait for a second factor. One method, one statement. */
export function createChallengeStore(db: Database) {
  const columns = (on: Sql | Tx) => on`
    token_hash as "tokenHash", tenant_id as "tenantId", user_id as "userId", role, methods,
    client_address as "clientAddress", user_agent as "userAgent", expires_at as "expiresAt",
    not_after as "notAfter", session_id as "sessionId"`;
  return {
    async insertChallenge(tx: Tx, row: SignInChallenge): Promise<void> {
      await tx`
        insert into sign_in_challenge (token_hash, tenant_id, user_id, role, methods, client_address, user_agent, expires_at,
          not_after, session_id)
        values (${row.tokenHash}, ${row.tenantId}, ${row.userId}, ${row.role}, ${tx.json([...row.methods])},
          ${row.clientAddress}, ${row.userAgent}, ${row.expiresAt}, ${row.notAfter}, ${row.sessionId})`;
    },

    /** Those of a person beyond the newest `keep`. */
    async deleteOldest(tx: Tx, userId: string, keep: number): Promise<void> {
      await tx`
        delete from sign_in_challenge where token_hash in (
          select token_hash from sign_in_challenge where user_id = ${userId} order by expires_at desc offset ${keep}
          for update skip locked)`;
    },

    async findChallenge(tokenHash: Buffer, now: Date): Promise<SignInChallenge | undefined> {
      const [row] = await db.sql<SignInChallenge[]>`
        select ${columns(db.sql)} from sign_in_challenge where token_hash = ${tokenHash} and expires_at > ${now}`;
      return row;
    },

    /** One attempt more, while there is one left. Locked until the transaction ends. */
    async takeAttempt(tx: Tx, tokenHash: Buffer, now: Date, maxAttempts: number): Promise<SignInChallenge | undefined> {
      const [row] = await tx<SignInChallenge[]>`
        update sign_in_challenge set attempts = attempts + 1
        where token_hash = ${tokenHash} and expires_at > ${now} and attempts < ${maxAttempts} returning ${columns(tx)}`;
      return row;
    },

    async deleteChallenge(tx: Tx, tokenHash: Buffer): Promise<void> {
      await tx`delete from sign_in_challenge where token_hash = ${tokenHash}`;
    },

    /** The one that waits for that session. */
    async deleteChallengeOf(tx: Tx, userId: string, sessionId: string): Promise<void> {
      await tx`delete from sign_in_challenge where user_id = ${userId} and session_id = ${sessionId}`;
    },

    async deleteChallenges(tx: Tx, userId: string): Promise<void> {
      await tx`delete from sign_in_challenge where user_id = ${userId}`;
    },

    deleteExpiredChallenges: (now: Date) => deleteExpired(db, "sign_in_challenge", { now, limit: sweepLimit }),
  };
}

export type ChallengeStore = ReturnType<typeof createChallengeStore>;
