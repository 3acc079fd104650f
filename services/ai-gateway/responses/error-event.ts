import type { Failure, Locale } from "@lyss/kit/errors/failure.ts";
import { toErrorObject } from "../dialects/openai/failure-reply.ts";

/** As OpenAI tells of what went wrong outside a response, and names the code by which its clients know it. */
export function toErrorEvent(failure: Failure, locale: Locale): string {
  const { error } = toErrorObject(failure, locale);
  const { retryAfterMs } = failure;
  const headers = retryAfterMs !== undefined && { headers: { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) } };
  return JSON.stringify({ type: "error", status: failure.type.httpStatus, error, ...headers });
}
