import { authFailures } from "@lyss/contracts/failures/auth.ts";
import type { HeldLimit, KeyLimits } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Arrival } from "@lyss/kit/http/intake.ts";
import { createNetworkList } from "@lyss/kit/http/network-list.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";

/** A limit that a caller shares: with other keys of its person, or with all who are in a group. */
export interface SharedLimit {
  readonly subject: "user" | "group";
  readonly subjectId: string;
  /** Of a group; its id where the name is not known. Undefined of a person. */
  readonly name: string | undefined;
  /** 0 for no limit; so is `maxConcurrentRequests`. */
  readonly requestsPerMinute: number;
  readonly maxConcurrentRequests: number;
}

/** What an API key is held to at the edge, besides its permissions. Tokens and money are budgets, which billing holds it to. */
export interface KeyRules {
  /** 0 for no limit; so is `maxConcurrentRequests`. */
  readonly requestsPerMinute: number;
  readonly maxConcurrentRequests: number;
  readonly shared: readonly SharedLimit[];
  /** Undefined where it may be used from everywhere; so is `allowedOrigins`. */
  readonly isAddressAllowed: ((address: string) => boolean) | undefined;
  readonly allowedOrigins: ReadonlySet<string> | undefined;
}

/** The rules of a caller's key, if it has any. */
export type RulesOf = (caller: Caller) => KeyRules | undefined;

/** Of who has no key, or one without limits. */
export const noKeyLimits = { requestsPerMinute: 0, maxConcurrentRequests: 0, allowedIps: [], allowedOrigins: [] };

/** The part of a key's limits that is held at the edge, and what its person and groups are held to; undefined where there is none. */
export function toKeyRules(
  limits: Pick<KeyLimits, keyof typeof noKeyLimits> | undefined,
  held: readonly HeldLimit[] = [],
): KeyRules | undefined {
  const { requestsPerMinute, maxConcurrentRequests, allowedIps, allowedOrigins } = limits ?? noKeyLimits;
  const ofKey = requestsPerMinute + maxConcurrentRequests + allowedIps.length + allowedOrigins.length;
  if (ofKey + held.length === 0) return undefined;
  return {
    ...{ requestsPerMinute, maxConcurrentRequests, shared: held.map(toShared) },
    isAddressAllowed: allowedIps.length > 0 ? createNetworkList(allowedIps) : undefined,
    allowedOrigins: allowedOrigins.length > 0 ? new Set(allowedOrigins) : undefined,
  };
}

function toShared({ subject, subjectId, name, ...counts }: HeldLimit): SharedLimit {
  const { requestsPerMinute, maxConcurrentRequests } = counts;
  const who =
    subject === "user"
      ? ({ subject, name: undefined } as const)
      : ({ subject: "group", name: name || subjectId } as const);
  return { ...who, subjectId, requestsPerMinute, maxConcurrentRequests };
}

/**
 * The shared limits that a request falls under. Of people signed in only raw routes count, where models are called: a group that has
 * used up its minute does not shut its people out of the console.
 */
export function sharedLimitsOf(
  { shared }: KeyRules,
  { caller, route }: Pick<Arrival, "caller" | "route">,
): readonly SharedLimit[] {
  return caller?.keyId === "" && route.kind !== "raw" ? [] : shared;
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
