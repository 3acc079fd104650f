import type { Clock } from "@lyss/kit/service/clock.ts";
import type { ToldLimit, ToldLimits } from "./model-limits.ts";

type Family = "openai" | "anthropic";

/**
 * A caller's own limits as its SDK reads them: `x-ratelimit-*-requests|tokens` with a time to wait, or `anthropic-ratelimit-*` with
 * a time of day. What a provider says of its account is never among them.
 */
export function toLimitHeaders(
  told: ToldLimits,
  family: Family,
  { nowMs }: Pick<Clock, "nowMs">,
): Record<string, string> {
  const headers: Record<string, string> = {};
  const write = (kind: "requests" | "tokens", one: ToldLimit | undefined) => {
    if (!one) return;
    const seconds = Math.ceil(one.resetMs / 1_000);
    const values = {
      ...{ limit: String(one.limit), remaining: String(one.remaining) },
      reset: family === "openai" ? `${seconds}s` : new Date(nowMs() + one.resetMs).toISOString(),
    };
    for (const [name, value] of Object.entries(values)) {
      headers[family === "openai" ? `x-ratelimit-${name}-${kind}` : `anthropic-ratelimit-${kind}-${name}`] = value;
    }
  };
  write("requests", told.requests);
  write("tokens", told.tokens);
  return headers;
}
