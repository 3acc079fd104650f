import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { connectionFailures } from "@lyss/contracts/failures/ai-gateway-connections.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { type Failure, type FailureType, failureText, type Locale } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { FailureReply } from "@lyss/kit/http/route.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import { toRetryHeaders } from "../retry-headers.ts";

/** The codes that OpenAI's own API uses for these, which clients compare with; every other failure shows its public code. */
const openAiCodes: ReadonlyMap<FailureType, string> = new Map([
  [kitFailures.unauthenticated, "invalid_api_key"],
  [aiGatewayFailures.model_not_found, "model_not_found"],
  [aiGatewayFailures.guardrail_blocked, "content_filter"],
  [aiGatewayFailures.upstream_rate_limited, "rate_limit_exceeded"],
  [aiGatewayFailures.model_limited, "rate_limit_exceeded"],
  [connectionFailures.connection_expired, "websocket_connection_limit_reached"],
  [resilienceFailures.rate_limited, "rate_limit_exceeded"],
  [resilienceFailures.too_many_at_once, "rate_limit_exceeded"],
  [billingFailures.quota_exceeded, "rate_limit_exceeded"],
]);

/** Those whose facts tell the caller which limit it met. */
const withDetails: ReadonlySet<string> = new Set([
  billingFailures.insufficient_balance.code,
  billingFailures.budget_exceeded.code,
  billingFailures.quota_exceeded.code,
]);

/** OpenAI's `error.type` by HTTP status (platform.openai.com/docs/guides/error-codes). */
function errorType(status: number): string {
  if (status === 401) return "authentication_error";
  if (status === 402) return "insufficient_quota";
  if (status === 403) return "permission_error";
  if (status === 429) return "rate_limit_error";
  return status < 500 ? "invalid_request_error" : "server_error";
}

/** What of the request a failure is about that has another word for it. */
function paramOf({ type, details }: Failure): unknown {
  if (type.code === aiGatewayFailures.model_not_found.code) return "model";
  return type.code === kitFailures.invalid_request.code ? details["field"] : null;
}

/** The `error` object of OpenAI's dialect, as it stands in a JSON body and in a stream's error event. */
export function toErrorObject(failure: Failure, locale: Locale): { error: Record<string, unknown> } {
  const { type, details } = failure;
  const param = details["param"] ?? paramOf(failure);
  // A provider's own code is passed on where it says what to mend, such as `context_length_exceeded`.
  const code = details["code"] ?? openAiCodes.get(type) ?? type.publicCode;
  const error: Record<string, unknown> = {
    message: failureText(type, details, locale),
    type: errorType(type.httpStatus),
    param: param === "" ? null : (param ?? null),
    code,
  };
  if (withDetails.has(type.code)) error["details"] = details;
  return { error };
}

/** A failure as a whole reply in OpenAI's dialect. */
export function toOpenAiFailureReply(
  failure: Failure,
  { traceId, requestId, locale }: { traceId: string; requestId: string; locale: Locale },
): FailureReply {
  const { error } = toErrorObject(failure, locale);
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-request-id": requestId,
    ...toRetryHeaders(failure),
  };
  return { status: failure.type.httpStatus, headers, body: JSON.stringify({ error: { ...error, trace_id: traceId } }) };
}
