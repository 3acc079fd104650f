import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { Failure, failureText, isFailure, type Locale } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { toOutage } from "../errors/outage.ts";
import type { Reply, ToFailureReply } from "./route.ts";

/** What a reply needs to know of the call that failed. */
export interface FailedCall {
  readonly traceId: string;
  readonly requestId: string;
  readonly locale: Locale;
  /** Where clients find the platform; undefined behind the edge, which has refused whom it would not let in. */
  readonly publicUrl?: string | undefined;
}

const maxLingerBytes = 134_217_728;
const lingerSilenceMs = 2_000;

/** Headers of every answer that is data: not to be sniffed for another type, not to be kept by caches. */
export const dataHeaders = {
  "content-type": "application/json; charset=utf-8",
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

/**
 * The error body of the REST API: `{error: {code, message, message_i18n, details, trace_id, retryable, doc_url}}`, with
 * `message` in the caller's language and `doc_url` below `docBaseUrl`: a folder, or a page up to its `#`.
 */
export function createFailureReplies(docBaseUrl: string): ToFailureReply {
  const docPrefix = /[/#=]$/.test(docBaseUrl) ? docBaseUrl : `${docBaseUrl}/`;
  return (failure, call) => {
    const { type, details } = failure;
    const texts = { zh_CN: failureText(type, details, "zh_CN"), en_US: failureText(type, details, "en_US") };
    const error = {
      code: type.publicCode,
      message: texts[call.locale],
      message_i18n: texts,
      details,
      trace_id: call.traceId,
      retryable: type.isRetryable,
      doc_url: `${docPrefix}${toDocName(type.publicCode)}`,
    };
    const headers: Record<string, string> = { ...dataHeaders, "content-language": call.locale.replace("_", "-") };
    if (failure.retryAfterMs !== undefined) headers["retry-after"] = String(Math.ceil(failure.retryAfterMs / 1000));
    // RFC 9110 asks for these two on 401 and 405.
    if (type.httpStatus === 401) headers["www-authenticate"] = "Bearer";
    // RFC 9470.
    if (type.code === kitFailures.step_up_required.code) {
      const maxAge = `max_age="${details["maxAgeSeconds"]}"`;
      headers["www-authenticate"] = `Bearer error="insufficient_user_authentication", ${maxAge}`;
    }
    if (type.httpStatus === 405 && typeof details["allowed"] === "string") headers["allow"] = details["allowed"];
    return { status: type.httpStatus, headers, body: JSON.stringify({ error }) };
  };
}

/** What the page, or the part of a page, that explains a public code is called: `billing-001`. */
export function toDocName(publicCode: string): string {
  return publicCode.toLowerCase().replaceAll("_", "-");
}

/**
 * The failure to answer with. A lost database is an outage. What else is not a Failure is a bug: it is logged here, once, with its stack and the trace id,
 * and becomes `kit.internal`. The cause of a failure of ours (status 5xx) is logged too; no caller sees either.
 */
export function toExpectedFailure(thrown: unknown, call: FailedCall, log: Logger): Failure {
  const err = toOutage(thrown) ?? thrown;
  const ids = { trace_id: call.traceId, request_id: call.requestId };
  if (!isFailure(err)) {
    log.error({ ...ids, err }, "a request failed in an unexpected way");
    return new Failure(kitFailures.internal);
  }
  if (err.cause !== undefined && err.type.httpStatus >= 500) {
    log.warn({ ...ids, failure: err.type.code, err: err.cause }, "a request failed");
  }
  return err;
}

const lasting = Symbol("names of lasting headers");

/** Sets a header, by its lower-case name, that an answer keeps even if it becomes an error's. */
export function setLastingHeader(res: ServerResponse & { [lasting]?: string[] }, name: string, value: string): void {
  res[lasting] ??= [];
  res[lasting].push(name);
  res.setHeader(name, value);
}

// A larger unread body is not worth waiting for: the connection ends with the answer instead.
const maxDiscardedBytes = 65_536;

/** Answers with a reply, or destroys the connection when another answer has already begun. Safe on a closed response. */
export function sendReply(
  req: IncomingMessage,
  res: ServerResponse & { readonly [lasting]?: readonly string[] },
  reply: Reply,
): void {
  if (res.headersSent || res.destroyed) {
    res.destroy();
    return;
  }
  for (const name of res.getHeaderNames()) {
    if (name !== "x-request-id" && !res[lasting]?.includes(name)) res.removeHeader(name);
  }
  const mustDrop = mustDropConnection(req);
  if (mustDrop) res.setHeader("connection", "close");
  if (reply.status === 204) {
    res.writeHead(204, reply.headers as OutgoingHttpHeaders).end();
    return;
  }
  const body = typeof reply.body === "string" ? Buffer.from(reply.body) : reply.body;
  res.writeHead(reply.status, { ...reply.headers, "content-length": body.length });
  if (!mustDrop) res.end(body);
  else linger(req, res, body);
}

/**
 * The whole answer now, its end when the client has stopped sending: closing at once would break the client's pipe
 * before it has read why (as nginx's `lingering_close`). Bounded in bytes and in silence.
 */
function linger(req: IncomingMessage, res: ServerResponse, body: Buffer): void {
  let discardedBytes = 0;
  const end = () => void res.end();
  req.on("data", (chunk: Buffer) => {
    discardedBytes += chunk.length;
    if (discardedBytes > maxLingerBytes) end();
  });
  req.once("end", end).once("close", end).resume();
  req.socket.setTimeout(lingerSilenceMs, end);
  res.write(body);
}

/** True when so much of the body is still to come that keeping the connection would mean reading it for nothing. */
export function mustDropConnection(req: IncomingMessage): boolean {
  if (req.complete) return false;
  const length = req.headers["content-length"];
  return req.headers["transfer-encoding"] !== undefined || (length !== undefined && Number(length) > maxDiscardedBytes);
}
