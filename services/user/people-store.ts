import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { ErasedPart, User, UserStatus } from "./model.ts";
import { personColumns as columns } from "./store.ts";

/** What a list of people may be sorted by. */
export type UserSort = "created_at" | "name" | "email";

/** Which people are wanted; what is left out is not asked for. */
export interface UserFilter {
  readonly tenantId?: string | undefined;
  readonly status?: string | undefined;
  readonly role?: string | undefined;
  /** Each is part of the name or of the e-mail address, in whatever case. */
  readonly words?: readonly string[] | undefined;
}

/** Where a page begins: behind the row with these keys. */
export interface UserPage {
  readonly sort: UserSort;
  readonly isDescending: boolean;
  readonly after: readonly string[] | undefined;
  readonly limit: number;
}

/** The SQL of who there is, and of changing it. One method, one statement. */
export function createPeopleStore(sql: Sql) {
  const matches = (db: Sql | Tx, { tenantId, status, role, words = [] }: UserFilter) => {
    const parts = [
      ...(tenantId === undefined ? [] : [db`tenant_id = ${tenantId}`]),
      ...(status === undefined ? [] : [db`status = ${status}`]),
      ...(role === undefined ? [] : [db`role = ${role}`]),
      ...words.map((word) => db`position(lower(${word}) in lower(name) || ' ' || email) > 0`),
    ];
    return parts.reduce((all, part) => db`${all} and ${part}`, db`not is_pending`);
  };

  return {
    listPeople(db: Sql | Tx, filter: UserFilter, { sort, isDescending, after, limit }: UserPage): Promise<User[]> {
      // An id begins with the time of its creation.
      const key = sort === "created_at" ? db`''` : sort === "name" ? db`lower(name)` : db`email`;
      const [afterKey = "", afterId = ""] = after ?? [];
      const rest = isDescending
        ? db`(${key} collate "C", user_id) < (${afterKey}, ${afterId})`
        : db`(${key} collate "C", user_id) > (${afterKey}, ${afterId})`;
      const direction = isDescending ? db`desc` : db`asc`;
      return db<User[]>`
        select ${columns(db)} from person where ${matches(db, filter)} and ${after ? rest : db`true`}
        order by ${key} collate "C" ${direction}, user_id ${direction} limit ${limit}`;
    },

    /** Newest first. */
    listNumberedPage(
      db: Sql | Tx,
      filter: UserFilter,
      { limit, offset }: { limit: number; offset: number },
    ): Promise<User[]> {
      return db<User[]>`
        select ${columns(db)} from person where ${matches(db, filter)} order by user_id desc limit ${limit} offset ${offset}`;
    },

    async countPeople(db: Sql | Tx, filter: UserFilter): Promise<number> {
      const [row] = await db<{ people: number }[]>`
        select count(*)::float8 as people from person where ${matches(db, filter)}`;
      return row?.people ?? 0;
    },

    /** Of all tenants; those are left out who have not come in yet. */
    countByStatus(): Promise<{ readonly status: UserStatus; readonly people: number }[]> {
      return sql<{ status: UserStatus; people: number }[]>`
        select status, count(*)::float8 as people from person where not is_pending group by status`;
    },

    /** The tenant of the first operator: the platform's own. */
    async findPlatformTenant(): Promise<string | undefined> {
      const [row] = await sql<{ tenantId: string }[]>`
        select tenant_id as "tenantId" from person where role = 'operator' order by created_at, user_id limit 1`;
      return row?.tenantId;
    },

    /** Those without whom a tenant would be nobody's, locked until the transaction ends. */
    lockOwners(tx: Tx, tenantId: string): Promise<Pick<User, "userId" | "role">[]> {
      return tx<Pick<User, "userId" | "role">[]>`
        select user_id as "userId", role from person
        where tenant_id = ${tenantId} and role in ('owner', 'operator') and status = 'active'
        order by user_id for update`;
    },

    /** A person of any tenant, locked until the transaction ends. */
    async lockUser(tx: Tx, userId: string): Promise<User | undefined> {
      const [row] = await tx<User[]>`select ${columns(tx)} from person where user_id = ${userId} for update`;
      return row;
    },

    /** What is so in the transaction; nothing is locked. */
    async readUser(tx: Tx, userId: string): Promise<User | undefined> {
      const [row] = await tx<User[]>`select ${columns(tx)} from person where user_id = ${userId}`;
      return row;
    },

    async updateUser(tx: Tx, { userId, name, role, status, version, updatedAt }: User): Promise<void> {
      await tx`
        update person set name = ${name}, role = ${role}, status = ${status}, version = ${version},
          updated_at = ${updatedAt}
        where user_id = ${userId}`;
    },

    async verifyEmail(tx: Tx, userId: string, verifiedAt: Date): Promise<void> {
      await tx`update person set email_verified_at = ${verifiedAt} where user_id = ${userId}`;
    },

    async deleteUser(tx: Tx, userId: string): Promise<void> {
      await tx`delete from person where user_id = ${userId}`;
    },

    /** When somebody who is gone left a tenant; undefined for others. */
    async findDeparted(userId: string, tenantId: string | undefined): Promise<Date | undefined> {
      const [row] = await sql<{ departedAt: Date }[]>`
        select departed_at as "departedAt" from departed_person
        where user_id = ${userId} and (${tenantId ?? null}::text is null or tenant_id = ${tenantId ?? null})`;
      return row?.departedAt;
    },

    /** A repeat, and a part of somebody who never was here, changes nothing. */
    async insertErasedPart(tx: Tx, userId: string, part: ErasedPart): Promise<void> {
      await tx`
        insert into erased_part (user_id, service, erased_at)
        select user_id, ${part.service}, ${part.erasedAt} from departed_person where user_id = ${userId}
        on conflict (user_id, service) do nothing`;
    },

    listErasedParts(userId: string): Promise<ErasedPart[]> {
      return sql<ErasedPart[]>`
        select service, erased_at as "erasedAt" from erased_part where user_id = ${userId} order by service`;
    },

    async insertDeparted(tx: Tx, { userId, tenantId, version }: User, departedAt: Date): Promise<void> {
      await tx`
        insert into departed_person (user_id, tenant_id, version, departed_at)
        values (${userId}, ${tenantId}, ${version}, ${departedAt})`;
    },
  };
}

export type PeopleStore = ReturnType<typeof createPeopleStore>;
