import type { Database, Sql, Tx } from "@lyss/kit/db/database.ts";
import type { Export, ExportName, ExportProblem, ExportSpec } from "./export.ts";

/** An export with what only its sender needs. */
export interface DueExport extends Export {
  /** Empty before it has begun. */
  readonly place: string;
  readonly sealedSecret: Buffer | null;
}

/** What has become of a batch. */
export interface SentBatch {
  /** Where to go on. */
  readonly place: string;
  readonly records: number;
  readonly rejected: number;
  readonly sentAt: Date;
  readonly leasedUntil: Date;
}

const columns = (db: Sql | Tx) => db`
  tenant_id as "tenantId", name, spec, sealed_secret is not null as "hasSecret", version, state, problem, failures,
  sent_records as "sentRecords", sent_batches as "sentBatches", rejected_records as "rejectedRecords",
  last_sent_at as "lastSentAt", waiting_since as "waitingSince", next_run_at as "nextRunAt", created_at as "createdAt",
  updated_at as "updatedAt"`;
const dueColumns = (db: Sql | Tx) => db`${columns(db)}, place, sealed_secret as "sealedSecret"`;

/** The SQL of exports. One method, one statement. */
export function createExportStore(db: Database) {
  const { sql } = db;
  return {
    list: (tenantId: string, after: string, limit: number) => sql<Export[]>`
      select ${columns(sql)} from export where tenant_id = ${tenantId} and name > ${after} order by name limit ${limit}`,

    async find({ tenantId, name }: ExportName): Promise<DueExport | undefined> {
      const [found] = await sql<DueExport[]>`
        select ${dueColumns(sql)} from export where tenant_id = ${tenantId} and name = ${name}`;
      return found;
    },

    /** All of a tenant's. Until the end of the transaction nobody else changes what any of them is. */
    async lockAll(tx: Tx, tenantId: string): Promise<DueExport[]> {
      await tx`select pg_advisory_xact_lock(hashtextextended(${`ai_gateway.export ${tenantId}`}, 0))`;
      return tx<DueExport[]>`select ${dueColumns(tx)} from export where tenant_id = ${tenantId} for update`;
    },

    /** Whoever is at work on it loses it. */
    put: (
      tx: Tx,
      given: ExportName & { spec: ExportSpec; sealedSecret: Buffer | null; version: number; now: Date },
    ) => tx`
      insert into export (tenant_id, name, spec, sealed_secret, version, state, next_run_at, created_at, updated_at)
      values (${given.tenantId}, ${given.name}, ${JSON.stringify(given.spec)}::text::jsonb, ${given.sealedSecret},
        ${given.version}, 'active', ${given.now}, ${given.now}, ${given.now})
      on conflict (tenant_id, name) do update set spec = excluded.spec, sealed_secret = excluded.sealed_secret,
        version = excluded.version, updated_at = excluded.updated_at, next_run_at = excluded.next_run_at,
        problem = null, failures = 0, leased_by = null, leased_until = null,
        state = case when export.state = 'paused' then 'paused' else 'active' end`,

    remove: (tx: Tx, { tenantId, name }: ExportName) => tx`
      delete from export where tenant_id = ${tenantId} and name = ${name}`,

    /** One whose place is lost begins anew at the end. */
    setState: (tx: Tx, { tenantId, name }: ExportName, state: "active" | "paused", now: Date) => tx`
      update export set state = ${state}, next_run_at = ${now}, updated_at = ${now}, failures = 0,
        place = case when problem ->> 'reason' = 'place_lost' then '' else place end,
        problem = case when ${state === "active"} then null else problem end,
        leased_by = null, leased_until = null
      where tenant_id = ${tenantId} and name = ${name}`,

    /** Those whose turn it is, and that nobody is at work on: they are this node's until then. */
    claimDue: (given: { readonly by: string; readonly now: Date; readonly until: Date; readonly limit: number }) =>
      db.transaction(
        (tx) => tx<DueExport[]>`
          update export set leased_by = ${given.by}, leased_until = ${given.until}
          where (tenant_id, name) in (
            select tenant_id, name from export
            where state = 'active' and next_run_at <= ${given.now}
              and (leased_until is null or leased_until <= ${given.now})
            order by next_run_at limit ${given.limit} for update skip locked)
          returning ${dueColumns(tx)}`,
      ),

    /** False where it is no longer this node's: somebody else goes on from where it was. */
    noteSent: (name: ExportName, by: string, sent: SentBatch) =>
      changed(
        db,
        (tx) => tx`
          update export set place = ${sent.place}, leased_until = ${sent.leasedUntil}, problem = null, failures = 0,
            sent_records = sent_records + ${sent.records}, sent_batches = sent_batches + 1,
            rejected_records = rejected_records + ${sent.rejected},
            last_sent_at = ${sent.sentAt}
          where ${held(tx, name, by)}`,
      ),

    /** Gives it back. */
    release: (
      name: ExportName,
      by: string,
      next: { readonly place: string; readonly runAt: Date; readonly waitingSince: Date | null },
    ) =>
      changed(
        db,
        (tx) => tx`
          update export set leased_by = null, leased_until = null, place = ${next.place}, next_run_at = ${next.runAt},
            waiting_since = ${next.waitingSince}
          where ${held(tx, name, by)}`,
      ),

    /** Gives it back after a try that failed; true where it was this node's. */
    noteFailed: (
      tx: Tx,
      name: ExportName,
      by: string,
      failed: {
        readonly problem: ExportProblem;
        readonly state: "active" | "failed";
        readonly runAt: Date;
        readonly waitingSince: Date | null;
      },
    ) => tx`
      update export set leased_by = null, leased_until = null, failures = failures + 1, state = ${failed.state},
        problem = ${JSON.stringify(failed.problem)}::text::jsonb, next_run_at = ${failed.runAt},
        waiting_since = coalesce(${failed.waitingSince}, waiting_since)
      where ${held(tx, name, by)}`,

    /** Of all that are not paused: how long the oldest record has waited, by kind. */
    lags: (now: Date) => sql<{ kind: string; lagSeconds: number; failed: number }[]>`
      select spec ->> 'kind' as kind, count(*) filter (where state = 'failed')::int as failed,
        coalesce(max(extract(epoch from ${now}::timestamptz - waiting_since)), 0)::float8 as "lagSeconds"
      from export where state <> 'paused' group by 1`,
  };
}

const held = (tx: Tx, { tenantId, name }: ExportName, by: string) =>
  tx`tenant_id = ${tenantId} and name = ${name} and leased_by = ${by}`;

async function changed(db: Database, change: (tx: Tx) => Promise<{ readonly count: number }>): Promise<boolean> {
  const { count } = await db.transaction(change);
  return count > 0;
}

export type ExportStore = ReturnType<typeof createExportStore>;
