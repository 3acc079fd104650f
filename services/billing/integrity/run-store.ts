import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import { toJson } from "../to-json.ts";
import type { IntegrityCause, IntegrityReport, IntegrityRun } from "./finding.ts";

export interface RunPage {
  readonly limit: number;
  readonly after: { readonly wantedAt: string; readonly runId: string } | undefined;
}

/** The SQL of runs. One method, one statement. */
export function createIntegrityRunStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    run_id as "runId", cause, state, wanted_at as "wantedAt", started_at as "startedAt", ended_at as "endedAt", wallets,
    postings, usage_rows as "usageRows", finding_count as "findingCount", findings, digest`;
  const reportColumns = (tx: Tx, report: IntegrityReport) => tx`
    wallets = ${report.wallets}, postings = ${report.postings}, usage_rows = ${report.usageRows},
    finding_count = ${report.findingCount}, findings = ${toJson(report.findings)}::text::jsonb, digest = ${report.digest}`;

  return {
    /** The one that is open, or else a new one: there is never more than one. It stays open until the transaction ends. */
    async openRun(tx: Tx, run: { readonly runId: string; readonly cause: IntegrityCause }): Promise<IntegrityRun> {
      const [open] = await tx<[IntegrityRun]>`
        insert into integrity_run (run_id, cause) values (${run.runId}, ${run.cause})
        on conflict ((true)) where ended_at is null do update set cause = integrity_run.cause
        returning ${columns(tx)}`;
      return open;
    },

    async findRun(runId: string): Promise<IntegrityRun | undefined> {
      const [run] = await sql<IntegrityRun[]>`select ${columns(sql)} from integrity_run where run_id = ${runId}`;
      return run;
    },

    /** Newest first. */
    listRuns({ limit, after }: RunPage): Promise<(IntegrityRun & { position: string })[]> {
      return sql<(IntegrityRun & { position: string })[]>`
        select ${columns(sql)}, wanted_at::text as position from integrity_run
        where ${after === undefined} or (wanted_at, run_id) < (${after?.wantedAt ?? null}::text::timestamptz, ${after?.runId ?? null})
        order by wanted_at desc, run_id desc limit ${limit}`;
    },

    async findLastEnded(): Promise<IntegrityRun | undefined> {
      const [run] = await sql<IntegrityRun[]>`
        select ${columns(sql)} from integrity_run where ended_at is not null order by wanted_at desc, run_id desc limit 1`;
      return run;
    },

    /** Whether none was wanted for that long. */
    async isDue(everyMs: number): Promise<boolean> {
      const [row] = await sql<{ due: boolean }[]>`
        select not exists (
          select from integrity_run where wanted_at > now() - ${everyMs}::float8 * interval '1 millisecond'
        ) as due`;
      return row?.due === true;
    },

    /** Takes the open run when nobody works on it. */
    async claimRun(tx: Tx, claimMs: number): Promise<{ readonly runId: string } | undefined> {
      const [run] = await tx<{ runId: string }[]>`
        update integrity_run set state = 'running', started_at = now(),
          claimed_until = now() + ${claimMs}::float8 * interval '1 millisecond'
        where run_id = (
          select run_id from integrity_run where ended_at is null and (claimed_until is null or claimed_until < now())
          for update skip locked
        )
        returning run_id as "runId"`;
      return run;
    },

    async noteProgress(tx: Tx, runId: string, report: IntegrityReport, claimMs: number): Promise<void> {
      await tx`
        update integrity_run set ${reportColumns(tx, report)},
          claimed_until = now() + ${claimMs}::float8 * interval '1 millisecond'
        where run_id = ${runId} and ended_at is null`;
    },

    /** False when it had ended. */
    async endRun(tx: Tx, runId: string, report: IntegrityReport): Promise<boolean> {
      const state = report.findingCount === 0n ? "passed" : "failed";
      const { count } = await tx`
        update integrity_run set ${reportColumns(tx, report)}, state = ${state}, ended_at = now()
        where run_id = ${runId} and ended_at is null`;
      return count > 0;
    },

    async deleteOldRuns(tx: Tx, keep: number): Promise<void> {
      await tx`
        delete from integrity_run where run_id in (
          select run_id from integrity_run order by wanted_at desc, run_id desc offset ${keep})`;
    },
  };
}

export type IntegrityRunStore = ReturnType<typeof createIntegrityRunStore>;
