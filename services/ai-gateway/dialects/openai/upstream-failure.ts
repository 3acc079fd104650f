import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { readRetryHint } from "../../call/retry-hint.ts";
import { fieldOf } from "./usage.ts";

/** Machine-readable words of a provider's error that are safe to pass on; its sentences are not: they may quote secrets. */
const safeWord = /^[A-Za-z0-9_.[\]-]{1,100}$/;
/** Anything that looks like a secret is not a word, whatever its characters. */
const secretLike = /(sk|key|tok|pat)[-_][A-Za-z0-9_-]{8,}|[A-Za-z0-9_-]{40,}/i;

export interface UpstreamError {
  readonly model: string;
  readonly status: number;
  /** Parsed body, or undefined when it was not JSON. */
  readonly body: unknown;
  /** How long it asks to be left alone. */
  readonly retryAfterMs: number | undefined;
}

/** The status behind a failure that does not tell it: for the log, and for who judges the provider. */
export class UpstreamStatus extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the provider answered with status ${status}`);
    this.name = "UpstreamStatus";
    this.status = status;
  }
}

/** The status by which a provider refused our key, or the money behind it. */
export class CredentialRefused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`the provider refused our credential with status ${status}`);
    this.name = "CredentialRefused";
    this.status = status;
  }
}

/** What a provider's error status means to the caller. The upstream's own text goes nowhere. */
export function toUpstreamFailure({ model, status, body, retryAfterMs }: UpstreamError): Failure {
  const { param, code } = readError(body);
  const details = { model };
  switch (status) {
    case 400:
    case 413:
    case 415:
      return toRejection(param, code, status);
    case 422:
      // A model's version at Replicate is the provider's to name, and says nothing of what is asked (replicate/replicate-javascript#307).
      if (fieldOf(body, "title") === "Invalid version or not permitted") {
        return new Failure(aiGatewayFailures.upstream_failed, details, { cause: new UpstreamStatus(status) });
      }
      return toRejection(param, code, status);
    case 401:
    case 402:
    case 403: {
      // ElevenLabs says by 401 too that there is no money behind a key that is good (its help, "API - Error Code 400 or 401").
      const refused = code === "quota_exceeded" ? 402 : status;
      return new Failure(aiGatewayFailures.upstream_unauthorized, details, { cause: new CredentialRefused(refused) });
    }
    case 404:
      // A voice is the caller's to name, and says nothing of the provider.
      if (code === "voice_not_found") return toRejection("voice", code, status);
      return new Failure(aiGatewayFailures.upstream_failed, details, { cause: new UpstreamStatus(status) });
    case 429:
      // The platform's own quota is used up: waiting does not help, and the caller cannot mend it.
      if (code === "insufficient_quota") {
        return new Failure(aiGatewayFailures.upstream_unauthorized, details, { cause: new CredentialRefused(status) });
      }
      return new Failure(aiGatewayFailures.upstream_rate_limited, details, { retryAfterMs });
    case 503:
    case 529:
      return new Failure(aiGatewayFailures.upstream_overloaded, details, { retryAfterMs });
    default:
      return new Failure(aiGatewayFailures.upstream_failed, details, { cause: new UpstreamStatus(status) });
  }
}

function toRejection(param: string, code: string, status: number): Failure {
  const reason = [param && `parameter '${param}'`, code].filter(Boolean).join(", ") || "it gave no reason";
  const reason_zh_CN = [param && `参数“${param}”`, code].filter(Boolean).join("，") || "未说明原因";
  const details = { reason, reason_zh_CN, param, ...(code && { code }) };
  const options = status === 413 ? { cause: new UpstreamStatus(status) } : {};
  return new Failure(aiGatewayFailures.upstream_rejected, details, options);
}

/** The error object of a 200 answer or of a stream event, as the failure it stands for; undefined when there is none. */
export function findInBandFailure(model: string, body: unknown): Failure | undefined {
  const error = fieldOf(body, "error") || findChoiceError(body);
  if (!error) return undefined;
  // Relays put the HTTP status into `code` or `status`.
  const status = [fieldOf(error, "status"), fieldOf(error, "code")]
    .map(Number)
    .find((value) => value >= 400 && value < 600);
  const told = { error };
  return toUpstreamFailure({
    ...{ model, status: status ?? 500, body: told },
    retryAfterMs: readRetryHint(() => undefined, told),
  });
}

/** OpenRouter says of a choice alone that it failed (openrouter.ai/docs/api-reference/overview, "CompletionsResponse Format"). */
function findChoiceError(body: unknown): unknown {
  const choices = fieldOf(body, "choices");
  const failed = Array.isArray(choices)
    ? choices.find((choice) => fieldOf(choice, "error") || fieldOf(choice, "finish_reason") === "error")
    : undefined;
  return failed && (fieldOf(failed, "error") || {});
}

/**
 * Errors stand in `error`, at ElevenLabs in `detail`, whose code was a `status` once, at Deepgram in the body itself, which at Replicate names the
 * fields.
 */
function readError(body: unknown): { param: string; code: string } {
  const error = fieldOf(body, "error") ?? fieldOf(body, "detail");
  const code = [fieldOf(error, "code"), fieldOf(body, "detail") && fieldOf(error, "status"), fieldOf(body, "err_code")];
  const fields = fieldOf(body, "invalid_fields");
  const field = Array.isArray(fields) ? fieldOf(fields[0], "field") : undefined;
  return { param: toSafeWord(fieldOf(error, "param") ?? field), code: code.map(toSafeWord).find(Boolean) ?? "" };
}

function toSafeWord(value: unknown): string {
  return typeof value === "string" && safeWord.test(value) && !secretLike.test(value) ? value : "";
}
