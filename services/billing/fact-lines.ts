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
    let lines = "";
    for (const fact of facts.slice(at, at + linesPerTurn)) lines += toLine(fact);
    yield lines;
    await setImmediate();
  }
}

/** A row of usage as COPY reads it. One text put together from others, for lists of them would be most of what posting a fact makes. */
function toLine(fact: PostedFact): string {
  const { isStreamed = none, firstTokenMs = none, error = none, serviceMode = none, otherBuckets } = fact;
  const call = `${plain(fact.callId)}\t${fact.attempt}\t${plain(fact.leaseId)}\t${plain(fact.postingId)}`;
  const payer = `${plain(fact.walletId)}\t${plain(fact.tenantId)}\t${plain(fact.requestId)}\t${plain(fact.keyId)}\t${plain(fact.userId)}`;
  const target = `${plain(fact.provider)}\t${plain(fact.model)}\t${plain(fact.priceId)}\t${fact.outcome}`;
  const tokens = `${fact.inputTokens}\t${fact.cachedInputTokens}\t${fact.outputTokens}\t${fact.isEstimated}`;
  const cost = `${fact.costNanos}\t${fact.uncollectedNanos}\t${fact.latencyMs}\t${toTime(fact.startedAtMs)}`;
  const rare = `${otherBuckets ? toBucketsJson(otherBuckets) : none}\t${serviceMode}\t${fact.tags ? `{${fact.tags}}` : none}`;
  const ended = `${fact.continuesAttempt || none}\t${isStreamed}\t${firstTokenMs}\t${error}`;
  return `${call}\t${payer}\t${target}\t${tokens}\t${cost}\t${rare}\t${ended}\n`;
}

const special = /[\\\t\n\r]/;

/** As COPY's text format wants it (postgresql.org/docs/18/sql-copy.html, "Text Format"). Hardly ever is there anything to escape. */
function plain(text: string): string {
  return special.test(text) ? text.replaceAll(/[\\\t\n\r]/g, (char) => `\\${escapes[char] ?? char}`) : text;
}

const escapes: Readonly<Record<string, string>> = { "\t": "t", "\n": "n", "\r": "r" };
