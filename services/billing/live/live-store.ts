import type { Sql } from "@lyss/kit/db/database.ts";
import type { UsageRow } from "../model.ts";
import { fromUsageColumns, type UsageColumns, usageColumns } from "../usage/usage-store.ts";

/** Calls that began within `fromMs` to `toMs` and were recorded after a time. */
export interface LiveRange {
  readonly tenantId: string;
  readonly fromMs: number;
  /** Exclusive. */
  readonly toMs: number;
  readonly recordedAfterMs: number;
  readonly limit: number;
}

/** The SQL of what is new. */
export function createLiveStore(sql: Sql) {
  return {
    /** The newest of them, oldest first. */
    async listRecorded({ tenantId, fromMs, toMs, recordedAfterMs, limit }: LiveRange): Promise<UsageRow[]> {
      const rows = await sql<UsageColumns<UsageRow>[]>`
        select ${usageColumns(sql)}, attempt, created_at as "createdAt" from usage
        where tenant_id = ${tenantId} and started_at >= ${new Date(fromMs)} and started_at < ${new Date(toMs)}
          and created_at > ${new Date(recordedAfterMs)}
        order by created_at desc, call_id, attempt limit ${limit}`;
      return rows.map(fromUsageColumns<UsageRow>).reverse();
    },
  };
}

export type LiveStore = ReturnType<typeof createLiveStore>;
