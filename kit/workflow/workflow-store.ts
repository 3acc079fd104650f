import type { Database } from "../db/database.ts";
import type { StepFailure } from "./attempt.ts";

export interface ParkedRun {
  readonly runId: string;
  /** How often this run has been parked, this time included. */
  readonly parking: number;
  readonly failure: StepFailure;
  readonly parkedAt: Date;
}

/** What the workflow engine knows besides the runs themselves. */
export type WorkflowStore = ReturnType<typeof createWorkflowStore>;

interface ParkedRow {
  readonly run_id: string;
  readonly parking: number;
  readonly step: string;
  readonly failure_code: string;
  readonly failure_text: string;
  readonly parked_at: Date;
}

const toParkedRun = (row: ParkedRow): ParkedRun => ({
  runId: row.run_id,
  parking: row.parking,
  failure: { step: row.step, code: row.failure_code, text: row.failure_text },
  parkedAt: row.parked_at,
});

/** Key of the advisory lock under which one node at a time takes runs over ("take" in ASCII). */
const takeOverLock = 0x74_61_6b_65;

export function createWorkflowStore(db: Database) {
  const { sql } = db;
  return {
    async park(runId: string, parking: number, { step, code, text }: StepFailure): Promise<void> {
      await sql`
        insert into parked_run (run_id, parking, step, failure_code, failure_text)
        values (${runId}, ${parking}, ${step}, ${code}, ${text})
        on conflict (run_id) do update set parking = excluded.parking, step = excluded.step,
          failure_code = excluded.failure_code, failure_text = excluded.failure_text`;
    },
    async unpark(runId: string): Promise<void> {
      await sql`delete from parked_run where run_id = ${runId}`;
    },
    async listParked(runIds: readonly string[]): Promise<readonly ParkedRun[]> {
      const rows = await sql<ParkedRow[]>`select * from parked_run where run_id = any(${runIds as string[]})`;
      return rows.map(toParkedRun);
    },
    async listAllParked(limit: number): Promise<readonly ParkedRun[]> {
      const rows = await sql<ParkedRow[]>`select * from parked_run order by parked_at limit ${limit}`;
      return rows.map(toParkedRun);
    },
    async cancel(runId: string): Promise<void> {
      await sql`insert into canceled_run (run_id) values (${runId}) on conflict do nothing`;
    },
    async isCanceled(runId: string): Promise<boolean> {
      const rows = await sql`select 1 from canceled_run where run_id = ${runId}`;
      return rows.length > 0;
    },
    async beat(nodeId: string): Promise<void> {
      await sql`
        insert into node (id) values (${nodeId}) on conflict (id) do update set beat_at = now()`;
    },
    /** Says that a node has gone: its runs may be taken over at once. */
    async leave(nodeId: string): Promise<void> {
      await sql`update node set beat_at = '-infinity' where id = ${nodeId}`;
    },
    /** Forgets what was kept of runs that are no more. */
    async forget(runIds: readonly string[]): Promise<void> {
      await sql`delete from canceled_run where run_id = any(${runIds as string[]})`;
    },
    /**
     * Gives the nodes that have not beaten for `deadAfterMs` to `takeOver`, one node of the installation at a time, and
     * forgets those of which it says that nothing is left.
     */
    async buryDead(deadAfterMs: number, takeOver: (nodeId: string) => Promise<boolean>): Promise<void> {
      await db.transaction(async (tx) => {
        const [lock] = await tx<{ held: boolean }[]>`select pg_try_advisory_xact_lock(${takeOverLock}) as held`;
        if (!lock?.held) return;
        const rows = await tx<{ id: string }[]>`
          select id from node where beat_at < now() - ${deadAfterMs}::int * interval '1 millisecond' limit 100`;
        for (const { id } of rows) if (await takeOver(id)) await tx`delete from node where id = ${id}`;
      });
    },
  };
}
