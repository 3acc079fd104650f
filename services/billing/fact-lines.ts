import { setImmediate } from "node:timers/promises";
import type { OtherQuantities } from "@lyss/contracts/pricing/token-price.ts";
import type { PostedFact } from "./fact.ts";

/** A time as PostgreSQL reads it. */
export function toTime(timeMs: bigint): string {
  return new Date(Number(timeMs)).toISOString();
}

/** COPY's null. */
const none = "\\N";

function toBucketsJson(quantities: OtherQuantities): string {
  return JSON.stringify(quantities, (_key, value) => (typeof value === "bigint" ? value.toString() : value));
}

const linesPerTurn = 200;

/**
 * Rows of usage in COPY's text format, many at a time. In turns of the event loop: who waits for an answer under a lock does not
 * wait for thousands of lines as well.
 */
export async function* toFactLines(facts: readonly PostedFact[]): AsyncGenerator<string> {
  for (let at = 0; at < facts.length; at += linesPerTurn) {
    yield facts
      .slice(at, at + linesPerTurn)
      .map(toLine)
      .join("");
    await setImmediate();
  }
}

/** A row of usage as COPY reads it. */
function toLine(fact: PostedFact): string {
  const { callId, attempt, leaseId, postingId, walletId, tenantId, requestId, keyId, userId } = fact;
  const { provider, model, priceId, outcome, isEstimated, latencyMs, costNanos, uncollectedNanos } = fact;
  const { inputTokens, cachedInputTokens, outputTokens } = fact;
  const texts = [callId, leaseId, postingId, walletId, tenantId, requestId, keyId, userId, provider, model, priceId];
  // One look for all of them: hardly ever is there anything to escape.
  const [call, lease, posting, ...names] = special.test(texts.join("")) ? texts.map(escaped) : texts;
  const used = `${inputTokens}\t${cachedInputTokens}\t${outputTokens}\t${isEstimated}\t${costNanos}\t${uncollectedNanos}`;
  const when = `${latencyMs}\t${toTime(fact.startedAtMs)}`;
  const rare = `${fact.otherBuckets ? toBucketsJson(fact.otherBuckets) : none}\t${fact.serviceMode ?? none}\t${fact.tags ? `{${fact.tags}}` : none}`;
  const continued = fact.continuesAttempt || none;
  const { isStreamed = none, firstTokenMs = none, error = none } = fact;
  const ended = `${isStreamed}\t${firstTokenMs}\t${error}`;
  return `${call}\t${attempt}\t${lease}\t${posting}\t${names.join("\t")}\t${outcome}\t${used}\t${when}\t${rare}\t${continued}\t${ended}\n`;
}

const special = /[\\\t\n\r]/;

/** As COPY's text format wants it (postgresql.org/docs/18/sql-copy.html, "Text Format"). */
function escaped(text: string): string {
  return text.replaceAll(/[\\\t\n\r]/g, (char) => `\\${escapes[char] ?? char}`);
}

const escapes: Readonly<Record<string, string>> = { "\t": "t", "\n": "n", "\r": "r" };
