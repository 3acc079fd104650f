import type { IncomingHttpHeaders } from "node:http";
import { type ErrorObject, WireError } from "./wire-error.ts";

/** How a vendor takes its key, what it tells beside its answers, and how it says that something went wrong. */
export interface Vendor {
  /** The key, where this vendor looks for it. */
  keyOf(headers: IncomingHttpHeaders): string | undefined;
  /** What of the head must be there besides. Throws a WireError 400 where it is not. */
  readonly check?: (headers: IncomingHttpHeaders) => void;
  /** Headers that each of its answers has; its own rate limits are among them, for a gateway has to keep those to itself. */
  headersFor(id: string): Readonly<Record<string, string>>;
  toError(status: number, error: ErrorObject): object;
  /** What the head of an error says besides. */
  readonly errorHeadersFor?: (status: number) => Readonly<Record<string, string>>;
}

function bearerOf({ authorization = "" }: IncomingHttpHeaders): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1];
}

function headerOf(name: string): Vendor["keyOf"] {
  return (headers) => {
    const value = headers[name];
    return typeof value === "string" ? value : undefined;
  };
}

const openAi: Vendor = {
  keyOf: bearerOf,
  headersFor: (id) => ({
    "x-request-id": `req_${id}`,
    "openai-organization": "simulated",
    "openai-version": "2020-10-01",
    "x-ratelimit-limit-requests": "10000",
    "x-ratelimit-remaining-requests": "9999",
    "x-ratelimit-reset-requests": "6ms",
  }),
  toError: (_status, error) => ({ error }),
};

/** A token of Entra ID would be a bearer's; a key of the resource is not. */
const azure: Vendor = {
  ...openAi,
  keyOf: (headers) => headerOf("api-key")(headers) ?? bearerOf(headers),
  headersFor: (id) => ({ "apim-request-id": id, "x-request-id": id, "x-ratelimit-remaining-requests": "9999" }),
};

/** docs.anthropic.com/en/api/errors */
const messageErrors: Readonly<Record<number, string>> = {
  ...{ 401: "authentication_error", 402: "billing_error", 403: "permission_error", 404: "not_found_error" },
  ...{ 413: "request_too_large", 429: "rate_limit_error", 504: "timeout_error", 529: "overloaded_error" },
};

const anthropic: Vendor = {
  keyOf: headerOf("x-api-key"),
  check(headers) {
    if (headers["anthropic-version"] === undefined) throw new WireError(400, "anthropic-version: header is required");
  },
  headersFor: (id) => ({
    "request-id": `req_${id}`,
    "anthropic-organization-id": "simulated",
    "anthropic-ratelimit-requests-limit": "4000",
    "anthropic-ratelimit-requests-remaining": "3999",
  }),
  toError: (status, { message }) => {
    const type = messageErrors[status] ?? (status < 500 ? "invalid_request_error" : "api_error");
    return { type: "error", error: { type, message } };
  },
};

/** google.rpc.Code by status (cloud.google.com/apis/design/errors). */
const codes: Readonly<Record<number, string>> = {
  ...{ 400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 409: "ABORTED" },
  ...{ 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED" },
};

const google: Vendor = {
  keyOf: headerOf("x-goog-api-key"),
  headersFor: () => ({ "server-timing": "gfet4t7; dur=1", vary: "Origin" }),
  toError: (status, { message }) => ({
    error: { code: status, message, status: codes[status] ?? (status < 500 ? "FAILED_PRECONDITION" : "INTERNAL") },
  }),
};
const vertex: Vendor = { ...google, keyOf: bearerOf };
/** What Vertex AI itself has to say is said in Google's form; what Claude has, in its own. */
const vertexAnthropic: Vendor = { ...anthropic, keyOf: bearerOf, check: () => undefined };

const cohere: Vendor = {
  keyOf: bearerOf,
  headersFor: (id) => ({ "x-debug-trace-id": id, "x-endpoint-monthly-call-limit": "1000" }),
  toError: (_status, { message }) => ({ message }),
};

/** docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html, "Errors" */
const converseErrors: Readonly<Record<number, string>> = {
  ...{ 403: "AccessDeniedException", 404: "ResourceNotFoundException", 408: "ModelTimeoutException" },
  ...{ 429: "ThrottlingException", 503: "ServiceUnavailableException" },
};

/** Which error it is stands in the head alone: that is where AWS's own SDKs look. */
const bedrock: Vendor = {
  keyOf: bearerOf,
  headersFor: (id) => ({ "x-amzn-requestid": id }),
  errorHeadersFor: (status) => ({
    "x-amzn-errortype": converseErrors[status] ?? (status < 500 ? "ValidationException" : "InternalServerException"),
  }),
  toError: (_status, { message }) => ({ message }),
};

/** elevenlabs.io/docs/api-reference, and its help, "API - Error Code 400 or 401". */
const elevenLabs: Vendor = {
  keyOf: headerOf("xi-api-key"),
  headersFor: (id) => ({ "request-id": id, "current-concurrent-requests": "1" }),
  toError: (status, { message, code, type }) => ({
    detail: { status: status === 401 ? "invalid_api_key" : (code ?? type), message },
  }),
};

const deepgram: Vendor = {
  keyOf: ({ authorization = "" }) => /^Token +(\S+)$/i.exec(authorization)?.[1],
  headersFor: (id) => ({ "dg-request-id": id }),
  toError: (status, { message, code, type }) => ({
    err_code: status === 401 ? "INVALID_AUTH" : (code ?? type).toUpperCase(),
    err_msg: message,
  }),
};

/** replicate.com/docs/reference/http, "Errors". */
const replicate: Vendor = {
  keyOf: bearerOf,
  headersFor: (id) => ({ "replicate-request-id": id, "ratelimit-remaining": "599" }),
  toError(status, { message, param, code }) {
    const title = status === 422 ? "Input validation failed" : "Error";
    return {
      title: code === "invalid_version" ? "Invalid version or not permitted" : title,
      ...{ detail: message, status },
      ...(param !== null && { invalid_fields: [{ type: "invalid", field: `input.${param}`, description: message }] }),
    };
  },
};

const places: readonly (readonly [path: RegExp, vendor: Vendor])[] = [
  [/^\/v1\/messages\b/, anthropic],
  [/^\/v1beta\//, google],
  [/^\/v1\/projects\/[^/]+\/locations\/[^/]+\/publishers\/anthropic\//, vertexAnthropic],
  [/^\/v1\/projects\//, vertex],
  [/^\/openai\/deployments\//, azure],
  [/^\/v2\//, cohere],
  [/^\/model\//, bedrock],
  [/^\/v1\/(text-to-speech|speech-to-text)\b/, elevenLabs],
  [/^\/v1\/(listen|speak|auth)\b/, deepgram],
  [/^\/v1\/(models\/[^/]+\/[^/]+\/predictions|predictions|streams|account)\b/, replicate],
];

/** Whose API a path belongs to. Several list their models at one, where the place of the key tells them apart. */
export function vendorOf(path: string, headers: IncomingHttpHeaders): Vendor {
  const found = places.find(([pattern]) => pattern.test(path));
  if (found) return found[1];
  if (!path.startsWith("/v1/models")) return openAi;
  if (headers["xi-api-key"] !== undefined) return elevenLabs;
  return headers["x-api-key"] !== undefined ? anthropic : openAi;
}
