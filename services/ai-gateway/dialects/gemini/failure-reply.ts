import { type Failure, failureText, type Locale } from "@lyss/kit/errors/failure.ts";
import type { FailureReply } from "@lyss/kit/http/route.ts";
import { toErrorObject } from "../openai/failure-reply.ts";
import { toRetryHeaders } from "../retry-headers.ts";

/** `google.rpc.Code` by HTTP status (ai.google.dev/gemini-api/docs/troubleshooting; google.aip.dev/193). */
const statuses: Readonly<Record<number, string>> = {
  401: "UNAUTHENTICATED",
  402: "FAILED_PRECONDITION",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "ABORTED",
  429: "RESOURCE_EXHAUSTED",
  500: "INTERNAL",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "DEADLINE_EXCEEDED",
};

/** The body of an error, as a whole answer and in a stream. Our own code and facts stand in its details. */
export function toErrorBody(failure: Failure, requestId: string, locale: Locale) {
  const { httpStatus } = failure.type;
  const { code, param, details } = toErrorObject(failure, locale).error;
  const field = typeof param === "string" ? param : undefined;
  const description = failureText(failure.type, failure.details, locale);
  const metadata = { requestId, ...(field !== undefined && { field }), ...toTexts(details) };
  return {
    error: {
      code: httpStatus,
      message: description,
      status: statuses[httpStatus] ?? (httpStatus < 500 ? "INVALID_ARGUMENT" : "INTERNAL"),
      details: [
        { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: String(code), domain: "lyss", metadata },
        ...(httpStatus === 400 && field !== undefined
          ? [{ "@type": "type.googleapis.com/google.rpc.BadRequest", fieldViolations: [{ field, description }] }]
          : []),
        ...(failure.retryAfterMs === undefined
          ? []
          : [
              {
                "@type": "type.googleapis.com/google.rpc.RetryInfo",
                retryDelay: `${Math.ceil(failure.retryAfterMs / 1_000)}s`,
              },
            ]),
      ],
    },
  };
}

/** Metadata are texts there. */
function toTexts(details: unknown): Record<string, string> {
  const entries = Object.entries(Object(details) as Record<string, unknown>);
  return Object.fromEntries(entries.map(([name, value]) => [name, String(value)]));
}

/** A failure as a whole reply in Google's dialect. */
export function toGeminiFailureReply(
  failure: Failure,
  { requestId, locale }: { traceId: string; requestId: string; locale: Locale },
): FailureReply {
  const headers = {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-request-id": requestId,
    ...toRetryHeaders(failure),
  };
  return {
    status: failure.type.httpStatus,
    headers,
    body: JSON.stringify(toErrorBody(failure, requestId, locale)),
  };
}
