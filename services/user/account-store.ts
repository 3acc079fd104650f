import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import type { User } from "./model.ts";
import { personColumns } from "./store.ts";

export type TokenPurpose = "verify_email" | "change_email" | "reset_password";

/** What a token of a mail is good for. */
export interface AccountToken {
  readonly purpose: TokenPurpose;
  readonly userId: string;
  readonly email: string;
  readonly expiresAt: Date;
}

/** A person as mails are written to one. */
export interface Account extends User {
  readonly locale: Locale;
  readonly emailVerifiedAt: Date | null;
}

/** Sessions that auth has not ended yet. */
export interface SessionEnd {
  readonly endId: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly exceptSessionId: string;
  readonly actorId: string;
  readonly clientAddress: string;
}

/** The SQL of what people do to their own accounts. One method, one statement. */
export function createAccountStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    ${personColumns(db)}, locale, email_verified_at as "emailVerifiedAt"`;

  return {
    async findAccountByEmail(tx: Tx, email: string): Promise<Account | undefined> {
      const [row] = await tx<Account[]>`select ${columns(tx)} from person where email = ${email}`;
      return row;
    },

    /** Locked until the transaction ends. */
    async lockAccount(tx: Tx, userId: string): Promise<Account | undefined> {
      const [row] = await tx<Account[]>`select ${columns(tx)} from person where user_id = ${userId} for update`;
      return row;
    },

    async findPasswordHash(userId: string): Promise<string | undefined> {
      const [row] = await sql<{ passwordHash: string }[]>`
        select password_hash as "passwordHash" from person where user_id = ${userId}`;
      return row?.passwordHash;
    },

    async setPasswordHash(
      tx: Tx,
      { userId, passwordHash, updatedAt }: { userId: string; passwordHash: string; updatedAt: Date },
    ): Promise<void> {
      await tx`
        update person set password_hash = ${passwordHash}, updated_at = ${updatedAt}, version = version + 1
        where user_id = ${userId}`;
    },

    /** False when the address is another one's; nothing is written then. */
    async setEmail(
      tx: Tx,
      { userId, email, version, updatedAt }: Pick<User, "userId" | "email" | "version" | "updatedAt">,
    ): Promise<boolean> {
      const { count } = await tx`
        update person set email = ${email}, email_verified_at = ${updatedAt}, version = ${version},
          updated_at = ${updatedAt}
        where user_id = ${userId}
          and not exists (select from person as other where other.email = ${email} and other.user_id <> ${userId})`;
      return count === 1;
    },

    /** Takes the place of others of the same purpose. */
    async deleteTokens(tx: Tx, userId: string, purposes: readonly TokenPurpose[]): Promise<void> {
      await tx`delete from account_token where user_id = ${userId} and purpose = any(${purposes as string[]})`;
    },

    async insertToken(tx: Tx, tokenHash: Buffer, { purpose, userId, email, expiresAt }: AccountToken): Promise<void> {
      await tx`
        insert into account_token (token_hash, purpose, user_id, email, expires_at)
        values (${tokenHash}, ${purpose}, ${userId}, ${email}, ${expiresAt})`;
    },

    /** Addresses that links for the person went to. */
    async listTokenAddresses(tx: Tx, userId: string): Promise<string[]> {
      const rows = await tx<{ email: string }[]>`select distinct email from account_token where user_id = ${userId}`;
      return rows.map(({ email }) => email);
    },

    /** Uses a token up: nobody gets it again when the transaction commits. */
    async takeToken(
      tx: Tx,
      tokenHash: Buffer,
      purposes: readonly TokenPurpose[],
      now: Date,
    ): Promise<AccountToken | undefined> {
      const [row] = await tx<AccountToken[]>`
        delete from account_token
        where token_hash = ${tokenHash} and purpose = any(${purposes as string[]}) and expires_at > ${now}
        returning purpose, user_id as "userId", email, expires_at as "expiresAt"`;
      return row;
    },

    async lockMailRequests(tx: Tx, subject: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`mail_request/${subject}`}, 0))`;
    },

    /** When those of that time were asked for, the first one first. */
    async listMailRequests(tx: Tx, subject: string, since: Date): Promise<Date[]> {
      const rows = await tx<{ requestedAt: Date }[]>`
        select requested_at as "requestedAt" from mail_request
        where subject = ${subject} and requested_at > ${since} order by requested_at`;
      return rows.map(({ requestedAt }) => requestedAt);
    },

    async insertMailRequest(tx: Tx, subject: string, requestedAt: Date, expiresAt: Date): Promise<void> {
      await tx`
        insert into mail_request (subject, requested_at, expires_at) values (${subject}, ${requestedAt}, ${expiresAt})`;
    },

    async insertSessionEnd(tx: Tx, row: SessionEnd): Promise<void> {
      await tx`
        insert into session_end (end_id, tenant_id, user_id, except_session_id, actor_id, client_address)
        values (${row.endId}, ${row.tenantId}, ${row.userId}, ${row.exceptSessionId}, ${row.actorId},
          ${row.clientAddress})`;
    },

    listSessionEnds(limit: number): Promise<SessionEnd[]> {
      return sql<SessionEnd[]>`
        select end_id as "endId", tenant_id as "tenantId", user_id as "userId",
          except_session_id as "exceptSessionId", actor_id as "actorId", client_address as "clientAddress"
        from session_end order by end_id limit ${limit}`;
    },

    async deleteSessionEnd(tx: Tx, endId: string): Promise<void> {
      await tx`delete from session_end where end_id = ${endId}`;
    },
  };
}

export type AccountStore = ReturnType<typeof createAccountStore>;
