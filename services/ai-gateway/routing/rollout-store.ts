import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Rollout, RolloutCounts } from "./rollout.ts";

const json = (value: object) => JSON.stringify(value);

/** The SQL of changes that are tried. One method, one statement. */
export function createRolloutStore(sql: Sql) {
  const columns = sql`tenant_id as "tenantId", name, rollout_id as "rolloutId", spec, percent, gates, state, reason, counts,
    started_at as "startedAt", staged_at as "stagedAt", ended_at as "endedAt"`;
  return {
    /** In the place of one that has ended. */
    async put(tx: Tx, rollout: Rollout): Promise<void> {
      const { tenantId, name, rolloutId, spec, percent, gates, state, counts, startedAt } = rollout;
      await tx`
        insert into route_rollout (tenant_id, name, rollout_id, spec, percent, gates, state, reason, counts, started_at, staged_at)
        values (${tenantId}, ${name}, ${rolloutId}, ${json(spec)}::text::jsonb, ${percent}, ${json(gates)}::text::jsonb,
          ${state}, '', ${json(counts)}::text::jsonb, ${startedAt}, ${startedAt})
        on conflict (tenant_id, name) do update set rollout_id = excluded.rollout_id, spec = excluded.spec,
          percent = excluded.percent, gates = excluded.gates, state = excluded.state, reason = '', counts = excluded.counts,
          started_at = excluded.started_at, staged_at = excluded.staged_at, ended_at = null`;
    },

    async find(tenantId: string, name: string): Promise<Rollout | undefined> {
      const [row] = await sql<Rollout[]>`
        select ${columns} from route_rollout where tenant_id = ${tenantId} and name = ${name}`;
      return row;
    },

    /** Every tenant's that run, for the catalog. */
    listRunning: () => sql<Rollout[]>`select ${columns} from route_rollout where state = 'running'`,

    async isRunning(tx: Tx, tenantId: string, name: string): Promise<boolean> {
      const { count } = await tx`
        select from route_rollout where tenant_id = ${tenantId} and name = ${name} and state = 'running'`;
      return count > 0;
    },

    /** Begins a stage, whose calls are counted from nothing. False for one that does not run. */
    async stage(tx: Tx, rolloutId: string, percent: number, counts: RolloutCounts, now: Date): Promise<boolean> {
      const { count } = await tx`
        update route_rollout set percent = ${percent}, counts = ${json(counts)}::text::jsonb, staged_at = ${now}
        where rollout_id = ${rolloutId} and state = 'running'`;
      return count > 0;
    },

    /** False for one that does not run any more. */
    async end(tx: Tx, rolloutId: string, state: Rollout["state"], reason: string, now: Date): Promise<boolean> {
      const { count } = await tx`
        update route_rollout set state = ${state}, reason = ${reason}, ended_at = ${now}
        where rollout_id = ${rolloutId} and state = 'running'`;
      return count > 0;
    },

    /** Adds what a node has counted in a stage; gives all that is known of it. Undefined for one that does not run, or is at another stage. */
    async add({ rolloutId, percent }: Pick<Rollout, "rolloutId" | "percent">, seen: RolloutCounts) {
      const { current, candidate } = seen;
      const [row] = await sql<Rollout[]>`
        update route_rollout set counts = jsonb_build_object(
          'current', jsonb_build_object('calls', (counts->'current'->>'calls')::bigint + ${current.calls},
            'failed', (counts->'current'->>'failed')::bigint + ${current.failed},
            'totalMs', (counts->'current'->>'totalMs')::bigint + ${Math.round(current.totalMs)}),
          'candidate', jsonb_build_object('calls', (counts->'candidate'->>'calls')::bigint + ${candidate.calls},
            'failed', (counts->'candidate'->>'failed')::bigint + ${candidate.failed},
            'totalMs', (counts->'candidate'->>'totalMs')::bigint + ${Math.round(candidate.totalMs)}))
        where rollout_id = ${rolloutId} and percent = ${percent} and state = 'running'
        returning ${columns}`;
      return row;
    },
  };
}

export type RolloutStore = ReturnType<typeof createRolloutStore>;
