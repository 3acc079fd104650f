import { type Failure, failureText } from "../errors/failure.ts";
import { dataHeaders } from "../http/failure-reply.ts";
import type { FailureReply } from "../http/route.ts";

/** The words of RFC 6749, 5.2, and of those who extend it. */
export type OauthError =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "invalid_scope"
  | "mfa_required"
  | "server_error"
  | "temporarily_unavailable"
  | "unauthorized_client"
  | "unsupported_grant_type";

/** What a failure is called where nothing more is known of it. */
export function oauthErrorOf({ type }: Failure): OauthError {
  if (type.httpStatus === 500) return "server_error";
  return type.httpStatus < 500 && type.httpStatus !== 429 ? "invalid_request" : "temporarily_unavailable";
}

/** Its text, of which the standard takes ASCII alone, without quotation marks and backslashes. */
export function oauthDescriptionOf({ type, details }: Failure): string {
  return failureText(type, details, "en_US")
    .replaceAll("…", "...")
    .replaceAll('"', "'")
    .replace(/[^\x20-\x5b\x5d-\x7e]/g, "?");
}

/** A failure in the shape of RFC 6749, 5.2. */
export function toOauthFailureReply(failure: Failure): FailureReply {
  const body = JSON.stringify({ error: oauthErrorOf(failure), error_description: oauthDescriptionOf(failure) });
  return { status: failure.type.httpStatus, headers: dataHeaders, body };
}
