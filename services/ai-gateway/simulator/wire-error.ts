/** The error object of the OpenAI API (https://platform.openai.com/docs/guides/error-codes). */
export interface ErrorObject {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

/** Ends a request with a status and an error in OpenAI's shape. */
export class WireError extends Error {
  readonly status: number;
  readonly error: ErrorObject;

  constructor(status: number, message: string, facts: Partial<Omit<ErrorObject, "message">> = {}) {
    super(message);
    this.name = "WireError";
    this.status = status;
    this.error = { message, type: "invalid_request_error", param: null, code: null, ...facts };
  }
}

/** A 400 that names the offending parameter. */
export function badRequest(param: string | null, message: string, code: string | null = null): WireError {
  return new WireError(400, message, { param, code });
}

/** What a vendor answers with when things go wrong, by the value of the `error` directive. */
export interface SimulatedError extends ErrorObject {
  readonly status: number;
  /** Sent unless the request asks for another value. */
  readonly retryAfterSeconds?: number;
}

function simulated(
  status: number,
  type: string,
  code: string | null,
  message: string,
  retryAfterSeconds?: number,
): SimulatedError {
  const error = { status, message: `Simulated: ${message}`, type, param: null, code };
  return retryAfterSeconds === undefined ? error : { ...error, retryAfterSeconds };
}

/** Texts and codes follow OpenAI, Azure OpenAI (content_filter) and Anthropic (529). */
export const simulatedErrors = {
  "400": simulated(400, "invalid_request_error", null, "the request is not valid."),
  "401": simulated(401, "invalid_request_error", "invalid_api_key", "incorrect API key provided."),
  "402": simulated(402, "insufficient_quota", "insufficient_balance", "insufficient balance."),
  "403": simulated(403, "invalid_request_error", "unsupported_country_region_territory", "region not supported."),
  "404": simulated(404, "invalid_request_error", "model_not_found", "the model does not exist."),
  "408": simulated(408, "timeout", "request_timeout", "the request took too long."),
  "409": simulated(409, "invalid_request_error", "conflict", "the resource is being changed by another request."),
  "422": simulated(422, "invalid_request_error", "unprocessable_entity", "the request cannot be processed."),
  "429": simulated(429, "requests", "rate_limit_exceeded", "rate limit reached for requests.", 1),
  "429_tokens": simulated(429, "tokens", "rate_limit_exceeded", "rate limit reached for tokens.", 1),
  "429_quota": simulated(429, "insufficient_quota", "insufficient_quota", "you exceeded your current quota."),
  "429_overloaded": simulated(429, "server_error", "engine_overloaded", "the engine is currently overloaded."),
  "500": simulated(500, "server_error", null, "the server had an error while processing your request."),
  "502": simulated(502, "server_error", "bad_gateway", "bad gateway."),
  "503": simulated(503, "server_error", "service_unavailable", "the server is overloaded, try again later.", 1),
  "504": simulated(504, "server_error", "gateway_timeout", "gateway timeout."),
  "529": simulated(529, "overloaded_error", "overloaded", "overloaded."),
  content_filter: simulated(400, "invalid_request_error", "content_filter", "the prompt triggered the content filter."),
  context_length: simulated(400, "invalid_request_error", "context_length_exceeded", "the prompt is too long."),
} as const satisfies Readonly<Record<string, SimulatedError>>;

export type SimulatedErrorName = keyof typeof simulatedErrors;
