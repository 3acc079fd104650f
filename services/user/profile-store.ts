import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { AvatarFacts, Profile } from "./profile.ts";
import { personColumns } from "./store.ts";

/** An avatar and its bytes. */
export interface Avatar extends AvatarFacts {
  readonly bytes: Buffer;
}

/** The SQL of profiles, settings and avatars. One method, one statement. */
export function createProfileStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    ${personColumns(db)}, locale, time_zone as "timeZone", theme, mails_budget_alerts as "mailsBudgetAlerts", (
      select json_build_object('contentType', content_type, 'width', width, 'height', height, 'hash', hash)
      from avatar where avatar.user_id = person.user_id) as avatar`;

  return {
    async findProfile(userId: string, tenantId: string): Promise<Profile | undefined> {
      const [row] = await sql<Profile[]>`
        select ${columns(sql)} from person where user_id = ${userId} and tenant_id = ${tenantId} and not is_pending`;
      return row;
    },

    /** As it is in a transaction that has locked the person. */
    async readProfile(tx: Tx, userId: string): Promise<Profile | undefined> {
      const [row] = await tx<Profile[]>`select ${columns(tx)} from person where user_id = ${userId}`;
      return row;
    },

    /** All but the avatar. */
    async updateProfile(tx: Tx, row: Profile): Promise<void> {
      await tx`
        update person set name = ${row.name}, locale = ${row.locale}, time_zone = ${row.timeZone}, theme = ${row.theme},
          mails_budget_alerts = ${row.mailsBudgetAlerts}, version = ${row.version}, updated_at = ${row.updatedAt}
        where user_id = ${row.userId}`;
    },

    async findAvatar(userId: string, tenantId: string): Promise<Avatar | undefined> {
      const [row] = await sql<Avatar[]>`
        select content_type as "contentType", width, height, hash, bytes from avatar
        where user_id = ${userId}
          and exists (select from person where person.user_id = avatar.user_id and tenant_id = ${tenantId} and not is_pending)`;
      return row;
    },

    /** Takes the place of the one before. */
    async putAvatar(tx: Tx, userId: string, { contentType, width, height, hash, bytes }: Avatar): Promise<void> {
      await tx`
        insert into avatar (user_id, content_type, width, height, hash, bytes)
        values (${userId}, ${contentType}, ${width}, ${height}, ${hash}, ${bytes})
        on conflict (user_id) do update set content_type = excluded.content_type, width = excluded.width,
          height = excluded.height, hash = excluded.hash, bytes = excluded.bytes`;
    },

    async deleteAvatar(tx: Tx, userId: string): Promise<void> {
      await tx`delete from avatar where user_id = ${userId}`;
    },
  };
}

export type ProfileStore = ReturnType<typeof createProfileStore>;
