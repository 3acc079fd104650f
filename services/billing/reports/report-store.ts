import type { Tx } from "@lyss/kit/db/database.ts";
import { toJson } from "../to-json.ts";

/** A report of usage and what it came to. */
export interface StoredReport {
  readonly reportId: string;
  readonly contentHash: string;
  readonly callId: string;
  readonly startedAt: Date;
  readonly priceId: string;
  readonly costNanos: bigint;
  /** Empty when it cost nothing. */
  readonly postingId: string;
}

export type NewReport = Pick<StoredReport, "reportId" | "contentHash" | "callId" | "startedAt">;

/** What a claimed report came to. */
export type FinishedReport = Omit<StoredReport, keyof Omit<NewReport, "reportId">>;

/** The SQL of reported usage. One method, one statement. */
export function createReportStore() {
  return {
    /**
     * Claims these names for the tenant, and gives those that nobody had. Waits for another transaction that is about to
     * claim one of them.
     */
    async claim(tx: Tx, tenantId: string, reports: readonly NewReport[]): Promise<ReadonlySet<string>> {
      const rows = await tx<{ reportId: string }[]>`
        insert into usage_report (tenant_id, report_id, content_hash, call_id, started_at)
        select ${tenantId}::text, "reportId", "contentHash", "callId", "startedAt"
        from jsonb_to_recordset(${toJson(reports)}::text::jsonb)
          as r("reportId" text, "contentHash" text, "callId" text, "startedAt" timestamptz)
        order by "reportId"
        on conflict (tenant_id, report_id) do nothing returning report_id as "reportId"`;
      return new Set(rows.map(({ reportId }) => reportId));
    },

    /** Writes what claimed reports came to. */
    async finish(tx: Tx, tenantId: string, reports: readonly FinishedReport[]): Promise<void> {
      await tx`
        update usage_report set price_id = r."priceId", cost_nanos = r."costNanos", posting_id = r."postingId"
        from jsonb_to_recordset(${toJson(reports)}::text::jsonb)
          as r("reportId" text, "priceId" text, "costNanos" bigint, "postingId" text)
        where tenant_id = ${tenantId} and report_id = r."reportId"`;
    },

    find(tx: Tx, tenantId: string, reportIds: readonly string[]): Promise<StoredReport[]> {
      return tx<StoredReport[]>`
        select report_id as "reportId", content_hash as "contentHash", call_id as "callId", started_at as "startedAt",
          price_id as "priceId", cost_nanos as "costNanos", posting_id as "postingId"
        from usage_report where tenant_id = ${tenantId} and report_id = any(${reportIds as string[]})`;
    },
  };
}

export type ReportStore = ReturnType<typeof createReportStore>;
