import type { Sql } from "@lyss/kit/db/database.ts";
import type { PricedMode, Tokens } from "../model.ts";
import { fromOtherBucketsJson, type OtherBucketsJson } from "./terms-json.ts";

/** A recorded call with all that its cost depends on. */
export interface ChargedCall extends Tokens {
  readonly provider: string;
  readonly model: string;
  readonly startedAtMs: number;
  readonly serviceMode: PricedMode | undefined;
  /** Paid and uncollected. */
  readonly chargedNanos: bigint;
}

type Row = Omit<ChargedCall, "otherBuckets" | "serviceMode"> & {
  readonly otherBuckets: OtherBucketsJson;
  readonly serviceMode: PricedMode | null;
};

const rowsAtOnce = 5_000;

/** The SQL of trying prices out. */
export function createCostingStore(sql: Sql) {
  return {
    /** Calls that began in a span of time, in no order, many at a time; lost ones cost nothing and are left out. */
    async *streamCalls(range: {
      readonly tenantId: string | undefined;
      readonly fromMs: number;
      readonly toMs: number;
    }): AsyncGenerator<readonly ChargedCall[]> {
      const { tenantId = null } = range;
      const rows = sql<Row[]>`
        select provider, model, input_tokens as "inputTokens", cached_input_tokens as "cachedInputTokens",
          output_tokens as "outputTokens", other_buckets as "otherBuckets", service_mode as "serviceMode",
          extract(epoch from started_at)::float8 * 1000 as "startedAtMs",
          cost_nanos + uncollected_nanos as "chargedNanos"
        from usage
        where started_at >= ${new Date(range.fromMs)} and started_at < ${new Date(range.toMs)} and outcome <> 'lost'
          and (${tenantId}::text is null or tenant_id = ${tenantId})`.cursor(rowsAtOnce);
      for await (const page of rows) {
        yield page.map(({ otherBuckets, serviceMode, ...call }) => ({
          ...call,
          otherBuckets: fromOtherBucketsJson(otherBuckets),
          serviceMode: serviceMode ?? undefined,
        }));
      }
    },
  };
}

export type CostingStore = ReturnType<typeof createCostingStore>;
