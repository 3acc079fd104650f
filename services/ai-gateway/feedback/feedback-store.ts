import type { Database, Sql, Tx } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { Feedback, FeedbackFilter, FeedbackGroup, FeedbackName, FeedbackSum } from "./feedback.ts";

/** Columns by which calls are alike. */
const alike: { readonly [G in FeedbackGroup]: readonly string[] } = {
  model: ["provider", "model"],
  route: ["route", "route_version"],
  prompt: ["prompt", "prompt_version"],
  arm: ["route", "route_version", "provider", "model"],
};

const columns = (db: Sql | Tx) => db`
  feedback_id as "feedbackId", tenant_id as "tenantId", call_id as "callId", name, actor_id as "actorId", author, kind, number,
  label, comment, provider, model, route, route_version as "routeVersion", prompt, prompt_version as "promptVersion",
  created_at as "createdAt", updated_at as "updatedAt", expires_at as "expiresAt"`;

/** The SQL of feedback. One method, one statement. */
export function createFeedbackStore(db: Database) {
  const { sql } = db;
  const isNamed = (on: Tx, { tenantId, callId, name, actorId, author }: FeedbackName) => on`
    tenant_id = ${tenantId} and call_id = ${callId} and name = ${name} and actor_id = ${actorId} and author = ${author}`;
  const isWanted = (
    { tenantId, actorId, callId, name, model, route, prompt, from, to }: FeedbackFilter,
    now: Date,
  ) => sql`
    tenant_id = ${tenantId} and expires_at > ${now}
      ${actorId === undefined ? sql`` : sql`and actor_id = ${actorId}`}
      ${callId === undefined ? sql`` : sql`and call_id = ${callId}`}
      ${name === undefined ? sql`` : sql`and name = ${name}`}
      ${model === undefined ? sql`` : sql`and model = ${model}`}
      ${route === undefined ? sql`` : sql`and route = ${route}`}
      ${prompt === undefined ? sql`` : sql`and prompt = ${prompt}`}
      ${from === undefined ? sql`` : sql`and created_at >= ${from}`}
      ${to === undefined ? sql`` : sql`and created_at < ${to}`}`;
  return {
    /** Until the end of the transaction nobody else gives feedback on that call. */
    lockCall: (tx: Tx, tenantId: string, callId: string) =>
      tx`select pg_advisory_xact_lock(hashtextextended(${`ai_gateway.feedback ${tenantId} ${callId}`}, 0))`,

    async find(tx: Tx, named: FeedbackName): Promise<Feedback | undefined> {
      const [row] = await tx<Feedback[]>`select ${columns(tx)} from feedback where ${isNamed(tx, named)}`;
      return row;
    },

    async countOf(tx: Tx, tenantId: string, callId: string): Promise<number> {
      const [row] = await tx<{ count: number }[]>`
        select count(*)::int as count from feedback where tenant_id = ${tenantId} and call_id = ${callId}`;
      return row?.count ?? 0;
    },

    /** In place of the one with its name. */
    async put(tx: Tx, it: Feedback): Promise<void> {
      await tx`
        insert into feedback (feedback_id, tenant_id, call_id, name, actor_id, author, kind, number, label, comment, provider,
          model, route, route_version, prompt, prompt_version, created_at, updated_at, expires_at)
        values (${it.feedbackId}, ${it.tenantId}, ${it.callId}, ${it.name}, ${it.actorId}, ${it.author}, ${it.kind}, ${it.number},
          ${it.label}, ${it.comment}, ${it.provider}, ${it.model}, ${it.route}, ${it.routeVersion}, ${it.prompt},
          ${it.promptVersion}, ${it.createdAt}, ${it.updatedAt}, ${it.expiresAt})
        on conflict (tenant_id, call_id, name, actor_id, author) do update set kind = excluded.kind, number = excluded.number,
          label = excluded.label, comment = excluded.comment, updated_at = excluded.updated_at`;
    },

    /** False when there was none. */
    async remove(tx: Tx, named: FeedbackName): Promise<boolean> {
      const { count } = await tx`delete from feedback where ${isNamed(tx, named)}`;
      return count > 0;
    },

    /** The newest first, from behind `after` on. */
    list(
      filter: FeedbackFilter,
      page: { readonly after: readonly [Date, string] | undefined; readonly limit: number; readonly now: Date },
    ): Promise<Feedback[]> {
      const { after } = page;
      return sql<Feedback[]>`
        select ${columns(sql)} from feedback where ${isWanted(filter, page.now)}
          ${after === undefined ? sql`` : sql`and (created_at, feedback_id) < (${after[0]}::timestamptz, ${after[1]}::text)`}
        order by created_at desc, feedback_id desc limit ${page.limit}`;
    },

    /** What scores come to by their names and what calls are alike in, the most frequent first. */
    sum(filter: FeedbackFilter, by: FeedbackGroup, { now, limit }: { readonly now: Date; readonly limit: number }) {
      const named = new Set(alike[by]);
      const group = sql`${sql([...named])}, name, kind`;
      const shown = (column: string) => (named.has(column) ? sql`${sql(column)}` : sql`null`);
      return sql<FeedbackSum[]>`
        select ${shown("provider")} as provider, ${shown("model")} as model, ${shown("route")} as route,
          ${shown("route_version")} as "routeVersion", ${shown("prompt")} as prompt, ${shown("prompt_version")} as "promptVersion",
          name, kind, sum(times)::int as count, sum(total) / sum(times) as average, min(least) as least, max(most) as most,
          jsonb_object_agg(label, times) filter (where kind = 'label' and place <= 100) as labels
        from (
          select ${group}, label, count(*) as times, sum(number) as total, min(number) as least, max(number) as most,
            row_number() over (partition by ${group} order by count(*) desc, label) as place
          from feedback where ${isWanted(filter, now)} group by ${group}, label
        ) as counted
        group by ${group} order by count desc, ${group} limit ${limit}`;
    },

    listOf: (tx: Tx, actorId: string, limit: number) =>
      tx<Feedback[]>`
        select ${columns(tx)} from feedback where actor_id = ${actorId} order by created_at desc, feedback_id desc limit ${limit}`,

    removeOf: (tx: Tx, actorId: string) => tx`delete from feedback where actor_id = ${actorId}`,

    deleteExpired: (now: Date, limit: number) => deleteExpired(db, "feedback", { now, limit }),
  };
}

export type FeedbackStore = ReturnType<typeof createFeedbackStore>;
