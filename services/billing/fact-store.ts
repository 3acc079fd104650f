import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Tx } from "@lyss/kit/db/database.ts";
import { type AttemptName, nameOf, type PostedFact } from "./fact.ts";
import { toFactLines, toTime } from "./fact-lines.ts";
import { toJson } from "./to-json.ts";

/** The SQL of facts. */
export interface FactStore {
  /**
   * Adds the rows by COPY, which takes half the time of an insert (docs/adr/0040). Rejects with SQLSTATE 23505, and the
   * transaction is lost, when one of them is there already.
   */
  insertFacts(tx: Tx, facts: readonly PostedFact[]): Promise<void>;
  /** Corrects what was paid for rows of this transaction. */
  updatePaid(tx: Tx, facts: readonly PostedFact[]): Promise<void>;
  /**
   * Adds the rows that are not there yet, in their order, and gives them. Waits for whoever is about to commit one of them. Takes
   * several times as long as `insertFacts`.
   */
  insertNewFacts(tx: Tx, facts: readonly PostedFact[]): Promise<readonly PostedFact[]>;
}

export function createFactStore(): FactStore {
  return {
    insertFacts: (tx, facts) => copyFacts(tx, "usage", facts),
    async updatePaid(tx, facts) {
      const paid = facts.map(({ callId, attempt, startedAtMs, costNanos, uncollectedNanos }) => {
        return { callId, attempt, start: toTime(startedAtMs), costNanos, uncollectedNanos };
      });
      await tx`
        update usage set cost_nanos = r."costNanos", uncollected_nanos = r."uncollectedNanos"
        from jsonb_to_recordset(${toJson(paid)}::text::jsonb)
          as r("callId" text, attempt smallint, start text, "costNanos" bigint, "uncollectedNanos" bigint)
        where call_id = r."callId" and usage.attempt = r.attempt and started_at = start::timestamptz`;
    },
    async insertNewFacts(tx, facts) {
      const rows = facts.map((fact) => ({ ...fact, start: toTime(fact.startedAtMs) }));
      const inserted = await tx<AttemptName[]>`
        insert into usage (call_id, attempt, lease_id, posting_id, wallet_id, tenant_id, request_id, key_id, user_id, provider,
          model, price_id, outcome, input_tokens, cached_input_tokens, output_tokens, is_estimated, cost_nanos, uncollected_nanos,
          latency_ms, started_at, other_buckets, service_mode, tags, continues_attempt, is_streamed,
          first_token_ms, error)
        select "callId", attempt, "leaseId", "postingId", "walletId", "tenantId", "requestId", "keyId", "userId", provider,
          model, "priceId", outcome, "inputTokens", "cachedInputTokens", "outputTokens", "isEstimated", "costNanos",
          "uncollectedNanos", "latencyMs", start::timestamptz, "otherBuckets", "serviceMode", string_to_array(nullif(tags, ''), ','),
          nullif("continuesAttempt", 0), "isStreamed", "firstTokenMs", error
        from rows from (jsonb_to_recordset(${toJson(rows)}::text::jsonb) as ("callId" text, attempt smallint, "leaseId" text,
          "postingId" text, "walletId" text, "tenantId" text, "requestId" text, "keyId" text, "userId" text, provider text,
          model text, "priceId" text, outcome text, "inputTokens" bigint, "cachedInputTokens" bigint, "outputTokens" bigint,
          "isEstimated" boolean, "costNanos" bigint, "uncollectedNanos" bigint, "latencyMs" bigint, start text,
          "otherBuckets" jsonb, "serviceMode" text, tags text, "continuesAttempt" smallint,
          "isStreamed" boolean, "firstTokenMs" integer, error text)) with ordinality
        order by ordinality
        on conflict do nothing
        returning call_id as "callId", attempt`;
      const names = new Set(inserted.map(nameOf));
      return facts.filter((fact) => names.has(nameOf(fact)));
    },
  };
}

/** Adds the rows to a table that has the columns of usage. */
export async function copyFacts(tx: Tx, table: string, facts: readonly PostedFact[]): Promise<void> {
  const rows = await tx`
    copy ${tx(table)} (call_id, attempt, lease_id, posting_id, wallet_id, tenant_id, request_id, key_id, user_id, provider, model,
      price_id, outcome, input_tokens, cached_input_tokens, output_tokens, is_estimated, cost_nanos, uncollected_nanos,
      latency_ms, started_at, other_buckets, service_mode, tags, continues_attempt, is_streamed, first_token_ms, error)
    from stdin`.writable();
  await pipeline(Readable.from(toFactLines(facts)), rows);
}
