import type { Sql, Tx } from "@lyss/kit/db/database.ts";

/** A program that is to be told of a session that is over. */
export interface LogoutNotice {
  readonly noticeId: string;
  readonly clientId: string;
  /** The program's name for the session. */
  readonly sid: string;
  readonly userId: string;
  /** How often it was tried, this time included. */
  readonly tries: number;
  readonly uri: string;
  readonly isSessionRequired: boolean;
}

/** The SQL of programs that are told of sessions. One method, one statement. */
export function createLogoutStore(sql: Sql) {
  return {
    /** By what these clients call the session of a browser. Nothing is written of a session that nobody has signed in by. */
    async upsertParties(uidHash: Buffer, sids: Readonly<Record<string, string>>): Promise<void> {
      await sql`
        insert into provider_party (uid_hash, client_id, sid)
        select uid_hash, client_id, sid from provider_login
        cross join unnest(${Object.keys(sids)}::text[], ${Object.values(sids)}::text[]) as given (client_id, sid)
        join client using (client_id) where uid_hash = ${uidHash}
        on conflict (uid_hash, client_id) do update set sid = excluded.sid`;
    },

    /**
     * Of a session, or of all of a person: the programs that want to be told are to be told, once, from then on until then. A repeat
     * adds nothing.
     */
    async insertNotices(
      tx: Tx,
      { sessionId, userId }: { readonly sessionId: string | undefined; readonly userId: string },
      { now, expiresAt }: { readonly now: Date; readonly expiresAt: Date },
    ): Promise<void> {
      await tx`
        with party as (
          delete from provider_party using provider_login as login
          where login.uid_hash = provider_party.uid_hash and login.user_id = ${userId}
            and (${sessionId ?? null}::text is null or login.session_id = ${sessionId ?? null})
          returning provider_party.client_id, provider_party.sid, login.user_id
        )
        insert into logout_notice (notice_id, client_id, sid, user_id, tries, due_at, expires_at)
        select client_id || '/' || sid, client_id, sid, user_id, 0, ${now}, ${expiresAt}
        from party join client using (client_id) where backchannel_logout_uri is not null
        on conflict do nothing`;
    },

    /** Some that are due, of each program a few; nobody else gets them before their next try, `delaysMs` of the tries later. */
    takeDue(tx: Tx, { now, delaysMs }: { readonly now: Date; readonly delaysMs: readonly number[] }) {
      return tx<LogoutNotice[]>`
        with due as (
          select notice_id from logout_notice
          where due_at <= ${now} and notice_id in (
            select notice_id from (
              select notice_id, row_number() over (partition by client_id order by due_at) as place
              from logout_notice where due_at <= ${now}
            ) as waiting where place <= 10 limit 100)
          for update skip locked
        )
        update logout_notice as notice set tries = tries + 1,
          due_at = ${now}::timestamptz
            + (${[...delaysMs]}::float8[])[least(tries + 1, ${delaysMs.length})] * interval '1 millisecond'
        from due, client where due.notice_id = notice.notice_id and client.client_id = notice.client_id
        returning notice.notice_id as "noticeId", notice.client_id as "clientId", sid, user_id as "userId", tries,
          coalesce(backchannel_logout_uri, '') as uri, backchannel_logout_session_required as "isSessionRequired"`;
    },

    async deleteNotice(noticeId: string): Promise<void> {
      await sql`delete from logout_notice where notice_id = ${noticeId}`;
    },
  };
}

export type LogoutStore = ReturnType<typeof createLogoutStore>;
