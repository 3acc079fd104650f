import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Arrival } from "@lyss/kit/http/intake.ts";
import { networkOf } from "@lyss/kit/http/network-of.ts";
import type { LimitDecision } from "@lyss/kit/resilience/limiter.ts";
import { joinLimitHeaders } from "@lyss/kit/resilience/limiter-headers.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import { type RateLimitSettings, toTokenBucket } from "./config.ts";
import { createEdgeLimit, createOwnLimits, type EdgeLimit, type EdgeLimitDeps } from "./edge-limit.ts";
import { type RulesOf, type SharedLimit, sharedLimitsOf } from "./key-rules.ts";
import type { OnReached } from "./reached-limits.ts";

/** Whom a limit is for, the narrowest first: what one of them is refused costs those after it nothing. */
export const limitSubjects = ["key", "user", "group", "tenant", "address"] as const;
export type LimitSubject = (typeof limitSubjects)[number];
/** Those that the platform limits all alike. */
type ConfiguredSubject = Exclude<LimitSubject, "group">;

const settingOf = { key: "perKey", user: "perUser", tenant: "perTenant", address: "perAddress" } as const;
const configuredSubjects = Object.keys(settingOf) as readonly ConfiguredSubject[];

/** What errors call whom a limit is for. */
export const subjectTexts: Readonly<Record<LimitSubject, readonly [en: string, zh: string]>> = {
  key: ["key", "密钥"],
  user: ["user", "用户"],
  group: ["group", "群组"],
  tenant: ["tenant", "租户"],
  address: ["address", "地址"],
};

/** The longest name of a policy that headers may have. */
const maxPolicyLength = 32;

export interface RateLimits {
  /**
   * Takes one request from every limit that it falls under, tells the client what is left, and throws
   * `resilience.rate_limited` when there is nothing. At once, unless the limits are in Redis.
   */
  take(arrival: Arrival): void | Promise<void>;
  /** New limits from now on; one that stays as it is keeps its count. */
  update(settings: RateLimitSettings): void;
  /** Requests refused so far. */
  countRefused(subject: LimitSubject): number;
  /** True while a limit is counted here alone because Redis does not answer. */
  isAlone(): boolean;
}

export interface RateLimitDeps extends EdgeLimitDeps {
  /** What a caller's key was given for itself; nothing unless given. */
  readonly rulesOf?: RulesOf | undefined;
  readonly onReached?: OnReached | undefined;
}

interface Claim {
  readonly subject: LimitSubject;
  /** Of a group. */
  readonly name?: string;
  readonly shared?: SharedLimit;
  readonly key: string;
  readonly limit: EdgeLimit;
}

/** Limits on requests for each key, user, tenant and, of those who are none of these, address. */
export function createRateLimits(initial: RateLimitSettings, deps: RateLimitDeps): RateLimits {
  const limits = new Map<ConfiguredSubject, EdgeLimit>();
  const own = createOwnLimits(deps);
  const noteTaken = (subject: ConfiguredSubject) => {
    const note = deps.sharedCounts.openTaken(`edge-${subject}`, (key, count) =>
      limits.get(subject)?.memory?.charge(key, count),
    );
    return (key: string) => note(key, 1);
  };
  const notes = {
    key: noteTaken("key"),
    user: noteTaken("user"),
    tenant: noteTaken("tenant"),
    address: noteTaken("address"),
  };
  let { processes } = initial;
  const refused: Record<LimitSubject, number> = { key: 0, user: 0, group: 0, tenant: 0, address: 0 };

  function update(settings: RateLimitSettings): void {
    processes = settings.processes;
    for (const subject of configuredSubjects) {
      const configured = settings[settingOf[subject]];
      if (!configured) {
        limits.delete(subject);
        continue;
      }
      const rate = toTokenBucket(configured);
      const known = limits.get(subject);
      const isSame = known?.processes === processes && JSON.stringify(known.rate) === JSON.stringify(rate);
      if (!isSame)
        limits.set(subject, createEdgeLimit({ name: subject, rate, processes, noteTaken: notes[subject] }, deps));
    }
  }

  function listClaims(arrival: Arrival): readonly Claim[] {
    const { caller, clientAddress } = arrival;
    const claims: Claim[] = [];
    const claim = (subject: ConfiguredSubject, key: string) => {
      const limit = limits.get(subject);
      if (limit && key !== "") claims.push({ subject, key, limit });
    };
    if (caller) {
      const rules = deps.rulesOf?.(caller);
      if (rules && rules.requestsPerMinute > 0) {
        const { requestsPerMinute } = rules;
        const limit = own.limitOf({ name: "key-own", id: caller.keyId, requestsPerMinute, processes });
        claims.push({ subject: "key", key: caller.keyId, limit });
      }
      claim("key", caller.keyId);
      if (rules && rules.shared.length > 0) claims.push(...listShared(sharedLimitsOf(rules, arrival)));
      claim("user", caller.userId);
      claim("tenant", caller.tenantId);
    } else {
      claim("address", networkOf(clientAddress));
    }
    return claims;
  }

  function listShared(shared: readonly SharedLimit[]): readonly Claim[] {
    return shared.flatMap((each) => {
      const { subject, subjectId: id, name, requestsPerMinute } = each;
      if (requestsPerMinute === 0) return [];
      // One may be in several groups, and a client tells limits apart by their names.
      const policy = subject === "user" ? "user-own" : id.slice(0, maxPolicyLength);
      const limit = own.limitOf({ name: policy, id, requestsPerMinute, processes });
      return [{ subject, key: id, limit, shared: each, ...(name !== undefined && { name }) }];
    });
  }

  function decide(arrival: Arrival, claims: readonly Claim[], decisions: readonly LimitDecision[]): void {
    const isAllowed = decisions.every((decision) => decision.isAllowed);
    const told = decisions.flatMap((decision, index) => {
      const claim = claims[index];
      return claim ? [claim.limit.headersOf(claim.key, decision, isAllowed ? 1 : 0)] : [];
    });
    const [first = {}] = told;
    const headers = told.length > 1 ? joinLimitHeaders(told) : first;
    for (const name in headers) {
      // A refusal says that by itself, in the shape of its dialect.
      if (name !== "retry-after") arrival.setHeader(name, headers[name] ?? "");
    }
    for (const [index, decision] of decisions.entries()) {
      const claim = claims[index];
      if (decision.isAllowed || !claim) continue;
      refused[claim.subject]++;
      if (claim.shared && arrival.caller) deps.onReached?.(claim.shared, "requests", arrival.caller);
      const retryAfterSeconds = Math.max(1, Math.ceil(decision.retryAfterMs / 1_000));
      const details = { ...toSubjectDetails(claim), retryAfterSeconds };
      throw new Failure(resilienceFailures.rate_limited, details, { retryAfterMs: decision.retryAfterMs });
    }
  }

  update(initial);
  return {
    take(arrival) {
      const claims = listClaims(arrival);
      if (claims.length === 0) return undefined;
      if (deps.redis) return takeShared(claims).then((decisions) => decide(arrival, claims, decisions));
      decide(arrival, claims, takeInMemory(claims));
      return undefined;
    },
    update,
    countRefused: (subject) => refused[subject],
    isAlone: () => [...limits.values()].some(({ shared }) => shared?.mode() === "local"),
  };
}

/** Whom a limit is for, as an error tells it: the kind and, of a group, its name. */
export function toSubjectDetails({ subject, name }: { readonly subject: LimitSubject; readonly name?: string }) {
  const [en, zh] = subjectTexts[subject];
  if (name === undefined) return { subject: en, subject_zh_CN: zh, limit_source: subject };
  return { subject: `${en} '${name}'`, subject_zh_CN: `${zh}“${name}”`, limit_source: subject };
}

/** From all or from none. */
function takeInMemory(claims: readonly Claim[]): readonly LimitDecision[] {
  const [only] = claims;
  if (only && claims.length === 1) return takeOne(only);
  const previews = claims.flatMap(({ limit, key }) => limit.memory?.peek(key) ?? []);
  if (previews.some(({ isAllowed }) => !isAllowed)) return previews;
  return claims.flatMap(takeOne);
}

function takeOne({ limit, key }: Claim): readonly LimitDecision[] {
  const decision = limit.memory?.take(key);
  if (decision?.isAllowed) limit.noteTaken(key);
  return decision ? [decision] : [];
}

/** One after the other up to the first that refuses. */
async function takeShared(claims: readonly Claim[]): Promise<readonly LimitDecision[]> {
  const decisions: LimitDecision[] = [];
  for (const { limit, key } of claims) {
    const decision = await limit.shared?.take(key);
    if (decision) decisions.push(decision);
    if (decision?.isAllowed === false) break;
  }
  return decisions;
}
