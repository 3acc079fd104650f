import { readHttpDateMs, readMs, readRetryAfterMs } from "@lyss/kit/http/retry-after.ts";
import { fieldOf } from "../dialects/openai/usage.ts";

/** Of an hour: who is told to wait for longer has no use for knowing how long. */
const maxHintMs = 3_600_000;
const retryInfo = "type.googleapis.com/google.rpc.RetryInfo";

/**
 * How long a provider asks to be left alone, in milliseconds up to an hour; undefined where it does not say, or not in one of the ways that are
 * known: OpenAI's `retry-after-ms`, Azure's `x-ms-retry-after-ms`, `Retry-After` in seconds or as a date, which is counted from the
 * provider's own `Date` and so by one clock, and Google's `RetryInfo` in the body (google.rpc).
 */
export function readRetryHint(find: (name: string) => string | undefined, body: unknown): number | undefined {
  const ms =
    readMs(find("retry-after-ms"), 1) ??
    readMs(find("x-ms-retry-after-ms"), 1) ??
    readRetryAfterMs(find("retry-after"), readHttpDateMs(find("date"))) ??
    readRetryInfo(body);
  return ms === undefined ? undefined : Math.min(ms, maxHintMs);
}

/** Google's dialect may have its error in a list. */
function readRetryInfo(body: unknown): number | undefined {
  const details = fieldOf(fieldOf(Array.isArray(body) ? body[0] : body, "error"), "details");
  if (!Array.isArray(details)) return undefined;
  const delay = fieldOf(
    details.find((detail) => fieldOf(detail, "@type") === retryInfo),
    "retryDelay",
  );
  return typeof delay === "string" && delay.endsWith("s") ? readMs(delay.slice(0, -1), 1_000) : undefined;
}
