import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { type ChainEnd, emptyChain } from "./audit-chain.ts";
import type { FailureCount } from "./back-off.ts";
import type { User } from "./model.ts";

/** The columns of a person. */
export const personColumns = (db: Sql | Tx) => db`
  user_id as "userId", tenant_id as "tenantId", email, name, role, status, version::float8 as version,
  created_at as "createdAt", updated_at as "updatedAt",
  email_verified_at is not null as "isEmailVerified"`;

/** The SQL of signing in, and of audit logs. One method, one statement. */
export function createUserStore(sql: Sql) {
  const columns = personColumns;

  return {
    /** False when the e-mail address is taken; nothing is written then. Without a hash no password is the person's. */
    async insertUser(tx: Tx, row: User, passwordHash: string | null): Promise<boolean> {
      const { count } = await tx`
        insert into person (user_id, tenant_id, email, name, role, status, password_hash, created_at, updated_at)
        values (${row.userId}, ${row.tenantId}, ${row.email}, ${row.name}, ${row.role}, ${row.status},
          ${passwordHash}, ${row.createdAt}, ${row.updatedAt})
        on conflict (email) do nothing`;
      return count === 1;
    },

    /** `tenantId` undefined for a person of any tenant. */
    async findUser(userId: string, tenantId: string | undefined): Promise<User | undefined> {
      const [row] = await sql<User[]>`
        select ${columns(sql)} from person
        where user_id = ${userId} and not is_pending and (${tenantId ?? null}::text is null or tenant_id = ${tenantId ?? null})`;
      return row;
    },

    /** Whether there was such a person, who is gone. */
    async hasDeparted(userId: string, tenantId: string | undefined): Promise<boolean> {
      const rows = await sql`
        select from departed_person
        where user_id = ${userId} and (${tenantId ?? null}::text is null or tenant_id = ${tenantId ?? null})`;
      return rows.length > 0;
    },

    async hasUser(tx: Tx, userId: string, tenantId: string): Promise<boolean> {
      const rows = await tx`select from person where user_id = ${userId} and tenant_id = ${tenantId}`;
      return rows.length > 0;
    },

    async findUserToSignIn(email: string): Promise<(User & { readonly passwordHash: string | null }) | undefined> {
      const [row] = await sql<(User & { passwordHash: string | null })[]>`
        select ${columns(sql)}, password_hash as "passwordHash" from person where email = ${email}`;
      return row;
    },

    /** The person whose password was replaced, if there is one of that address. */
    async updatePassword(
      tx: Tx,
      email: string,
      passwordHash: string,
      updatedAt: Date,
    ): Promise<Pick<User, "userId" | "tenantId"> | undefined> {
      const [row] = await tx<Pick<User, "userId" | "tenantId">[]>`
        update person set password_hash = ${passwordHash}, updated_at = ${updatedAt}, version = version + 1
        where email = ${email}
        returning user_id as "userId", tenant_id as "tenantId"`;
      return row;
    },

    /** The end of a person's audit log, empty for a new one, locked until the transaction ends. */
    async lockAuditEnd(tx: Tx, userId: string): Promise<ChainEnd> {
      const [row] = await tx<ChainEnd[]>`
        insert into audit_head (user_id, version, hash) values (${userId}, ${emptyChain.version}, ${emptyChain.hash})
        on conflict (user_id) do update set user_id = excluded.user_id
        returning version::float8 as version, hash`;
      return row ?? emptyChain;
    },

    async updateAuditEnd(tx: Tx, userId: string, { version, hash }: ChainEnd): Promise<void> {
      await tx`update audit_head set version = ${version}, hash = ${hash} where user_id = ${userId}`;
    },

    async findAuditEnd(userId: string): Promise<ChainEnd | undefined> {
      const [row] = await sql<ChainEnd[]>`
        select version::float8 as version, hash from audit_head where user_id = ${userId}`;
      return row;
    },

    /** The count of a subject, 0 for a new one, locked until the transaction ends. */
    async lockFailures(tx: Tx, subject: string, now: Date): Promise<FailureCount> {
      const [row] = await tx<FailureCount[]>`
        insert into sign_in_failure (subject, failures, last_failed_at) values (${subject}, 0, ${now})
        on conflict (subject) do update set subject = excluded.subject
        returning failures, last_failed_at as "lastFailedAt"`;
      return row ?? { failures: 0, lastFailedAt: now };
    },

    /** Of those subjects that have failed. */
    listFailures(subjects: readonly string[]): Promise<(FailureCount & { readonly subject: string })[]> {
      return sql<(FailureCount & { readonly subject: string })[]>`
        select subject, failures, last_failed_at as "lastFailedAt" from sign_in_failure where subject in ${sql(subjects)}`;
    },

    async updateFailures(tx: Tx, subject: string, { failures, lastFailedAt }: FailureCount): Promise<void> {
      await tx`
        update sign_in_failure set failures = ${failures}, last_failed_at = ${lastFailedAt} where subject = ${subject}`;
    },

    async takeBackFailure(tx: Tx, subject: string): Promise<void> {
      await tx`update sign_in_failure set failures = failures - 1 where subject = ${subject} and failures > 0`;
    },

    async deleteFailures(tx: Tx, subject: string): Promise<void> {
      await tx`delete from sign_in_failure where subject = ${subject}`;
    },

    async deleteFailuresUntil(tx: Tx, until: Date): Promise<void> {
      await tx`delete from sign_in_failure where last_failed_at <= ${until}`;
    },

    async deleteFailuresBeyond(tx: Tx, maxRows: number): Promise<void> {
      await tx`
        delete from sign_in_failure where subject in (
          select subject from sign_in_failure order by last_failed_at desc, subject offset ${maxRows})`;
    },
  };
}

export type UserStore = ReturnType<typeof createUserStore>;
