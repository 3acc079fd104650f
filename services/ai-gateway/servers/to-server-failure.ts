import { type Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { UpstreamError } from "@lyss/kit/http/upstream/upstream-error.ts";
import { type AnswerFault, answerFaults, RpcAnswerError } from "./rpc-answer-error.ts";

/** What a caller is told of a server of one kind. */
export interface ServerFailures {
  timeout(timeoutMs: number, cause: unknown): Failure;
  /** `reason` is what is wrong, in words of ours. */
  failed(
    fault: AnswerFault,
    reason: { readonly reason: string; readonly reason_zh_CN: string },
    cause: unknown,
  ): Failure;
}

/** What an error of a call means to its caller. `reason` is what ended the call, undefined where nobody did. */
export function toServerFailure(
  { timeoutMs }: { readonly timeoutMs: number },
  err: unknown,
  reason: unknown,
  failures: ServerFailures,
): unknown {
  const told = reason ?? err;
  if (isFailure(told, kitFailures.deadline_exceeded)) return failures.timeout(timeoutMs, undefined);
  if (isFailure(told)) return told;
  if (reason !== undefined) return reason;
  const limitMs = err instanceof UpstreamError ? err.timeoutMs : undefined;
  if (limitMs !== undefined) return failures.timeout(limitMs, err);
  if (!(err instanceof UpstreamError || err instanceof RpcAnswerError)) return err;
  const fault = err instanceof RpcAnswerError ? err.fault : "unreachable";
  const { en_US, zh_CN } = answerFaults[fault];
  return failures.failed(fault, { reason: en_US, reason_zh_CN: zh_CN }, err);
}
