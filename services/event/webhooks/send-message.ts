import { FetchError, type GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { readRetryAfterMs } from "@lyss/kit/http/retry-after.ts";
import { toWebhookHeaders } from "@lyss/kit/http/standard-webhook.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Attempt } from "./webhook.ts";

export interface SentMessage {
  readonly attempt: Attempt;
  /** How long the other side wants to be left alone. */
  readonly retryAfterMs: number;
}

interface Message {
  readonly id: string;
  readonly url: string;
  readonly body: string;
  /** By each of which it is signed. */
  readonly keys: readonly Buffer[];
}

/** Sends one message. Taken is what is answered with 2xx; nothing of another answer but its status is kept. Never rejects by what the other side does. */
export async function sendMessage(
  { fetch, clock }: { readonly fetch: GuardedFetch; readonly clock: Clock },
  { id, url, body, keys }: Message,
): Promise<SentMessage> {
  const at = new Date(clock.nowMs());
  const startedMs = clock.monotonicMs();
  const ended = (status: number | null, reason: Attempt["reason"], retryAfterMs = 0): SentMessage => ({
    attempt: { at, durationMs: Math.round(clock.monotonicMs() - startedMs), status, reason },
    retryAfterMs,
  });
  const bytes = Buffer.from(body);
  const headers = {
    ...{ "content-type": "application/json", "content-length": String(bytes.length), "user-agent": "lyss" },
    ...toWebhookHeaders(id, at.getTime(), bytes, keys),
  };
  try {
    const { status, headers: told } = await fetch(new URL(url), { method: "POST", headers, body: bytes });
    if (status >= 200 && status < 300) return ended(status, null);
    return ended(status, reasonOf(status), readRetryAfterMs(told.get("retry-after") ?? undefined, clock.nowMs()));
  } catch (err) {
    if (err instanceof FetchError) return ended(null, err.reason);
    throw err;
  }
}

function reasonOf(status: number): Attempt["reason"] {
  if (status === 410) return "gone";
  return status >= 300 && status < 400 ? "redirected" : "answered_with_error";
}
