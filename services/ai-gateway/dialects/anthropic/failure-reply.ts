import { type Failure, failureText, type Locale } from "@lyss/kit/errors/failure.ts";
import type { FailureReply } from "@lyss/kit/http/route.ts";
import { toErrorObject } from "../openai/failure-reply.ts";
import { toRetryHeaders } from "../retry-headers.ts";

/** Anthropic's `error.type` by HTTP status (docs.anthropic.com/en/api/errors). */
const types: Readonly<Record<number, string>> = {
  401: "authentication_error",
  402: "billing_error",
  403: "permission_error",
  404: "not_found_error",
  413: "request_too_large",
  429: "rate_limit_error",
  503: "overloaded_error",
  504: "timeout_error",
};

/** The body of an error, as a whole answer and in a stream's error event. Beside Anthropic's fields stand our own code and facts. */
export function toErrorBody(failure: Failure, requestId: string, locale: Locale) {
  const { httpStatus } = failure.type;
  const { code, param, details } = toErrorObject(failure, locale).error;
  return {
    type: "error",
    error: {
      type: types[httpStatus] ?? (httpStatus < 500 ? "invalid_request_error" : "api_error"),
      message: failureText(failure.type, failure.details, locale),
      ...{ code, param },
      ...(details !== undefined && { details }),
    },
    request_id: requestId,
  };
}

/** A failure as a whole reply in Anthropic's dialect. */
export function toAnthropicFailureReply(
  failure: Failure,
  { traceId, requestId, locale }: { traceId: string; requestId: string; locale: Locale },
): FailureReply {
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-request-id": requestId,
    "request-id": requestId,
    ...toRetryHeaders(failure),
  };
  const { error, ...rest } = toErrorBody(failure, requestId, locale);
  const body = JSON.stringify({ ...rest, error: { ...error, trace_id: traceId } });
  return { status: failure.type.httpStatus, headers, body };
}
