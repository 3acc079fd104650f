import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { FederatedRole, GroupRule } from "./model.ts";

/** A sign-in that was begun. */
export interface SignInRow {
  readonly stateHash: Buffer;
  readonly connectionId: string;
  readonly browserHash: Buffer;
  readonly sealed: Buffer;
  readonly expiresAt: Date;
}

/** One that may have been answered by a form: SAML. */
export interface KeptSignInRow extends SignInRow {
  readonly sealedAnswer: Buffer | null;
}

/** A person who came back well. */
export interface ExchangeRow {
  readonly codeHash: Buffer;
  readonly connectionId: string;
  readonly codeChallenge: string;
  readonly sealed: Buffer;
  readonly expiresAt: Date;
}

/** A session of ours that stands on one of a provider's. */
export interface FederatedSession {
  readonly sessionId: string;
  readonly connectionId: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly subject: string;
  /** Empty when the provider told none. */
  readonly providerSession: string;
  readonly sealedProof: Buffer | null;
  readonly expiresAt: Date;
}

/** Names a membership that a connection gave. */
export interface GivenKey {
  readonly connectionId: string;
  readonly userId: string;
  readonly groupId: string;
}

/** A membership that could not be given yet. */
export interface PendingMembership extends GivenKey {
  readonly tenantId: string;
  readonly role: FederatedRole;
  readonly pendingUntil: Date;
}

/** The SQL of signing on. One method, one statement. */
export function createSignInStore(sql: Sql) {
  const sessionColumns = (db: Sql | Tx) => db`
    session_id as "sessionId", connection_id as "connectionId", tenant_id as "tenantId", user_id as "userId", subject,
    provider_session as "providerSession", sealed_proof as "sealedProof",
    expires_at as "expiresAt"`;

  return {
    async insertSignIn(tx: Tx, row: SignInRow): Promise<void> {
      await tx`
        insert into sign_in (state_hash, connection_id, browser_hash, sealed, expires_at)
        values (${row.stateHash}, ${row.connectionId}, ${row.browserHash}, ${row.sealed}, ${row.expiresAt})`;
    },

    /** The sign-in, which is gone with that; undefined where browser, connection or time are not its own. */
    async takeSignIn(
      tx: Tx,
      { stateHash, browserHash, connectionId }: Pick<SignInRow, "stateHash" | "browserHash" | "connectionId">,
      now: Date,
    ): Promise<KeptSignInRow | undefined> {
      const [row] = await tx<KeptSignInRow[]>`
        delete from sign_in
        where state_hash = ${stateHash} and browser_hash = ${browserHash} and connection_id = ${connectionId}
          and expires_at > ${now}
        returning state_hash as "stateHash", connection_id as "connectionId", browser_hash as "browserHash", sealed,
          expires_at as "expiresAt", sealed_answer as "sealedAnswer"`;
      return row;
    },

    /** The sign-in of whatever browser, which stays. */
    async findSignIn(stateHash: Buffer, connectionId: string, now: Date): Promise<KeptSignInRow | undefined> {
      const [row] = await sql<KeptSignInRow[]>`
        select state_hash as "stateHash", connection_id as "connectionId", browser_hash as "browserHash", sealed,
          expires_at as "expiresAt", sealed_answer as "sealedAnswer"
        from sign_in where state_hash = ${stateHash} and connection_id = ${connectionId} and expires_at > ${now}`;
      return row;
    },

    /** False when it has an answer, or is there no more. */
    async setAnswer(tx: Tx, stateHash: Buffer, sealedAnswer: Buffer): Promise<boolean> {
      const { count } = await tx`
        update sign_in set sealed_answer = ${sealedAnswer}
        where state_hash = ${stateHash} and sealed_answer is null`;
      return count === 1;
    },

    async insertExchange(tx: Tx, row: ExchangeRow): Promise<void> {
      await tx`
        insert into exchange_code (code_hash, connection_id, code_challenge, sealed, expires_at)
        values (${row.codeHash}, ${row.connectionId}, ${row.codeChallenge}, ${row.sealed}, ${row.expiresAt})`;
    },

    /** What the code stands for; the code is gone with that. */
    async takeExchange(tx: Tx, codeHash: Buffer, now: Date): Promise<ExchangeRow | undefined> {
      const [row] = await tx<ExchangeRow[]>`
        delete from exchange_code where code_hash = ${codeHash} and expires_at > ${now}
        returning code_hash as "codeHash", connection_id as "connectionId", code_challenge as "codeChallenge", sealed,
          expires_at as "expiresAt"`;
      return row;
    },

    async insertSession(tx: Tx, row: FederatedSession): Promise<void> {
      await tx`
        insert into federated_session (session_id, connection_id, tenant_id, user_id, subject, provider_session,
          sealed_proof, expires_at)
        values (${row.sessionId}, ${row.connectionId}, ${row.tenantId}, ${row.userId}, ${row.subject},
          ${row.providerSession}, ${row.sealedProof}, ${row.expiresAt})`;
    },

    async findSession(sessionId: string): Promise<FederatedSession | undefined> {
      const [row] = await sql<FederatedSession[]>`
        select ${sessionColumns(sql)} from federated_session where session_id = ${sessionId}`;
      return row;
    },

    /** By what the provider calls the person, its session, or both. At least one must be given. */
    listSessions(
      connectionId: string,
      subject: string | undefined,
      providerSession: string | undefined,
    ): Promise<FederatedSession[]> {
      return sql<FederatedSession[]>`
        select ${sessionColumns(sql)} from federated_session
        where connection_id = ${connectionId}
          and (${subject ?? null}::text is not null or ${providerSession ?? null}::text is not null)
          and (${subject ?? null}::text is null or subject = ${subject ?? null})
          and (${providerSession ?? null}::text is null or provider_session = ${providerSession ?? null})
        limit 1000`;
    },

    async deleteSession(tx: Tx, sessionId: string): Promise<void> {
      await tx`delete from federated_session where session_id = ${sessionId}`;
    },

    /** False when it was noted before: it comes a second time. */
    async insertSeen(tx: Tx, connectionId: string, messageId: string, expiresAt: Date): Promise<boolean> {
      const { count } = await tx`
        insert into seen_message (connection_id, message_id, expires_at)
        values (${connectionId}, ${messageId}, ${expiresAt}) on conflict do nothing`;
      return count === 1;
    },

    /** What a connection has given a person. */
    listGiven(connectionId: string, userId: string): Promise<Omit<GroupRule, "value">[]> {
      return sql<Omit<GroupRule, "value">[]>`
        select group_id as "groupId", role from given_membership
        where connection_id = ${connectionId} and user_id = ${userId} order by group_id`;
    },

    async upsertGiven(
      tx: Tx,
      connectionId: string,
      userId: string,
      { groupId, role }: Omit<GroupRule, "value">,
    ): Promise<void> {
      await tx`
        insert into given_membership (connection_id, user_id, group_id, role)
        values (${connectionId}, ${userId}, ${groupId}, ${role})
        on conflict (connection_id, user_id, group_id) do update set role = excluded.role, pending_until = null`;
    },

    async setPending(tx: Tx, { connectionId, userId, groupId }: GivenKey, pendingUntil: Date | null): Promise<void> {
      await tx`
        update given_membership set pending_until = ${pendingUntil}
        where connection_id = ${connectionId} and user_id = ${userId} and group_id = ${groupId}`;
    },

    /** Those that are still to be given, the longest waiting first. */
    listPending(limit: number): Promise<PendingMembership[]> {
      return sql<PendingMembership[]>`
        select given.connection_id as "connectionId", tenant_id as "tenantId", user_id as "userId",
          group_id as "groupId", role, pending_until as "pendingUntil"
        from given_membership as given join connection using (connection_id)
        where pending_until is not null order by pending_until limit ${limit}`;
    },

    async deleteGiven(tx: Tx, { connectionId, userId, groupId }: GivenKey): Promise<void> {
      await tx`
        delete from given_membership
        where connection_id = ${connectionId} and user_id = ${userId} and group_id = ${groupId}`;
    },
  };
}

export type SignInStore = ReturnType<typeof createSignInStore>;
