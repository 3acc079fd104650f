import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AttemptName, PostedFact } from "./fact.ts";
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
  /** Which of these attempts are recorded. A repeat says the same start, so only its day is looked into. */
  listKnownAttempts(tx: Tx, attempts: readonly AttemptName[]): Promise<AttemptName[]>;
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
    listKnownAttempts(tx, attempts) {
      const names = attempts.map(({ callId, attempt, startedAtMs }) => ({
        ...{ callId, attempt, startedAtMs },
        start: toTime(startedAtMs),
      }));
      return tx<AttemptName[]>`
        select r."callId", r.attempt, r."startedAtMs"
        from jsonb_to_recordset(${toJson(names)}::text::jsonb)
          as r("callId" text, attempt smallint, "startedAtMs" bigint, start text)
        cross join lateral (
          select from usage
          where call_id = r."callId" and usage.attempt = r.attempt and started_at = r.start::timestamptz
          limit 1
        ) as known`;
    },
  };
}

/** Adds the rows to a table that has the columns of usage. */
export async function copyFacts(tx: Tx, table: string, facts: readonly PostedFact[]): Promise<void> {
  const rows = await tx`
    copy ${tx(table)} (call_id, attempt, lease_id, posting_id, wallet_id, tenant_id, request_id, key_id, user_id, provider, model,
      price_id, outcome, input_tokens, cached_input_tokens, output_tokens, is_estimated, cost_nanos, uncollected_nanos,
      latency_ms, started_at, other_buckets, service_mode, tags)
    from stdin`.writable();
  await pipeline(Readable.from(toFactLines(facts)), rows);
}
