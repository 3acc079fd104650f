import type { Database, Sql, Tx } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { CodeFailures } from "./code-back-off.ts";
import type { Factor, FactorId, Passkey, TotpFactor } from "./factor-model.ts";
import type { AnsweredChallenge } from "./passkeys.ts";

const sweepLimit = 1_000;

/** The SQL of second factors. One method, one statement. */
export function createFactorStore(db: Database) {
  const { sql } = db;
  const columns = (on: Sql | Tx) => on`
    factor_id as "factorId", tenant_id as "tenantId", user_id as "userId", kind, name, created_at as "createdAt",
    last_used_at as "lastUsedAt", is_synced as "isSynced"`;
  const totpColumns = (on: Sql | Tx) =>
    on`${columns(on)}, sealed_secret as "sealedSecret", last_step::double precision as "lastStep"`;
  const passkeyColumns = (on: Sql | Tx) => on`
    ${columns(on)}, credential_id as "credentialId", public_key as "publicKey", counter::double precision as counter,
    transports`;

  return {
    /** Lets one at a time change or try a person's factors, until the transaction ends. */
    async lockHolder(tx: Tx, userId: string, now: Date): Promise<CodeFailures> {
      const [row] = await tx<CodeFailures[]>`
        insert into factor_holder (user_id, failures, last_failed_at) values (${userId}, 0, ${now})
        on conflict (user_id) do update set user_id = excluded.user_id
        returning failures, last_failed_at as "lastFailedAt"`;
      return row ?? { failures: 0, lastFailedAt: now };
    },

    async updateFailures(tx: Tx, userId: string, { failures, lastFailedAt }: CodeFailures): Promise<void> {
      await tx`
        update factor_holder set failures = ${failures}, last_failed_at = ${lastFailedAt} where user_id = ${userId}`;
    },

    /** Confirmed ones, oldest first. */
    listFactors(on: Sql | Tx, userId: string): Promise<Factor[]> {
      return on<Factor[]>`
        select ${columns(on)} from factor where user_id = ${userId} and expires_at is null order by factor_id`;
    },

    /** Whether there is a confirmed one. */
    async hasFactor(on: Sql | Tx, userId: string): Promise<boolean> {
      const [row] = await on`select from factor where user_id = ${userId} and expires_at is null limit 1`;
      return row !== undefined;
    },

    listTotpFactors(tx: Tx, userId: string): Promise<TotpFactor[]> {
      return tx<TotpFactor[]>`
        select ${totpColumns(tx)} from factor
        where user_id = ${userId} and kind = 'totp' and expires_at is null order by factor_id`;
    },

    async findEnrolment(tx: Tx, userId: string, factorId: string, now: Date): Promise<TotpFactor | undefined> {
      const [row] = await tx<TotpFactor[]>`
        select ${totpColumns(tx)} from factor
        where factor_id = ${factorId} and user_id = ${userId} and kind = 'totp' and expires_at > ${now}`;
      return row;
    },

    listPasskeys(on: Sql | Tx, userId: string): Promise<Passkey[]> {
      return on<Passkey[]>`
        select ${passkeyColumns(on)} from factor where user_id = ${userId} and kind = 'passkey' order by factor_id`;
    },

    async findPasskey(on: Sql | Tx, credentialId: string): Promise<Passkey | undefined> {
      const [row] = await on<Passkey[]>`
        select ${passkeyColumns(on)} from factor where credential_id = ${credentialId}`;
      return row;
    },

    /** One enrolment at a time: those before are forgotten. */
    async deleteEnrolments(tx: Tx, userId: string): Promise<void> {
      await tx`delete from factor where user_id = ${userId} and expires_at is not null`;
    },

    async insertEnrolment(tx: Tx, row: TotpFactor, expiresAt: Date): Promise<void> {
      await tx`
        insert into factor (factor_id, tenant_id, user_id, kind, name, created_at, expires_at, sealed_secret)
        values (${row.factorId}, ${row.tenantId}, ${row.userId}, 'totp', ${row.name}, ${row.createdAt}, ${expiresAt},
          ${row.sealedSecret})`;
    },

    async confirmEnrolment(tx: Tx, factorId: FactorId, lastStep: number, usedAt: Date): Promise<void> {
      await tx`
        update factor set expires_at = null, last_step = ${lastStep}, last_used_at = ${usedAt}
        where factor_id = ${factorId}`;
    },

    /** False, and nothing written, when somebody has that passkey already. */
    async insertPasskey(tx: Tx, row: Passkey): Promise<boolean> {
      const { count } = await tx`
        insert into factor (factor_id, tenant_id, user_id, kind, name, created_at, credential_id, public_key, counter,
          transports, is_synced)
        values (${row.factorId}, ${row.tenantId}, ${row.userId}, 'passkey', ${row.name}, ${row.createdAt},
          ${row.credentialId}, ${row.publicKey}, ${row.counter}, ${tx.json([...row.transports])}, ${row.isSynced})
        on conflict (credential_id) do nothing`;
      return count === 1;
    },

    async noteCode(tx: Tx, factorId: FactorId, lastStep: number, usedAt: Date): Promise<void> {
      await tx`update factor set last_step = ${lastStep}, last_used_at = ${usedAt} where factor_id = ${factorId}`;
    },

    async notePasskey(tx: Tx, row: Pick<Passkey, "factorId" | "counter" | "isSynced">, usedAt: Date): Promise<void> {
      await tx`
        update factor set counter = ${row.counter}, is_synced = ${row.isSynced}, last_used_at = ${usedAt}
        where factor_id = ${row.factorId}`;
    },

    /** False, and nothing written, when the challenge was answered before, on whatever node. */
    async insertAnsweredChallenge(tx: Tx, { challengeHash, expiresAt }: AnsweredChallenge): Promise<boolean> {
      const { count } = await tx`
        insert into answered_challenge (challenge_hash, expires_at) values (${challengeHash}, ${expiresAt})
        on conflict do nothing`;
      return count === 1;
    },

    async renameFactor(tx: Tx, userId: string, factorId: string, name: string): Promise<Factor | undefined> {
      const [row] = await tx<Factor[]>`
        update factor set name = ${name}
        where factor_id = ${factorId} and user_id = ${userId} and expires_at is null returning ${columns(tx)}`;
      return row;
    },

    async deleteFactor(tx: Tx, userId: string, factorId: string): Promise<Factor | undefined> {
      const [row] = await tx<Factor[]>`
        delete from factor
        where factor_id = ${factorId} and user_id = ${userId} and expires_at is null returning ${columns(tx)}`;
      return row;
    },

    async deleteFactors(tx: Tx, userId: string): Promise<void> {
      await tx`delete from factor where user_id = ${userId}`;
    },

    async deleteHolder(tx: Tx, userId: string): Promise<void> {
      await tx`delete from factor_holder where user_id = ${userId}`;
    },

    async insertRecoveryCodes(tx: Tx, userId: string, hashes: readonly Buffer[]): Promise<void> {
      await tx`
        insert into recovery_code ${tx(hashes.map((code_hash) => ({ user_id: userId, code_hash })))}`;
    },

    async deleteRecoveryCodes(tx: Tx, userId: string): Promise<void> {
      await tx`delete from recovery_code where user_id = ${userId}`;
    },

    /** False when there is no such code, or none any more. */
    async takeRecoveryCode(tx: Tx, userId: string, codeHash: Buffer): Promise<boolean> {
      const { count } = await tx`delete from recovery_code where user_id = ${userId} and code_hash = ${codeHash}`;
      return count === 1;
    },

    async countRecoveryCodes(on: Sql | Tx, userId: string): Promise<number> {
      const [row] = await on<{ count: number }[]>`
        select count(*)::integer as count from recovery_code where user_id = ${userId}`;
      return row?.count ?? 0;
    },

    sql,
    deleteExpiredEnrolments: (now: Date) => deleteExpired(db, "factor", { now, limit: sweepLimit }),
    deleteExpiredChallenges: (now: Date) => deleteExpired(db, "answered_challenge", { now, limit: sweepLimit }),
  };
}

export type FactorStore = ReturnType<typeof createFactorStore>;
