import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { SubjectLimits, SubjectReference } from "./subject-limits.ts";

const fragment = (db: Sql | Tx) => db`''`;
type Fragment = ReturnType<typeof fragment>;

/** The limits at the edge that hold a person: the person's own, and those of each group that the person is in. A JSON array. */
export const limitsThatHold = (
  db: Sql | Tx,
  { tenantId, userId }: { readonly tenantId: Fragment; readonly userId: Fragment },
) => db`
  coalesce((
    select jsonb_agg(jsonb_build_object('subject', held.subject, 'subjectId', held.subject_id,
      'name', coalesce(group_access.name, ''), 'requestsPerMinute', held.requests_per_minute,
      'maxConcurrentRequests', held.max_concurrent_requests) order by held.subject desc, held.subject_id)
    from (
      select 'user' as subject, ${userId} as subject_id
      union all select 'group', place.group_id from group_access_member as place
        where place.tenant_id = ${tenantId} and place.user_id = ${userId}
    ) as holder
    join subject_limit as held on held.tenant_id = ${tenantId}
      and held.subject = holder.subject and held.subject_id = holder.subject_id
    left join group_access on holder.subject = 'group' and group_access.group_id = holder.subject_id
    where coalesce(held.requests_per_minute, held.max_concurrent_requests) is not null
  ), '[]'::jsonb)`;

/** The SQL of limits of people and groups. One method, one statement. */
export function createLimitStore() {
  const columns = (db: Sql | Tx) => db`
    requests_per_minute as "requestsPerMinute", max_concurrent_requests as "maxConcurrentRequests",
    tokens_per_minute as "tokensPerMinute"`;

  return {
    async findLimits(
      db: Sql | Tx,
      { tenantId, subject, subjectId }: SubjectReference,
    ): Promise<SubjectLimits | undefined> {
      const [row] = await db<SubjectLimits[]>`
        select ${columns(db)} from subject_limit
        where tenant_id = ${tenantId} and subject = ${subject} and subject_id = ${subjectId}`;
      return row && { ...row };
    },

    async putLimits(tx: Tx, { tenantId, subject, subjectId }: SubjectReference, row: SubjectLimits): Promise<void> {
      await tx`
        insert into subject_limit (tenant_id, subject, subject_id, requests_per_minute, max_concurrent_requests,
          tokens_per_minute)
        values (${tenantId}, ${subject}, ${subjectId}, ${row.requestsPerMinute}, ${row.maxConcurrentRequests},
          ${row.tokensPerMinute})
        on conflict (tenant_id, subject, subject_id) do update set requests_per_minute = excluded.requests_per_minute,
          max_concurrent_requests = excluded.max_concurrent_requests, tokens_per_minute = excluded.tokens_per_minute`;
    },

    /** Notes that such a limit is told now, and gives it with a group's name; nothing when it was told since then. */
    async markTold(
      tx: Tx,
      { tenantId, subject, subjectId }: SubjectReference,
      { now, since }: { readonly now: Date; readonly since: Date },
    ): Promise<(SubjectLimits & { readonly name: string }) | undefined> {
      const [row] = await tx<(SubjectLimits & { readonly name: string })[]>`
        update subject_limit set told_at = ${now}
        where tenant_id = ${tenantId} and subject = ${subject} and subject_id = ${subjectId}
          and (told_at is null or told_at <= ${since})
        returning ${columns(tx)}, coalesce((
          select name from group_access where subject = 'group' and group_id = subject_id), '') as name`;
      return row;
    },

    async deleteLimits(tx: Tx, { tenantId, subject, subjectId }: SubjectReference): Promise<void> {
      await tx`
        delete from subject_limit
        where tenant_id = ${tenantId} and subject = ${subject} and subject_id = ${subjectId}`;
    },

    /** Whether a group is archived, if there is one. Its limits and its end wait for each other until the transaction ends. */
    async lockGroup(
      tx: Tx,
      { tenantId, groupId }: { readonly tenantId: string; readonly groupId: string },
    ): Promise<{ readonly isArchived: boolean } | undefined> {
      const [row] = await tx<{ isArchived: boolean }[]>`
        select is_archived as "isArchived" from group_access
        where tenant_id = ${tenantId} and group_id = ${groupId} for update`;
      return row;
    },

    /** Whether there is such a person. Changes of one person's limits wait for each other until the transaction ends. */
    async lockPerson(
      tx: Tx,
      { tenantId, userId }: { readonly tenantId: string; readonly userId: string },
    ): Promise<boolean> {
      const rows = await tx`
        select from principal where tenant_id = ${tenantId} and user_id = ${userId} for update`;
      return rows.length > 0;
    },
  };
}

export type LimitStore = ReturnType<typeof createLimitStore>;
