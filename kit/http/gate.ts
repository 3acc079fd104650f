import type { IncomingMessage } from "node:http";
import { Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { type Caller, permits } from "../rpc/call-context.ts";
import type { JsonRoute, Route } from "./route.ts";

type MaybeCaller = Caller | undefined | Promise<Caller | undefined>;

/** What a guard reads of a request. */
export interface GuardedRequest extends Pick<IncomingMessage, "headers"> {
  readonly url?: string | undefined;
  /** True where it was let in before and is under way: what was good to begin it need only be good to go on. */
  readonly isUnderWay?: boolean | undefined;
}

/**
 * Tells who sends a request: undefined when no credential is sent, a Failure thrown for one that is not valid. May answer
 * at once, without a promise, when it already knows the credential.
 */
export type Guard = (req: GuardedRequest) => MaybeCaller;

/**
 * The one place where a request is let in. `identify` tells who calls; throws `kit.unauthenticated` or
 * `kit.permission_denied` unless the caller holds `permission`, `kit.impersonation_refused` for an operator in somebody's name on a
 * route that is for the person alone; for `caller` it is enough to be one. A public route lets everyone in, and knows the caller if a
 * valid credential is sent.
 */
export function admit(route: GatedRoute, identify: () => MaybeCaller): MaybeCaller {
  if (route.permission === "public") return admitAnyone(identify);
  const caller = identify();
  if (caller instanceof Promise) return caller.then((found) => requirePermission(found, route));
  return requirePermission(caller, route);
}

/** What the gate goes by. */
export interface GatedRoute extends Pick<Route<never>, "method" | "permission" | "impersonation"> {
  readonly stepUp?: JsonRoute<never>["stepUp"];
}

/** Whether an operator who acts in a person's name may do it: what only reads, but for what asks for a proof, and changes that say so. */
export function isImpersonable({ method, stepUp, impersonation }: GatedRoute): boolean {
  return (method === "GET" && stepUp === undefined) || impersonation === "allowed";
}

function requirePermission(caller: Caller | undefined, route: GatedRoute): Caller {
  const { permission } = route;
  if (!caller) throw new Failure(kitFailures.unauthenticated);
  if (caller.operatorId !== "" && !isImpersonable(route)) throw new Failure(kitFailures.impersonation_refused);
  if (permission === "caller") return caller;
  if (!permits(caller.permissions, permission)) throw new Failure(kitFailures.permission_denied, { permission });
  return caller;
}

/** How old the proof of who somebody is may be on a route that asks for it. */
export const stepUpMaxAgeMs = 600_000;

/**
 * Throws on a route that asks for a fresh proof `kit.step_up_required` for a person whose last one is too old, and `kit.person_required`
 * for an API key or service client where none may do this. Where only people with a second factor are asked, these and others go on.
 */
export function requireFreshProof(stepUp: JsonRoute["stepUp"], caller: Caller | undefined, nowMs: number): void {
  if (!stepUp) return;
  if (!caller) throw new Failure(kitFailures.unauthenticated);
  const isPerson = caller.sessionId !== "" && caller.keyId === "";
  if (stepUp === "with_factors" && !(isPerson && caller.hasFactor)) return;
  if (!isPerson) throw new Failure(kitFailures.person_required);
  if (nowMs - caller.provenMs <= stepUpMaxAgeMs) return;
  throw new Failure(kitFailures.step_up_required, { maxAgeSeconds: stepUpMaxAgeMs / 1_000 });
}

async function admitAnyone(identify: () => MaybeCaller): Promise<Caller | undefined> {
  try {
    return await identify();
  } catch (err) {
    // Signing in again must work with an expired token at hand, and while the token cannot be checked.
    if (isFailure(err)) return undefined;
    throw err;
  }
}
