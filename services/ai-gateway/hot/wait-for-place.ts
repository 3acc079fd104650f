import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { priorityHeader } from "@lyss/kit/http/intake.ts";
import type { HotExchange } from "@lyss/kit/http/route.ts";
import type { Turn } from "@lyss/kit/resilience/fair-queue.ts";
import type { Policy } from "@lyss/kit/resilience/policy.ts";
import type { PolicyPlace } from "@lyss/kit/resilience/policy-place.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Drawn } from "../funds/funds.ts";
import type { Target } from "../model.ts";
import type { OpenCall } from "../open-calls.ts";

const nothing = () => {};

/** A queue in which a call may wait for its place. */
export interface PlaceQueue {
  readonly policy: Policy;
  readonly turn: Turn;
}

/**
 * Where a call waits that has one target and found no place there. Undefined where a place is not what it lacks, or may not be all,
 * and where its caller says how urgent it is, which only the intake can judge.
 */
export function findQueue(
  { policies, modelLimits }: Pick<AiGatewayDeps, "policies" | "modelLimits">,
  { provider }: Target,
  { facts: { caller, headers } }: HotExchange,
): PlaceQueue | undefined {
  const policy = policies.policyOf(provider);
  const isPlaceAll = policy.isFull && !policy.mayRepeat && modelLimits.isEmpty;
  if (!isPlaceAll || headers[priorityHeader] !== undefined) return undefined;
  return { policy, turn: { line: caller.tenantId, priority: "interactive" } };
}

/**
 * Refuses who would only be told by the ordinary way, at many times the cost, that there is no place to wait in: too much to do must not
 * become more by what is turned away. False where there is.
 */
export function turnAway({ policy, turn }: PlaceQueue, exchange: HotExchange): boolean {
  const refusal = policy.refusal(turn);
  if (refusal) exchange.enter(() => exchange.fail(refusal), nothing);
  return refusal !== undefined;
}

/**
 * Lets a call in and has it wait, its money drawn and nothing of it written down. Who leaves meanwhile, and a stop of the process, end the
 * wait. Afterwards `begin` has the place, or the money is back and the caller knows why.
 */
export function waitForPlace(
  { openCalls }: Pick<AiGatewayDeps, "openCalls">,
  { policy, turn }: PlaceQueue,
  exchange: HotExchange,
  drawn: Drawn,
  begin: (place: PolicyPlace) => void,
): void {
  const wait = async () => {
    const abort = new AbortController();
    const open: OpenCall = { abort: (failure) => abort.abort(failure), previous: undefined, next: undefined };
    openCalls.begin(open);
    exchange.onLeave = () => abort.abort(new Failure(kitFailures.canceled));
    try {
      const place = await policy.enterInTurn(turn, abort);
      if (abort.signal.aborted) place.end();
      abort.signal.throwIfAborted();
      begin(place);
    } catch (err) {
      drawn.cancel();
      exchange.fail(err);
    } finally {
      openCalls.end(open);
    }
  };
  exchange.enter(
    () => void wait(),
    () => drawn.cancel(),
  );
}
