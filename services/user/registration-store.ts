import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Registration } from "./model.ts";

/** The SQL of registrations and invitations. One method, one statement. */
export function createRegistrationStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    registration_id as "registrationId", kind, user_id as "userId", email, tenant_id as "tenantId", organization, role, name,
    password_hash as "passwordHash", locale, invited_by as "invitedBy", attempt, created_at as "createdAt",
    expires_at as "expiresAt", completed_at as "completedAt"`;

  return {
    async insertRegistration(tx: Tx, row: Registration, tokenHash: Buffer): Promise<void> {
      await tx`
        insert into registration (registration_id, kind, token_hash, user_id, email, tenant_id, organization, role, name,
          password_hash, locale, invited_by, attempt, created_at, expires_at, completed_at)
        values (${row.registrationId}, ${row.kind}, ${tokenHash}, ${row.userId}, ${row.email}, ${row.tenantId},
          ${row.organization}, ${row.role}, ${row.name}, ${row.passwordHash}, ${row.locale}, ${row.invitedBy},
          ${row.attempt}, ${row.createdAt}, ${row.expiresAt}, ${row.completedAt})`;
    },

    async findByToken(tokenHash: Buffer): Promise<Registration | undefined> {
      const [row] = await sql<Registration[]>`select ${columns(sql)} from registration where token_hash = ${tokenHash}`;
      return row;
    },

    /** An invitation of the tenant, locked until the transaction ends. */
    async lockInvitation(tx: Tx, tenantId: string, registrationId: string): Promise<Registration | undefined> {
      const [row] = await tx<Registration[]>`
        select ${columns(tx)} from registration
        where registration_id = ${registrationId} and tenant_id = ${tenantId} and kind = 'invitation'
          and completed_at is null
        for update`;
      return row;
    },

    /** Those of a tenant that are open or have expired, newest first, those after `afterId`. */
    listInvitations(tenantId: string, afterId: string | undefined, limit: number): Promise<Registration[]> {
      return sql<Registration[]>`
        select ${columns(sql)} from registration
        where tenant_id = ${tenantId} and kind = 'invitation' and completed_at is null
          and (${afterId ?? null}::text is null or registration_id < ${afterId ?? null})
        order by registration_id desc limit ${limit}`;
    },

    async countInvitations(tx: Tx, tenantId: string): Promise<number> {
      const [row] = await tx<{ open: number }[]>`
        select count(*)::float8 as open from registration
        where tenant_id = ${tenantId} and kind = 'invitation' and completed_at is null`;
      return row?.open ?? 0;
    },

    async setToken(tx: Tx, registrationId: string, tokenHash: Buffer, expiresAt: Date): Promise<void> {
      await tx`
        update registration set token_hash = ${tokenHash}, expires_at = ${expiresAt}
        where registration_id = ${registrationId}`;
    },

    /** What the invited one enters. Nothing once the invitation is completed. */
    async setAccepted(
      tx: Tx,
      {
        registrationId,
        name,
        passwordHash,
        locale,
      }: Pick<Registration, "registrationId" | "name" | "passwordHash" | "locale">,
    ): Promise<void> {
      await tx`
        update registration set name = ${name}, password_hash = ${passwordHash}, locale = ${locale}
        where registration_id = ${registrationId} and completed_at is null`;
    },

    /** Makes the next try another one; only the first who says so of an attempt is heard. */
    async nextAttempt(tx: Tx, registrationId: string, attempt: number): Promise<void> {
      await tx`
        update registration set attempt = attempt + 1
        where registration_id = ${registrationId} and attempt = ${attempt} and completed_at is null`;
    },

    /** What is not needed any more goes. False when it was completed before. */
    async complete(tx: Tx, registrationId: string, completedAt: Date): Promise<boolean> {
      const { count } = await tx`
        update registration set completed_at = ${completedAt}, password_hash = null
        where registration_id = ${registrationId} and completed_at is null`;
      return count === 1;
    },

    async deleteRegistration(tx: Tx, registrationId: string): Promise<void> {
      await tx`delete from registration where registration_id = ${registrationId}`;
    },

    /** By which somebody came, and whatever else bears their address. */
    async deleteRegistrationsOf(tx: Tx, { userId, email }: Pick<Registration, "userId" | "email">): Promise<void> {
      await tx`delete from registration where user_id = ${userId} or email = ${email}`;
    },

    /** As it is for one try, locked until the transaction ends; undefined when that try was given up. */
    async lockAttempt(tx: Tx, registrationId: string, attempt: number): Promise<Registration | undefined> {
      const [row] = await tx<Registration[]>`
        select ${columns(tx)} from registration
        where registration_id = ${registrationId} and attempt = ${attempt} and completed_at is null
        for update`;
      return row;
    },

    /** False when the address is taken. One who is there already, from the same registration, is no other. */
    async insertPending(
      tx: Tx,
      { userId, email, name, role, passwordHash, locale }: Registration,
      tenantId: string,
      createdAt: Date,
    ): Promise<boolean> {
      const { count } = await tx`
        insert into person (user_id, tenant_id, email, name, role, status, password_hash, created_at, updated_at, locale,
          email_verified_at, is_pending)
        values (${userId}, ${tenantId}, ${email}, ${name}, ${role}, 'inactive', ${passwordHash}, ${createdAt}, ${createdAt},
          ${locale}, ${createdAt}, true)
        on conflict (email) do update set is_pending = person.is_pending
          where person.user_id = excluded.user_id and person.is_pending`;
      return count === 1;
    },

    async deletePending(tx: Tx, userId: string): Promise<void> {
      await tx`delete from person where user_id = ${userId} and is_pending`;
    },

    /** The person from now on. */
    async activatePending(tx: Tx, userId: string): Promise<void> {
      await tx`update person set status = 'active', is_pending = false where user_id = ${userId} and is_pending`;
    },
  };
}

export type RegistrationStore = ReturnType<typeof createRegistrationStore>;
