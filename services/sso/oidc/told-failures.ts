import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { FetchError } from "@lyss/kit/http/guarded-fetch.ts";
import { AuthorizationResponseError, ClientError, ResponseBodyError } from "openid-client";
import { answerRefused } from "../answer-refused.ts";

const outages = {
  refused: ["its address may not be called", "不允许访问其地址"],
  unreachable: ["it cannot be reached", "无法连接"],
  timeout: ["it takes too long", "响应超时"],
  too_large: ["its answer is too large", "响应过大"],
  broken: ["its answer is not what the standard asks for", "响应不符合标准"],
} as const;

function unavailable(connection: string, reason: keyof typeof outages, cause: unknown): Failure {
  const [english, chinese] = outages[reason];
  const details = { connection, reason: english, reason_zh_CN: chinese };
  return new Failure(ssoFailures.provider_unavailable, details, { cause });
}

/** What went wrong with a provider, as those who sign in are told; what is no fault of a provider stays as it is. */
export function toToldFailure(err: unknown, connection: string): unknown {
  if (err instanceof Failure) return err;
  for (let cause: unknown = err; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof FetchError) return unavailable(connection, cause.reason, err);
  }
  if (err instanceof AuthorizationResponseError) {
    const reason = /^[a-z_]{1,64}$/.test(err.error) ? err.error : "error";
    return new Failure(ssoFailures.provider_refused, { reason }, { cause: err });
  }
  if (err instanceof ResponseBodyError) {
    return err.error === "invalid_grant" ? answerRefused("code", err) : unavailable(connection, "broken", err);
  }
  if (err instanceof ClientError) return fromClientError(err, connection);
  // What openid-client throws for an answer whose types are wrong.
  if (err instanceof TypeError && "code" in err) return answerRefused("claims", err);
  return err;
}

const brokenCodes = new Set(["OAUTH_RESPONSE_IS_NOT_CONFORM", "OAUTH_RESPONSE_IS_NOT_JSON", "OAUTH_PARSE_ERROR"]);

function fromClientError(err: ClientError, connection: string): Failure {
  if (err.code === "OAUTH_TIMEOUT") return unavailable(connection, "timeout", err);
  if (err.code !== undefined && brokenCodes.has(err.code)) return unavailable(connection, "broken", err);
  if (err.code === "OAUTH_JWT_TIMESTAMP_CHECK_FAILED") return answerRefused("expired", err);
  const claim = claimOf(err);
  if (claim === "iss") return answerRefused("issuer", err);
  if (claim === "aud") return answerRefused("audience", err);
  return answerRefused("claims", err);
}

function claimOf(err: Error): unknown {
  for (let cause: unknown = err.cause; typeof cause === "object" && cause !== null; ) {
    if ("claim" in cause) return cause.claim;
    cause = "cause" in cause ? cause.cause : undefined;
  }
  return undefined;
}
