import { type ExportedPerson, exportedRowsLimit } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";

type Rows = Promise<readonly object[]>;

/** The SQL of what is kept of one person, as an export shows it: newest first; amounts as text. One method, one statement. */
export function createPersonStore() {
  return {
    /** As long as single calls are kept. */
    listCalls: (tx: Tx, { tenantId, userId }: ExportedPerson): Rows => tx`
      select call_id, attempt, request_id, key_id, provider, model, outcome, input_tokens::text, cached_input_tokens::text,
        output_tokens::text, is_estimated, cost_nanos::text, uncollected_nanos::text, latency_ms::float8, tags, started_at
      from usage where tenant_id = ${tenantId} and user_id = ${userId}
      order by started_at desc, call_id desc, attempt desc limit ${exportedRowsLimit}`,

    listDays: (tx: Tx, { tenantId, userId }: ExportedPerson): Rows => tx`
      select start, key_id, provider, model, calls::text, input_tokens::text, cached_input_tokens::text, output_tokens::text,
        cost_nanos::text, uncollected_nanos::text
      from usage_sum where tenant_id = ${tenantId} and unit = 'day' and user_id = ${userId}
      order by start desc, key_id, provider, model limit ${exportedRowsLimit}`,

    listOrders: (tx: Tx, { tenantId, userId }: ExportedPerson): Rows => tx`
      select order_id, provider, currency, amount_nanos::text, state, created_at, expires_at, ended_at
      from payment_order where tenant_id = ${tenantId} and user_id = ${userId}
      order by order_id desc limit ${exportedRowsLimit}`,

    listRedemptions: (tx: Tx, { tenantId, userId }: ExportedPerson): Rows => tx`
      select redemption_id, batch_id, redeemed_at from code_redemption
      where tenant_id = ${tenantId} and user_id = ${userId} order by redeemed_at desc limit ${exportedRowsLimit}`,

    listBudgets: (tx: Tx, { tenantId, userId }: ExportedPerson): Rows => tx`
      select budget_id, unit, period, limit_amount::text, used_amount::text, time_zone, reset_day, window_starts_at,
        window_ends_at, created_at, updated_at
      from budget where tenant_id = ${tenantId} and scope_kind = 'user' and scope_id = ${userId}
      order by budget_id desc limit ${exportedRowsLimit}`,
  };
}

export type PersonStore = ReturnType<typeof createPersonStore>;
