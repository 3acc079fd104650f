import { authFailures } from "@lyss/contracts/failures/auth.ts";
import type { KeyLimits } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Arrival } from "@lyss/kit/http/intake.ts";
import { createNetworkList } from "@lyss/kit/http/network-list.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";

/** What an API key is held to at the edge, besides its permissions. Tokens and money are budgets, which billing holds it to. */
export interface KeyRules {
  /** 0 for no limit; so is `maxConcurrentRequests`. */
  readonly requestsPerMinute: number;
  readonly maxConcurrentRequests: number;
  /** Undefined where it may be used from everywhere; so is `allowedOrigins`. */
  readonly isAddressAllowed: ((address: string) => boolean) | undefined;
  readonly allowedOrigins: ReadonlySet<string> | undefined;
}

/** The rules of a caller's key, if it has any. */
export type RulesOf = (caller: Caller) => KeyRules | undefined;

/** The part of a key's limits that is held at the edge; undefined where there is none. */
export function toKeyRules(limits: KeyLimits | undefined): KeyRules | undefined {
  if (!limits) return undefined;
  const { requestsPerMinute, maxConcurrentRequests, allowedIps, allowedOrigins } = limits;
  if (requestsPerMinute + maxConcurrentRequests + allowedIps.length + allowedOrigins.length === 0) return undefined;
  return {
    ...{ requestsPerMinute, maxConcurrentRequests },
    isAddressAllowed: allowedIps.length > 0 ? createNetworkList(allowedIps) : undefined,
    allowedOrigins: allowedOrigins.length > 0 ? new Set(allowedOrigins) : undefined,
  };
}

/**
 * Throws `address_not_allowed` where the connection comes from elsewhere than the key may be used from, and
 * `origin_not_allowed` where no allowed web page sends the request: what names no origin is from none of them.
 */
export function requirePlace(
  { isAddressAllowed, allowedOrigins }: KeyRules,
  { clientAddress, headers }: Pick<Arrival, "clientAddress" | "headers">,
): void {
  if (isAddressAllowed?.(clientAddress) === false) {
    throw new Failure(authFailures.address_not_allowed, { address: clientAddress });
  }
  if (allowedOrigins?.has(headers.origin ?? "") === false) throw new Failure(authFailures.origin_not_allowed);
}
