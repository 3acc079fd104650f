import { CallOutcome } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { foldCounts, type TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Call, EndedAs, Ending } from "./call.ts";
import { toCallError } from "./call-error.ts";
import { mayHaveCounted } from "./dispatch.ts";

const outcomes: Readonly<Record<EndedAs, CallOutcome>> = {
  completed: CallOutcome.COMPLETED,
  failed: CallOutcome.FAILED,
  canceled: CallOutcome.CANCELED,
  truncated: CallOutcome.TRUNCATED,
};

type SettledCall = Pick<Call, "operation" | "target" | "startedMs" | "funds" | "dispatch" | "limited">;

/**
 * Counts how a call ended and settles it. Resolves with the cost when the charge cannot be lost any more. `estimate` is asked
 * only for a call that the provider may have counted although nothing is charged.
 */
export function settleCall(
  deps: Pick<AiGatewayDeps, "clock" | "metrics">,
  call: SettledCall,
  ending: Ending,
  estimate: () => Promise<TokenCounts>,
): Promise<bigint | undefined> {
  const settled = settle(deps, call, ending, estimate);
  const { limited } = call;
  if (!limited) return settled;
  const { inputTokens, cachedInputTokens, outputTokens } = foldCounts(ending.tokens);
  limited.end(Number(inputTokens + cachedInputTokens + outputTokens));
  return settled.then((costNanos) => {
    limited.spend(costNanos ?? 0n);
    return costNanos;
  });
}

function settle(
  { clock, metrics }: Pick<AiGatewayDeps, "clock" | "metrics">,
  call: Omit<SettledCall, "limited">,
  ending: Ending,
  estimate: () => Promise<TokenCounts>,
): Promise<bigint | undefined> {
  const { outcome, tokens, isEstimated, serviceMode } = ending;
  const { operation, target, startedMs, funds, dispatch } = call;
  const latencyMs = clock.monotonicMs() - startedMs;
  const { firstTokenAtMs } = dispatch;
  const firstTokenMs = firstTokenAtMs === undefined ? undefined : firstTokenAtMs - startedMs;
  metrics.of(target).end(operation, { outcome, tokens, durationMs: latencyMs, firstTokenMs });
  const isError = outcome === "failed" || outcome === "truncated";
  const error = isError ? toCallError(dispatch.failure) : undefined;
  const spent = {
    ...{ outcome: outcomes[outcome], tokens, serviceMode, isEstimated, latencyMs, firstTokenMs, error },
  };
  if (!mayHaveCounted(dispatch, ending)) return funds.settle(spent);
  return estimate().then(
    (mayHaveUsed) => funds.settle({ ...spent, mayHaveUsed }),
    // What cannot be estimated ends the call all the same.
    () => funds.settle(spent),
  );
}
