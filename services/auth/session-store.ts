import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { permissionsByGroups } from "./access-store.ts";
import { limitsThatHold } from "./limits/limit-store.ts";
import { permissionsByTenantRole } from "./roles/role-store.ts";
import type { LiveSession, Session, SessionEnd, SessionId, StoredRefreshToken } from "./session-model.ts";

/** Which of a person's sessions are meant. */
export interface SessionSelection {
  readonly tenantId: string;
  readonly userId: string;
  /** Undefined for all. */
  readonly sessionId: string | undefined;
  readonly exceptSessionId: string | undefined;
}

export interface OpenSessionQuery {
  readonly tenantId: string;
  readonly userId: string;
  readonly afterId: string | undefined;
  readonly limit: number;
  readonly now: Date;
}

/** A proof in the course of a session. */
export interface SessionProof {
  /** All of the session's, in the words of RFC 8176. */
  readonly methods: readonly string[];
  readonly provenAt: Date;
  readonly isFactor: boolean;
}

/** The SQL of sessions and their refresh tokens. One method, one statement. */
export function createSessionStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    session.session_id as "sessionId", session.tenant_id as "tenantId", session.user_id as "userId", methods,
    client_address as "clientAddress", user_agent as "userAgent", session.created_at as "createdAt",
    factor_at as "factorAt", proven_at as "provenAt", session.last_seen_at as "lastSeenAt", session.expires_at as "expiresAt",
    ended_at as "endedAt", session.client_id as "clientId", scope, operator_id as "operatorId", operator_session_id as "operatorSessionId", reason`;
  // A client does what who gave it its permissions may do.
  const person = (db: Sql | Tx) => db`coalesce(client.granted_by, session.user_id)`;
  const live = (db: Sql | Tx) => db`
    ${columns(db)}, person.role,
    ${permissionsByTenantRole(db, { tenantId: db`session.tenant_id`, role: db`person.role` })} as "rolePermissions", coalesce(person.is_barred, false) or coalesce(tenant.is_barred, false) as "isBarred",
    ${permissionsByGroups(db, { tenantId: db`session.tenant_id`, userId: person(db) })} as "groupPermissions",
    ${limitsThatHold(db, { tenantId: db`session.tenant_id`, userId: db`session.user_id` })} as "heldLimits",
    coalesce(policy.require_mfa, false) as "isFactorWanted",
    exists (select from factor where factor.user_id = session.user_id and factor.expires_at is null) as "hasFactor", case when client.client_id is null then null else
      jsonb_build_object('permissions', client.permissions, 'models', client.models, 'allowedIps', client.allowed_ips,
        'isDisabled', client.disabled_at is not null, 'expiresAtMs', extract(epoch from client.expires_at) * 1000)
    end as client, (
      select jsonb_build_object('role', operator.role, 'isOut', proof.ended_at is not null or operator.is_barred
          or coalesce(house.is_barred, false), 'sessionExpiresAtMs', extract(epoch from proof.expires_at) * 1000)
      from session proof
      join principal operator on operator.tenant_id = proof.tenant_id and operator.user_id = proof.user_id
      left join principal house on house.tenant_id = proof.tenant_id and house.user_id = ''
      where proof.session_id = session.operator_session_id and proof.user_id = session.operator_id
    ) as operator`;
  const principals = (db: Sql | Tx) => db`
    left join service_client client on client.client_id = session.client_id
    left join principal person on person.tenant_id = session.tenant_id and person.user_id = ${person(db)}
    left join principal tenant on tenant.tenant_id = session.tenant_id and tenant.user_id = ''
    left join sign_in_policy policy on policy.tenant_id = session.tenant_id`;

  return {
    async insertSession(tx: Tx, row: Session): Promise<void> {
      await tx`
        insert into session (session_id, tenant_id, user_id, methods, client_address, user_agent, created_at, factor_at,
          proven_at, last_seen_at, expires_at, client_id, scope, operator_id, operator_session_id, reason)
        values (${row.sessionId}, ${row.tenantId}, ${row.userId}, ${tx.json([...row.methods])}, ${row.clientAddress},
          ${row.userAgent}, ${row.createdAt}, ${row.factorAt}, ${row.provenAt}, ${row.lastSeenAt}, ${row.expiresAt},
          ${row.clientId}, ${row.scope as string[] | null}, ${row.operatorId}, ${row.operatorSessionId}, ${row.reason})`;
    },

    async findLiveSession(sessionId: string): Promise<LiveSession | undefined> {
      const [row] = await sql<LiveSession[]>`
        select ${live(sql)} from session ${principals(sql)} where session_id = ${sessionId}`;
      return row;
    },

    /** The same, its end held off until the transaction ends. */
    async lockLiveSession(tx: Tx, sessionId: string): Promise<LiveSession | undefined> {
      const [row] = await tx<LiveSession[]>`
        select ${live(tx)} from session ${principals(tx)} where session_id = ${sessionId} for no key update of session`;
      return row;
    },

    /** How and when the person proved again to be that person; a second factor where it says so. */
    async noteProof(tx: Tx, sessionId: string, proof: SessionProof): Promise<void> {
      const { methods, provenAt, isFactor } = proof;
      await tx`
        update session set methods = ${tx.json([...methods])}, proven_at = ${provenAt},
          factor_at = case when ${isFactor} then ${provenAt}::timestamptz else factor_at end
        where session_id = ${sessionId}`;
    },

    /** In the person's other sessions only a factor that was shown counts as a proof from now on. */
    async forgetProofs(tx: Tx, userId: string, exceptSessionId: string): Promise<void> {
      await tx`
        update session set proven_at = factor_at
        where session_id in (
          select session_id from session
          where user_id = ${userId} and session_id <> ${exceptSessionId} and ended_at is null order by session_id for update)`;
    },

    async noteRefresh(tx: Tx, sessionId: SessionId, lastSeenAt: Date): Promise<void> {
      await tx`
        update session set last_seen_at = greatest(last_seen_at, ${lastSeenAt}) where session_id = ${sessionId}`;
    },

    /** Newest first, those after `afterId`. */
    listOpen(query: OpenSessionQuery): Promise<Session[]> {
      const { tenantId, userId, afterId, limit, now } = query;
      return sql<Session[]>`
        select ${columns(sql)} from session
        where tenant_id = ${tenantId} and user_id = ${userId} and ended_at is null and expires_at > ${now}
          and (${afterId ?? null}::text is null or session_id < ${afterId ?? null})
        order by session_id desc limit ${limit}`;
    },

    /** Of people of all tenants. */
    async countOpen(now: Date): Promise<number> {
      const [row] = await sql<{ open: number }[]>`
        select count(*)::float8 as open from session 
        where expires_at > ${now} and ended_at is null and client_id is null`;
      return row?.open ?? 0;
    },

    /** Where and with what a person's sessions were used is not told any more. */
    async forgetOrigins(
      tx: Tx,
      { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
    ): Promise<void> {
      await tx`
        update session set client_address = '', user_agent = '', reason = '' where tenant_id = ${tenantId} and user_id = ${userId}`;
    },

    /** Ends those that are open; gives their ids. Locked in one order, so that two that end the same never wait in a circle. */
    endSessions(
      tx: Tx,
      { tenantId, userId, sessionId, exceptSessionId }: SessionSelection,
      end: { readonly endedAt: Date; readonly reason: SessionEnd },
    ): Promise<{ readonly sessionId: SessionId }[]> {
      return tx<{ sessionId: SessionId }[]>`
        with open as (
          select session_id from session
          where tenant_id = ${tenantId} and user_id = ${userId} and ended_at is null and expires_at > ${end.endedAt}
            and (${sessionId ?? null}::text is null or session_id = ${sessionId ?? null})
            and (${exceptSessionId ?? null}::text is null or session_id <> ${exceptSessionId ?? null})
          order by session_id for update
        )
        update session set ended_at = ${end.endedAt}, end_reason = ${end.reason}
        from open where session.session_id = open.session_id returning session.session_id as "sessionId"`;
    },

    /** Those of a person that are open beyond the newest `keep`. */
    listOldest(tx: Tx, tenantId: string, userId: string, keep: number, now: Date): Promise<{ sessionId: SessionId }[]> {
      return tx<{ sessionId: SessionId }[]>`
        select session_id as "sessionId" from session
        where tenant_id = ${tenantId} and user_id = ${userId} and ended_at is null and expires_at > ${now}
        order by session_id desc offset ${keep}`;
    },

    /** Open ones in others' names: of an operator, or such that began in one of these sessions. */
    listImpersonations(
      tx: Tx,
      { operatorId, inSessions, now }: { operatorId: string; inSessions: readonly string[] | undefined; now: Date },
    ): Promise<Pick<Session, "sessionId" | "tenantId" | "userId">[]> {
      return tx<Pick<Session, "sessionId" | "tenantId" | "userId">[]>`
        select session_id as "sessionId", tenant_id as "tenantId", user_id as "userId" from session
        where operator_id = ${operatorId} and expires_at > ${now} and ended_at is null
          and (${(inSessions as string[] | undefined) ?? null}::text[] is null
            or operator_session_id = any(${(inSessions as string[] | undefined) ?? null}::text[]))
        order by session_id`;
    },

    /** Forgets a client's tokens beyond the newest `keep`. */
    async deleteOldestTokens(tx: Tx, clientId: string, keep: number): Promise<void> {
      await tx`
        delete from session where session_id in (
          select session_id from session where client_id = ${clientId} order by session_id desc offset ${keep})`;
    },

    async insertRefreshToken(
      tx: Tx,
      row: Pick<StoredRefreshToken, "tokenHash" | "sessionId" | "expiresAt"> & { readonly createdAt: Date },
    ): Promise<void> {
      await tx`
        insert into refresh_token (token_hash, session_id, created_at, expires_at)
        values (${row.tokenHash}, ${row.sessionId}, ${row.createdAt}, ${row.expiresAt})`;
    },

    /** Locked until the transaction ends: of those who show it at once, one is first. */
    async lockRefreshToken(tx: Tx, tokenHash: Buffer): Promise<StoredRefreshToken | undefined> {
      const [row] = await tx<StoredRefreshToken[]>`
        select token_hash as "tokenHash", session_id as "sessionId", expires_at as "expiresAt", used_at as "usedAt",
          answered_at as "answeredAt", sealed_successor as "sealedSuccessor"
        from refresh_token where token_hash = ${tokenHash} for update`;
      return row;
    },

    async findRefreshToken(tokenHash: Buffer): Promise<(StoredRefreshToken & { createdAt: Date }) | undefined> {
      const [row] = await sql<(StoredRefreshToken & { createdAt: Date })[]>`
        select token_hash as "tokenHash", session_id as "sessionId", expires_at as "expiresAt", used_at as "usedAt",
          answered_at as "answeredAt", sealed_successor as "sealedSuccessor", created_at as "createdAt"
        from refresh_token where token_hash = ${tokenHash}`;
      return row;
    },

    async useRefreshToken(tx: Tx, tokenHash: Buffer, usedAt: Date, sealedSuccessor: Buffer): Promise<void> {
      await tx`
        update refresh_token set used_at = ${usedAt}, sealed_successor = ${sealedSuccessor}
        where token_hash = ${tokenHash}`;
    },

    async noteAnswered(tx: Tx, tokenHash: Buffer, answeredAt: Date): Promise<void> {
      await tx`
        update refresh_token set answered_at = ${answeredAt} where token_hash = ${tokenHash} and answered_at is null`;
    },

    /** Whoever uses a token has got the answer that held it. */
    async noteAnswersOf(tx: Tx, sessionId: SessionId, answeredAt: Date): Promise<void> {
      await tx`
        update refresh_token set answered_at = ${answeredAt}
        where session_id = ${sessionId} and used_at is not null and answered_at is null`;
    },

    /** Removes the pairs that nobody is given again. */
    async deleteSuccessors(tx: Tx, until: { readonly answeredBefore: Date; readonly usedBefore: Date }): Promise<void> {
      await tx`
        update refresh_token set sealed_successor = null where sealed_successor is not null
          and (answered_at < ${until.answeredBefore} or used_at < ${until.usedBefore})`;
    },

    /** `seenAtMs` by session id. A time earlier than the one known is ignored. */
    async updateLastSeen(tx: Tx, seenAtMs: ReadonlyMap<string, number>): Promise<void> {
      const rows = [...seenAtMs].map(([sessionId, ms]) => ({ sessionId, ms }));
      // Locked in one order, so that two nodes that flush the same sessions never wait for each other in a circle.
      await tx`
        with seen as (
          select session_id, ms from session
          join jsonb_to_recordset(${tx.json(rows)}) as noted("sessionId" text, ms double precision)
            on session_id = "sessionId"
          order by session_id for update of session
        )
        update session set last_seen_at = greatest(last_seen_at, to_timestamp(seen.ms / 1000.0))
        from seen where session.session_id = seen.session_id`;
    },
  };
}

export type SessionStore = ReturnType<typeof createSessionStore>;
