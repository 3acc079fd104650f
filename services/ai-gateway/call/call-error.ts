import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { CallError } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";

const errors: ReadonlyMap<string, CallError> = new Map(
  (
    [
      [aiGatewayFailures.upstream_rate_limited, CallError.RATE_LIMITED],
      [aiGatewayFailures.upstream_overloaded, CallError.OVERLOADED],
      [aiGatewayFailures.upstream_timeout, CallError.TIMEOUT],
      [kitFailures.deadline_exceeded, CallError.TIMEOUT],
      [aiGatewayFailures.upstream_rejected, CallError.REJECTED],
      [aiGatewayFailures.upstream_unauthorized, CallError.UNAUTHORIZED],
      [aiGatewayFailures.upstream_failed, CallError.PROVIDER_FAILED],
      [aiGatewayFailures.upstream_truncated, CallError.BROKEN_OFF],
      [aiGatewayFailures.guardrail_blocked, CallError.BLOCKED],
      [aiGatewayFailures.guardrail_failed, CallError.BLOCKED],
    ] as const
  ).map(([type, error]) => [type.code, error]),
);

/** What went wrong, as usage tells it apart; what is no provider's and no rule's is ours. */
export function toCallError(failure: unknown): CallError {
  return (isFailure(failure) && errors.get(failure.type.code)) || CallError.GATEWAY;
}
