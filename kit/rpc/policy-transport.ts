import type { Transport } from "@connectrpc/connect";
import { Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { isWorthRetry, judgeError } from "../resilience/judge-error.ts";
import type { PoliciesConfig } from "../resilience/policies.ts";
import type { Policy } from "../resilience/policy.ts";
import type { Clock } from "../service/clock.ts";
import { isRepeatable } from "./audit.ts";
import { type CallContext, currentContext, runInContext } from "./call-context.ts";
import { defaultTimeoutMs } from "./client-interceptor.ts";
import { fromContextHeaders } from "./context-headers.ts";
import { wasUnprocessed } from "./unsent.ts";

/** What a target has whose policy nobody has written: the platform's breaker and retry, and no bulkhead. */
export const defaultTargetPolicy: PoliciesConfig[string] = { retry: {}, breaker: {} };

/** How errors of calls between services are judged. A peer that was not reached refuses fast: no breaker is needed for it. */
export const rpcJudgement = {
  judge: (err: unknown) => (wasUnprocessed(err) ? "ignored" : judgeError(err)),
  retryCondition: (err: unknown, isIdempotent: boolean) => wasUnprocessed(err) || isWorthRetry(err, isIdempotent),
} as const;

/**
 * An intercepted transport (client-interceptor.ts) whose single calls go through a policy. What the contract calls
 * repeatable, and what was certainly not processed, is made again; the call's time limit holds for all attempts together.
 * Streams go straight through: what they have said cannot be taken back.
 */
export function applyPolicy(transport: Transport, policy: Policy, clock: Clock): Transport {
  return {
    async unary(method, signal, timeoutMs, header, input, values) {
      const context = withDeadline(currentContext() ?? fromContextHeaders(() => undefined, clock), timeoutMs, clock);
      const ownTimeoutMs = timeoutMs !== undefined && timeoutMs <= 0 ? timeoutMs : undefined;
      const attempt = (inner: AbortSignal) => transport.unary(method, inner, ownTimeoutMs, header, input, values);
      try {
        const call = { isIdempotent: isRepeatable(method), signal };
        return await runInContext(context, () => policy.run(attempt, call));
      } catch (err) {
        throw !isFailure(err) && signal?.aborted ? new Failure(kitFailures.canceled) : err;
      }
    },
    stream: transport.stream.bind(transport),
  };
}

/** The context with the call's own time limit, when that ends sooner; without any, 10 s. A limit of 0 is none. */
function withDeadline(context: CallContext, timeoutMs: number | undefined, clock: Clock): CallContext {
  if (timeoutMs !== undefined && timeoutMs <= 0) return context;
  if (timeoutMs === undefined && context.deadlineMs !== undefined) return context;
  const ownMs = clock.monotonicMs() + (timeoutMs ?? defaultTimeoutMs);
  return { ...context, deadlineMs: Math.min(ownMs, context.deadlineMs ?? ownMs) };
}
