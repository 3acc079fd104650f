import { randomBytes } from "node:crypto";
import type { Clock } from "../service/clock.ts";
import type { CallContext, Caller } from "./call-context.ts";

const callerHeader = "lyss-caller";
const serviceHeader = "lyss-service";
const operatorHeader = "lyss-operator";
/** What is believed only of a process of the installation. */
export const trustedHeaders = [callerHeader, serviceHeader, operatorHeader] as const;
const localeHeader = "lyss-locale";
const timeoutHeader = "lyss-timeout-ms";
const requestIdHeader = "x-request-id";
const retryAttemptHeader = "x-retry-attempt";
/** A caller's header is bounded so that a peer cannot make us parse at length. */
const maxCallerHeaderLength = 65_536;
// W3C Trace Context, level 2: version 00, lower-case hex, neither id all zeros.
const traceparentPattern = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A W3C `traceparent` for calls made from inside `context`. */
export function toTraceparent(context: CallContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.isSampled ? "01" : "00"}`;
}

/** True for a `traceparent` as the standard has it: somebody has a span of that id. */
export function isTraceparent(header: string | undefined): boolean {
  return header !== undefined && traceparentPattern.test(header);
}

/** Trace ids from a `traceparent`; a missing or malformed one starts a new trace, as the standard asks. */
export function fromTraceparent(header: string | undefined): Pick<CallContext, "traceId" | "spanId" | "isSampled"> {
  const match = header === undefined ? null : traceparentPattern.exec(header);
  if (match?.[1] === undefined || match[2] === undefined || match[3] === undefined) {
    return { traceId: drawHex(32), spanId: drawHex(16), isSampled: false };
  }
  return { traceId: match[1], spanId: match[2], isSampled: (Number.parseInt(match[3], 16) & 1) === 1 };
}

// The system is asked for many ids at once: asking costs ten times what one id needs of it.
let hexPool = "";
let hexUsed = 0;

function drawHex(digits: number): string {
  if (hexUsed + digits > hexPool.length) {
    hexPool = randomBytes(2_048).toString("hex");
    hexUsed = 0;
  }
  hexUsed += digits;
  return hexPool.slice(hexUsed - digits, hexUsed);
}

/** Headers that carry `context` to a peer. Only sent over channels on which the peer has authenticated us. */
export function toContextHeaders(context: CallContext, clock: Clock): Record<string, string> {
  const headers: Record<string, string> = { traceparent: toTraceparent(context), [localeHeader]: context.locale };
  if (context.caller) headers[callerHeader] = Buffer.from(JSON.stringify(context.caller)).toString("base64url");
  if (context.operatorId !== undefined) headers[operatorHeader] = context.operatorId;
  if (context.requestId !== undefined) headers[requestIdHeader] = context.requestId;
  if (context.retryAttempt !== undefined) headers[retryAttemptHeader] = String(context.retryAttempt);
  if (context.deadlineMs !== undefined) {
    headers[timeoutHeader] = String(Math.max(0, Math.ceil(context.deadlineMs - clock.monotonicMs())));
  }
  return headers;
}

/** The context that a trusted peer sent. Unreadable parts are absent rather than guessed. */
export function fromContextHeaders(header: (name: string) => string | undefined, clock: Clock): CallContext {
  const timeoutMs = Number(header(timeoutHeader) ?? Number.NaN);
  return {
    ...fromTraceparent(header("traceparent")),
    caller: parseCaller(header(callerHeader)),
    deadlineMs: Number.isFinite(timeoutMs) ? clock.monotonicMs() + timeoutMs : undefined,
    locale: header(localeHeader) === "zh_CN" ? "zh_CN" : "en_US",
    operatorId: header(operatorHeader)?.slice(0, 64),
    requestId: parseRequestId(header(requestIdHeader)),
    retryAttempt: parseRetryAttempt(header(retryAttemptHeader)),
  };
}

/** The header by which a service says who it is. Undefined, the program itself, says nothing. */
export function toServiceHeader(from: string | undefined): Record<string, string> {
  return from === undefined ? {} : { [serviceHeader]: from };
}

/** The service that says it calls; undefined when none does. */
export function readServiceHeader(header: (name: string) => string | undefined): string | undefined {
  return header(serviceHeader)?.slice(0, 100);
}

function parseRetryAttempt(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,3}$/.test(header) ? Number(header) : undefined;
}

function parseRequestId(header: string | undefined): string | undefined {
  return header !== undefined && /^req_[0-9a-z]{1,64}$/.test(header) ? header : undefined;
}

function parseCaller(header: string | undefined): Caller | undefined {
  if (!header || header.length > maxCallerHeaderLength) return undefined;
  try {
    const sent = JSON.parse(Buffer.from(header, "base64url").toString());
    const { tenantId, userId, keyId, permissions, models } = sent;
    // A peer of an earlier version does not know of them.
    const { sessionId = "", signedInMs = 0, factorMs = 0, provenMs = 0, hasFactor = false, operatorId = "" } = sent;
    if (typeof hasFactor !== "boolean" || ![signedInMs, factorMs, provenMs].every(Number.isFinite)) return undefined;
    if (![tenantId, userId, keyId, sessionId, operatorId].every((field) => typeof field === "string")) return undefined;
    if (![permissions, models].every((field) => Array.isArray(field))) return undefined;
    const { ephemeralKeyId } = sent;
    if (ephemeralKeyId !== undefined && typeof ephemeralKeyId !== "string") return undefined;
    const times = { signedInMs, factorMs, provenMs };
    const ids = { tenantId, userId, keyId, ...(ephemeralKeyId !== undefined && { ephemeralKeyId }), sessionId };
    return { ...ids, ...times, hasFactor, operatorId, permissions, models };
  } catch {
    return undefined;
  }
}
