import type { Database } from "../db/database.ts";
import type { StepFailure } from "./attempt.ts";

export interface ParkedRun {
  readonly runId: string;
  /** How often this run has been parked, this time included. */
  readonly parking: number;
  readonly failure: StepFailure;
  readonly parkedAt: Date;
}

/** `failed` runs ended in a bug that no saga can handle; the log has it. */
export type RunState = "running" | "parked" | "done" | "compensated" | "failed";

/** A run as our own table has it. */
export interface StoredRun {
  readonly runId: string;
  /** Order in which runs began. */
  readonly seq: bigint;
  readonly service: string;
  readonly saga: string;
  readonly state: RunState;
  /** Steps before the pivot at which it may wait. */
  readonly waits: readonly string[];
  /** Why it is parked, was turned back, or failed. */
  readonly failure: StepFailure | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly endedAt: Date | null;
}

/** Which runs are wanted; what is left out does not restrict. */
export interface RunFilter {
  readonly states?: readonly RunState[] | undefined;
  readonly service?: string | undefined;
  readonly saga?: string | undefined;
}

/** What the workflow engine knows besides the steps of runs. */
export type WorkflowStore = ReturnType<typeof createWorkflowStore>;

/** Key of the advisory lock under which one node at a time takes runs over ("take" in ASCII). */
const takeOverLock = 0x74_61_6b_65;

export function createWorkflowStore(db: Database) {
  const { sql } = db;
  const runColumns = sql`
    run_id as "runId", seq, service, saga, state, waits, failure, created_at as "createdAt", updated_at as "updatedAt",
    ended_at as "endedAt"`;
  const restrict = ({ states, service, saga }: RunFilter) => sql`
    ${states ? sql`and state = any(${states as RunState[]})` : sql``}
    ${service === undefined ? sql`` : sql`and service = ${service}`}
    ${saga === undefined ? sql`` : sql`and saga = ${saga}`}`;

  return {
    /** Notes a run that begins, or is taken up again. */
    async begin(run: Pick<StoredRun, "runId" | "service" | "saga" | "waits">): Promise<void> {
      await sql`
        insert into run (run_id, service, saga, waits)
        values (${run.runId}, ${run.service}, ${run.saga}, ${run.waits as string[]}) on conflict do nothing`;
    },
    /** Notes how a run ended. A node that only believes that its run failed does not overrule another. */
    async end(runId: string, state: "done" | "compensated" | "failed", failure: StepFailure | null): Promise<void> {
      await sql`
        update run set state = ${state}, failure = ${failure ? sql.json({ ...failure }) : null}, updated_at = now(),
          ended_at = now()
        where run_id = ${runId} and (ended_at is null or (state = 'failed' and ${state} <> 'failed'))`;
    },
    async findRun(runId: string): Promise<StoredRun | undefined> {
      const [run] = await sql<StoredRun[]>`select ${runColumns} from run where run_id = ${runId}`;
      return run;
    },
    /** The newest first, those that began before a number. */
    async listRuns(
      filter: RunFilter,
      { beforeSeq, limit }: { readonly beforeSeq?: bigint | undefined; readonly limit: number },
    ): Promise<readonly StoredRun[]> {
      return sql<StoredRun[]>`
        select ${runColumns} from run
        where true ${beforeSeq === undefined ? sql`` : sql`and seq < ${beforeSeq}`} ${restrict(filter)}
        order by seq desc limit ${limit}`;
    },
    async countRuns(filter: RunFilter): Promise<readonly { readonly state: RunState; readonly count: bigint }[]> {
      return sql<{ state: RunState; count: bigint }[]>`
        select state, count(*) from run where true ${restrict(filter)} group by state`;
    },
    async park(runId: string, parking: number, failure: StepFailure): Promise<void> {
      const { step, code, text } = failure;
      await sql`
        with parked as (
          insert into parked_run (run_id, parking, step, failure_code, failure_text)
          values (${runId}, ${parking}, ${step}, ${code}, ${text})
          on conflict (run_id) do update set parking = excluded.parking, step = excluded.step,
            failure_code = excluded.failure_code, failure_text = excluded.failure_text
        )
        update run set state = 'parked', failure = ${sql.json({ ...failure })}, updated_at = now()
        where run_id = ${runId} and ended_at is null`;
    },
    async unpark(runId: string): Promise<void> {
      await sql`
        with resumed as (delete from parked_run where run_id = ${runId})
        update run set state = 'running', failure = null, updated_at = now() where run_id = ${runId} and state = 'parked'`;
    },
    /** How often the run has been parked, the last time included; undefined when it is not parked now. */
    async findParking(runId: string): Promise<number | undefined> {
      const [row] = await sql<{ parking: number }[]>`select parking from parked_run where run_id = ${runId}`;
      return row?.parking;
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
      const ids = runIds as string[];
      await sql`
        with forgotten as (delete from canceled_run where run_id = any(${ids})) delete from run where run_id = any(${ids})`;
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
