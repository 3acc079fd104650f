import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AttemptName, PostedFact } from "./fact.ts";
import { toJson } from "./store.ts";

/** The SQL of facts. */
export interface FactStore {
  /**
   * Adds the rows by COPY, which takes half the time of an insert (docs/adr/0040). Rejects with SQLSTATE 23505, and the
   * transaction is lost, when one of them is there already.
   */
  insertFacts(tx: Tx, facts: readonly PostedFact[]): Promise<void>;
  /** Which of these attempts are recorded. */
  listKnownAttempts(tx: Tx, attempts: readonly AttemptName[]): Promise<AttemptName[]>;
}

export function createFactStore(): FactStore {
  return {
    async insertFacts(tx, facts) {
      const rows = await tx`
        copy usage (call_id, attempt, lease_id, posting_id, wallet_id, tenant_id, request_id, key_id, user_id, provider, model,
          price_id, outcome, input_tokens, cached_input_tokens, output_tokens, is_estimated, cost_nanos, uncollected_nanos,
          latency_ms, started_at)
        from stdin`.writable();
      await pipeline(Readable.from([facts.map(toLine).join("")]), rows);
    },
    listKnownAttempts(tx, attempts) {
      const names = attempts.map(({ callId, attempt }) => ({ callId, attempt }));
      return tx<AttemptName[]>`
        select call_id as "callId", usage.attempt from usage
        join jsonb_to_recordset(${toJson(names)}::text::jsonb) as r("callId" text, attempt smallint)
        on call_id = r."callId" and usage.attempt = r.attempt`;
    },
  };
}

function toLine(fact: PostedFact): string {
  const { inputTokens, cachedInputTokens, outputTokens, isEstimated, costNanos, uncollectedNanos, latencyMs } = fact;
  const names = [fact.walletId, fact.tenantId, fact.requestId, fact.keyId, fact.userId, fact.provider, fact.model];
  const head = `${escaped(fact.callId)}\t${fact.attempt}\t${escaped(fact.leaseId)}\t${escaped(fact.postingId)}`;
  const called = `${names.map(escaped).join("\t")}\t${escaped(fact.priceId)}\t${fact.outcome}`;
  const used = `${inputTokens}\t${cachedInputTokens}\t${outputTokens}\t${isEstimated}\t${costNanos}\t${uncollectedNanos}`;
  return `${head}\t${called}\t${used}\t${latencyMs}\t${new Date(Number(fact.startedAtMs)).toISOString()}\n`;
}

/** As COPY's text format wants it (postgresql.org/docs/18/sql-copy.html, "Text Format"). */
function escaped(text: string): string {
  return /[\\\t\n\r]/.test(text) ? text.replaceAll(/[\\\t\n\r]/g, (char) => `\\${escapes[char] ?? char}`) : text;
}

const escapes: Readonly<Record<string, string>> = { "\t": "t", "\n": "n", "\r": "r" };
