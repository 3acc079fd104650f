import type { Sql, Tx } from "@lyss/kit/db/database.ts";
import type { PricedMode, Tokens } from "../model.ts";
import { toJson } from "../to-json.ts";
import type { Reconciliation } from "./reconciliation.ts";
import type { Difference } from "./report.ts";

/** What a report adds to what was recorded of an attempt. */
export interface Correction extends Tokens {
  readonly callId: string;
  readonly attempt: number;
  readonly reconciliationId: string;
  readonly provider: string;
  readonly model: string;
  readonly costNanos: bigint;
  readonly startedAtMs: number;
}

/** A call whose charge was counted by us, as its customer paid for it. */
export interface EstimatedCharge {
  readonly callId: string;
  readonly attempt: number;
  readonly tenantId: string;
  readonly walletId: string;
  readonly priceId: string;
  readonly costNanos: bigint;
  readonly startedAt: Date | null;
  readonly serviceMode: PricedMode | null;
}

type Row = Omit<Reconciliation, "differences"> & { readonly differences: readonly StoredDifference[] };

/** A difference as it comes out of JSON: whole numbers are strings. */
type StoredDifference = {
  readonly [Field in keyof Difference]: Difference[Field] extends bigint ? string : Difference[Field];
};

const numbers = [
  ...["inputTokens", "cachedInputTokens", "outputTokens", "costNanos", "recordedNanos", "deltaNanos"],
  ...["unknownAttempts", "estimatedAttempts"],
];

function fromRow<Stored extends Row>({ differences, ...run }: Stored) {
  const toBigInts = (fields: object) =>
    Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, numbers.includes(name) ? BigInt(value) : value]),
    );
  const revived = differences.map((stored) => ({
    ...toBigInts(stored),
    recordedTokens: toBigInts(stored.recordedTokens),
  })) as unknown as readonly Difference[];
  return { ...run, differences: revived };
}

/** The SQL of reconciliations. One method, one statement. */
export function createReconciliationStore(sql: Sql) {
  const columns = (db: Sql | Tx) => db`
    reconciliation_id as "reconciliationId", provider, currency, state, from_day::text as "fromDay", to_day::text as "toDay",
    tolerance_nanos as "toleranceNanos", tolerance_ppm as "tolerancePpm", lines, reported_nanos as "reportedNanos",
    recorded_nanos as "recordedNanos", drift_nanos as "driftNanos", corrected_attempts as "correctedAttempts",
    refunded_nanos as "refundedNanos", charged_nanos as "chargedNanos", differences, created_at as "createdAt"`;

  return {
    /** One at a time for each provider. Released with the transaction. */
    async lockProvider(tx: Tx, provider: string): Promise<void> {
      await tx`select pg_advisory_xact_lock(hashtext('billing.reconciliation'), hashtext(${provider}))`;
    },

    async insertCorrections(tx: Tx, corrections: readonly Correction[]): Promise<void> {
      await tx`
        insert into provider_correction (call_id, attempt, reconciliation_id, provider, model, input_tokens,
          cached_input_tokens, output_tokens, cost_nanos, started_at)
        select "callId", r.attempt, "reconciliationId", provider, model, "inputTokens", "cachedInputTokens",
          "outputTokens", "costNanos", to_timestamp("startedAtMs" / 1000.0)
        from jsonb_to_recordset(${toJson(corrections)}::text::jsonb) as r("callId" text, attempt smallint,
          "reconciliationId" text, provider text, model text, "inputTokens" bigint, "cachedInputTokens" bigint,
          "outputTokens" bigint, "costNanos" bigint, "startedAtMs" bigint)`;
    },

    /** Those of the calls that were charged by an estimate and never corrected. */
    listEstimatedCharges(tx: Tx, callIds: readonly string[]): Promise<EstimatedCharge[]> {
      return tx<EstimatedCharge[]>`
        select call_id as "callId", attempt, tenant_id as "tenantId", wallet_id as "walletId", price_id as "priceId",
          cost_nanos as "costNanos", started_at as "startedAt", service_mode as "serviceMode"
        from usage where call_id = any(${callIds as string[]}) and is_estimated and uncollected_nanos = 0
          and outcome in ('completed', 'canceled', 'truncated')
          and not exists (select from posting where kind = 'correction' and reference = call_id || '/' || attempt)`;
    },

    async insertReconciliation(tx: Tx, run: Omit<Reconciliation, "createdAt">): Promise<Reconciliation> {
      const [stored] = await tx<{ createdAt: Date }[]>`
        insert into reconciliation (reconciliation_id, provider, currency, state, from_day, to_day, tolerance_nanos,
          tolerance_ppm, lines, reported_nanos, recorded_nanos, drift_nanos, corrected_attempts, refunded_nanos,
          charged_nanos, differences)
        values (${run.reconciliationId}, ${run.provider}, ${run.currency}, ${run.state}, ${run.fromDay}::text::date,
          ${run.toDay}::text::date, ${run.toleranceNanos}, ${run.tolerancePpm}, ${run.lines}, ${run.reportedNanos},
          ${run.recordedNanos}, ${run.driftNanos}, ${run.correctedAttempts}, ${run.refundedNanos}, ${run.chargedNanos},
          ${toJson(run.differences)}::text::jsonb)
        returning created_at as "createdAt"`;
      if (!stored) throw new Error("an inserted reconciliation gave no row");
      return { ...run, createdAt: stored.createdAt };
    },

    async findReconciliation(reconciliationId: string): Promise<Reconciliation | undefined> {
      const [run] = await sql<Row[]>`
        select ${columns(sql)} from reconciliation where reconciliation_id = ${reconciliationId}`;
      return run && fromRow(run);
    },

    /** Newest first. */
    async listReconciliations(page: {
      readonly provider: string | undefined;
      readonly after: { readonly createdAt: string; readonly reconciliationId: string } | undefined;
      readonly limit: number;
    }): Promise<(Reconciliation & { readonly position: string })[]> {
      const { provider, after, limit } = page;
      const rows = await sql<(Row & { position: string })[]>`
        select ${columns(sql)}, created_at::text as position from reconciliation
        where (${provider ?? null}::text is null or provider = ${provider ?? null})
          and (${after === undefined} or (created_at, reconciliation_id)
            < (${after?.createdAt ?? null}::text::timestamptz, ${after?.reconciliationId ?? null}))
        order by created_at desc, reconciliation_id desc limit ${limit}`;
      return rows.map(fromRow);
    },
  };
}

export type ReconciliationStore = ReturnType<typeof createReconciliationStore>;
