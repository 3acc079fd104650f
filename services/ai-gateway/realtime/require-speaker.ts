import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Target } from "../model.ts";
import { closeCodes } from "./close-codes.ts";
import { connectUpstream } from "./connect-upstream.ts";

/** So long what a provider said of a model is taken for true. */
const knownForMs = 600_000;

/** Until when a target is known to hold sessions, by monotonic time. */
const known = new WeakMap<Target, number>();

/**
 * Throws what the first target says of a model that none of them holds sessions of. Each is asked by a session that is opened and closed, in
 * which nothing is said or charged, and then not for ten minutes. One that does not answer may hold them.
 */
export async function requireSpeaker(deps: AiGatewayDeps, targets: readonly Target[]): Promise<void> {
  let refusal: unknown;
  for (const target of targets) {
    const told = await ask(deps, target);
    if (told === undefined) return;
    refusal ??= told;
  }
  throw refusal;
}

/** Why a target holds no sessions of its model; undefined for one that does, or that did not say. */
async function ask(deps: AiGatewayDeps, target: Target): Promise<unknown> {
  const nowMs = deps.clock.monotonicMs();
  if ((known.get(target) ?? 0) > nowMs) return undefined;
  try {
    const { socket, leave } = await connectUpstream(deps, target, {
      ...{ beta: undefined, signal: new AbortController().signal },
    });
    socket.close(closeCodes.normal);
    socket.resume();
    leave();
    known.set(target, nowMs + knownForMs);
    return undefined;
  } catch (err) {
    const types = [aiGatewayFailures.invalid_request, aiGatewayFailures.upstream_rejected];
    return types.some((type) => isFailure(err, type)) ? err : undefined;
  }
}
