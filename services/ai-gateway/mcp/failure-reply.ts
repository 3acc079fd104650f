import type { ToFailureReply } from "@lyss/kit/http/route.ts";
import { toErrorText } from "./json-rpc.ts";

/** What went wrong before a message was read: its status for HTTP, and an error of JSON-RPC for who reads that. */
export const toMcpFailureReply: ToFailureReply = (failure, { requestId, locale }) => {
  const { httpStatus } = failure.type;
  const headers: Record<string, string> = {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    "x-request-id": requestId,
  };
  if (failure.retryAfterMs !== undefined) headers["retry-after"] = String(Math.ceil(failure.retryAfterMs / 1_000));
  if (httpStatus === 401) headers["www-authenticate"] = "Bearer";
  return { status: httpStatus, headers, body: toErrorText(null, failure, locale) };
};
