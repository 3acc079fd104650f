import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { HotExchange } from "@lyss/kit/http/route.ts";
import type { PolicyPlace } from "@lyss/kit/resilience/policy-place.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { noteLeft } from "../choices/choice.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Funds } from "../funds/funds.ts";
import type { Target } from "../model.ts";
import { expectedTokens } from "../model-limits/expected-tokens.ts";
import { toLimitHeaders } from "../model-limits/limit-headers.ts";
import { takersOf } from "../routing/bound-request.ts";
import type { ScannedRequest } from "../scan/scan-request.ts";
import { type Admitted, toFund } from "./admitted.ts";

/** An attempt that failed before anything of an answer left. */
export interface FailedAttempt {
  readonly deps: AiGatewayDeps;
  readonly exchange: HotExchange;
  readonly admitted: Admitted;
  readonly funds: Funds;
  readonly startedMs: number;
}

/** An attempt that may be sent. */
export interface NextAttempt {
  readonly admitted: Admitted;
  readonly funds: Funds;
}

/**
 * The call at the next of its targets, with a place and money; undefined where there is none, or no money or time for it. As
 * `serveTargets` has it, but that nobody waits for a place.
 */
export async function findNextAttempt(
  { deps, exchange, admitted, funds, startedMs }: FailedAttempt,
  err: unknown,
): Promise<NextAttempt | undefined> {
  const { failOver, clock } = deps;
  const { request, targets } = admitted;
  const tried = [...admitted.tried];
  const takers = takersOf(request.body, targets);
  const attempt = admitted.attempt + 1;
  let target = failOver.next(err, { tried, targets: takers, attempts: admitted.attempt });
  for (; target; target = failOver.skip(tried, takers)) {
    tried.push(target);
    const leftMs = leftOf(deps, startedMs, tried) - clock.monotonicMs();
    if (leftMs <= 0) return undefined;
    const room = roomAtOnce(deps, target, request, exchange.facts.caller);
    if (!room) {
      noteLeft(admitted.choice, target, new Failure(resilienceFailures.bulkhead_full), false);
      continue;
    }
    const { place, limited } = room;
    try {
      const message = admitted.compose(request, target, await deps.credentials.secretOf(target.provider));
      const toRun = toFund({ callId: admitted.callId, attempt, request, target, exchange });
      if (message && toRun) {
        const at = { attempt, target, tried, ...room, place: withLimit(place, leftMs) };
        const next = { ...admitted, ...message, ...at };
        return { admitted: next, funds: await funds.goOn(toRun) };
      }
    } catch (cause) {
      place.end();
      limited?.cancel();
      if (!isFailure(cause)) throw cause;
      noteLeft(admitted.choice, target, cause, false);
      // Its money is refused wherever it goes; its price or its key only here.
      if (isOfMoney(cause.type.code) && cause.type !== billingFailures.price_missing) return undefined;
      continue;
    }
    place.end();
    limited?.cancel();
  }
  return undefined;
}

function isOfMoney(code: string): boolean {
  return code.startsWith("billing.");
}

/** When the whole call must have ended, by the monotonic clock: the limit is its first provider's. */
function leftOf({ policies }: AiGatewayDeps, startedMs: number, [first]: readonly Target[]): number {
  return startedMs + ((first && policies.policyOf(first.provider).timeoutMs) ?? Number.POSITIVE_INFINITY);
}

function withLimit(place: PolicyPlace, leftMs: number): PolicyPlace {
  if (leftMs === Number.POSITIVE_INFINITY) return place;
  return { ...place, timeoutMs: Math.min(leftMs, place.timeoutMs ?? leftMs) };
}

/** A place at a target and under its limits. */
export type Room = Pick<Admitted, "place" | "limited" | "limitHead">;

/** Undefined where its breaker is open, a limit is reached or the call would have to wait. */
export function roomAtOnce(
  { policies, modelLimits, clock }: Pick<AiGatewayDeps, "policies" | "modelLimits" | "clock">,
  target: Target,
  request: ScannedRequest,
  caller: Caller,
): Room | undefined {
  try {
    if (modelLimits.isEmpty) {
      const place = policies.policyOf(target.provider).enterNow();
      return place && { place, limited: undefined, limitHead: "" };
    }
    if (!modelLimits.hasRoom(target, caller, expectedTokens(request))) return undefined;
    const place = policies.policyOf(target.provider).enterNow();
    if (!place) return undefined;
    const limited = modelLimits.enter(target, caller, expectedTokens(request));
    const told = modelLimits.tell(target, caller);
    const lines = Object.entries(told ? toLimitHeaders(told, "openai", clock) : {});
    return { place, limited, limitHead: lines.map(([name, value]) => `${name}: ${value}\r\n`).join("") };
  } catch (err) {
    if (isFailure(err)) return undefined;
    throw err;
  }
}
