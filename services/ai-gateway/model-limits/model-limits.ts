import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createLimiterEntries } from "@lyss/kit/resilience/limiter-entries.ts";
import type { SharedCounts } from "@lyss/kit/resilience/shared-counts.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { Counter, type Registry } from "prom-client";
import { type Target, usdToNanos } from "../model.ts";
import { type CountWindow, createCountWindow } from "./count-window.ts";
import type { ModelLimit } from "./model-limit.ts";

/** What an attempt has taken from the limits that it falls under. Exactly one of `cancel` and `end` is to be called, once. */
export interface LimitPlace {
  /** Nothing was sent. */
  cancel(): void;
  /** It has ended, with so many tokens in and out. */
  end(tokens: number): void;
  /** What it cost, when that is known. */
  spend(costNanos: bigint): void;
}

/**
 * What takes from the limits: an `attempt` counts for all of them. A `session` is one of what is under way, and counts as no request; what is
 * asked `within_session` is not under way besides it.
 */
export type LimitedAs = "attempt" | "session" | "within_session";

export type LimitCaller = Pick<Caller, "tenantId" | "userId" | "keyId">;

/** What a caller has left of one of its own limits. */
export interface ToldLimit {
  readonly limit: number;
  readonly remaining: number;
  /** Until all of it is there again. */
  readonly resetMs: number;
}

/** What a caller is told: the scarcest of its own limits, never those of an account. */
export interface ToldLimits {
  readonly requests: ToldLimit | undefined;
  readonly tokens: ToldLimit | undefined;
}

/** What counts against a limit now, in this process and those that share its port. */
export interface LimitUse {
  readonly inFlight: number;
  readonly requests: number;
  readonly tokens: number;
  readonly costNanos: bigint;
}

/** Limits on attempts at models and accounts, as the operator sets them. */
export interface ModelLimits {
  readonly isEmpty: boolean;
  /**
   * Takes an attempt of so many expected tokens from every limit that it falls under, or from none: undefined where there is no such
   * limit. Throws `model_limited` with the wait for the last of them.
   */
  enter(target: Target, caller: LimitCaller, tokens: number, as?: LimitedAs): LimitPlace | undefined;
  /** What work has cost that has left long ago: it counts against the limits that it falls under. */
  spend(target: Target, caller: LimitCaller, costNanos: bigint): void;
  /** True when `enter` would let it in. */
  hasRoom(target: Target, caller: LimitCaller, tokens: number): boolean;
  /** Undefined where the caller has no limit of its own there. */
  tell(target: Target, caller: LimitCaller): ToldLimits | undefined;
  /** Of a limit that is counted for all together; undefined for others. */
  useOf(name: string): LimitUse | undefined;
  /** From now on these count. One that stays as it is keeps its count, and those under way leave what they took. */
  update(limits: readonly ModelLimit[], processes: number): void;
}

/** What is counted of one limit for one subject, here and at the processes that count with this one. */
interface Count {
  /** What the others know it by. */
  readonly sharedKey: string;
  inFlight: number;
  inFlightElsewhere: number;
  /** Tokens that attempts under way are expected to take. */
  expectedTokens: number;
  expectedElsewhere: number;
  readonly requests: CountWindow;
  readonly tokens: CountWindow;
  readonly cost: CountWindow;
}

/** A limit as one node keeps it: its share of the whole. */
interface Rule {
  readonly limit: ModelLimit;
  readonly shape: string;
  readonly countOf: (subject: string) => Count;
  readonly requests: number;
  readonly tokens: number;
  readonly concurrent: number;
  readonly costNanos: number;
}

type Claim = readonly [rule: Rule, count: Count];

const minuteMs = 60_000;
/** For what depends on when others end. */
const shortWaitMs = 1_000;
const none = Number.POSITIVE_INFINITY;

export interface ModelLimitsDeps {
  readonly clock: Clock;
  readonly metrics: Registry;
  readonly sharedCounts: SharedCounts;
  /** Hears of each attempt that a limit is in the way of, whether it is refused or goes elsewhere. */
  readonly onReached?: ((limit: ModelLimit, of: string, by: LimitCaller) => void) | undefined;
}

export function createModelLimits({ clock, metrics, sharedCounts, onReached }: ModelLimitsDeps): ModelLimits {
  let rules: readonly Rule[] = [];
  let byTarget = new WeakMap<Target, readonly Rule[]>();
  const refusals = new Counter({
    name: "llm_limit_refusals_total",
    help: "Attempts that a limit on a model or an account has turned away.",
    labelNames: ["limit", "of"],
    registers: [metrics],
  });

  const notes = openNotes(sharedCounts, {
    find(sharedKey) {
      const [name, version, subject] = JSON.parse(sharedKey) as [string, number, string];
      return rules.find(({ limit }) => limit.name === name && limit.version === version)?.countOf(subject);
    },
    nowMs: () => clock.monotonicMs(),
  });

  function rulesOf(target: Target): readonly Rule[] {
    let found = byTarget.get(target);
    if (!found) {
      found = rules.filter(({ limit }) => isFor(limit, target));
      byTarget.set(target, found);
    }
    return found;
  }

  function claimsOf(target: Target, caller: LimitCaller): readonly Claim[] {
    return rulesOf(target).map((rule) => [rule, rule.countOf(subjectOf(rule.limit, caller))]);
  }

  function findRefusal(claims: readonly Claim[], tokens: number, nowMs: number, as: LimitedAs = "attempt") {
    let worst: { readonly of: string; readonly waitMs: number; readonly limit: ModelLimit } | undefined;
    for (const [rule, count] of claims) {
      for (const [of, waitMs] of waitsOf(rule, count, tokens, nowMs)) {
        if (as === "within_session" && of === "concurrent") continue;
        if (waitMs > (worst?.waitMs ?? 0)) worst = { of, waitMs, limit: rule.limit };
      }
    }
    return worst;
  }

  return {
    get isEmpty() {
      return rules.length === 0;
    },
    enter(target, caller, tokens, as = "attempt") {
      if (rules.length === 0) return undefined;
      const claims = claimsOf(target, caller);
      if (claims.length === 0) return undefined;
      const nowMs = clock.monotonicMs();
      const refusal = findRefusal(claims, tokens, nowMs, as);
      if (!refusal) return take(claims, tokens, as, { clock, notes });
      const { of, waitMs, limit } = refusal;
      refusals.inc({ limit: limit.name, of });
      onReached?.(limit, of, caller);
      const retryAfterSeconds = Math.ceil(waitMs / 1_000);
      const details = { model: target.model.name, of, ...texts[of], retryAfterSeconds };
      throw new Failure(aiGatewayFailures.model_limited, details, { retryAfterMs: waitMs });
    },
    spend(target, caller, costNanos) {
      if (rules.length === 0) return;
      const nowMs = clock.monotonicMs();
      for (const [, count] of claimsOf(target, caller)) count.cost.add(Number(costNanos), nowMs);
    },
    hasRoom(target, caller, tokens) {
      if (rules.length === 0) return true;
      const refusal = findRefusal(claimsOf(target, caller), tokens, clock.monotonicMs());
      if (refusal) onReached?.(refusal.limit, refusal.of, caller);
      return !refusal;
    },
    tell(target, caller) {
      if (rules.length === 0) return undefined;
      const own = claimsOf(target, caller).filter(([{ limit }]) => limit.per !== "all");
      if (own.length === 0) return undefined;
      const nowMs = clock.monotonicMs();
      return {
        requests: scarcest(own.map(([rule, { requests }]) => toTold(rule.requests, requests, 0, nowMs))),
        tokens: scarcest(own.map(([rule, count]) => toTold(rule.tokens, count.tokens, expectedOf(count), nowMs))),
      };
    },
    useOf(name) {
      const rule = rules.find(({ limit }) => limit.name === name && limit.per === "all");
      if (!rule) return undefined;
      const count = rule.countOf("");
      const { requests, tokens, cost } = count;
      const nowMs = clock.monotonicMs();
      return {
        ...{
          inFlight: inFlightOf(count),
          requests: requests.sum(nowMs),
          tokens: tokens.sum(nowMs) + expectedOf(count),
        },
        costNanos: BigInt(Math.round(cost.sum(nowMs))),
      };
    },
    update(limits, processes) {
      const known = new Map(rules.map((rule) => [rule.shape, rule]));
      rules = limits.map((limit) => {
        const shape = JSON.stringify([limit, processes, limit.version]);
        return known.get(shape) ?? { ...toRule(limit, processes), shape };
      });
      byTarget = new WeakMap();
    },
  };
}

const texts: Readonly<Record<string, { readonly what: string; readonly what_zh_CN: string }>> = {
  requests: { what: "requests per minute", what_zh_CN: "每分钟请求数" },
  tokens: { what: "tokens per minute", what_zh_CN: "每分钟 token 数" },
  concurrent: { what: "concurrent requests", what_zh_CN: "并发请求数" },
  cost: { what: "cost", what_zh_CN: "费用" },
};

/** Only the operator's providers: a tenant's own account is its own affair. */
function isFor({ provider, model }: ModelLimit, target: Target): boolean {
  if (target.provider.tenantId !== "") return false;
  return (
    (provider === undefined || provider === target.provider.name) &&
    (model === undefined || model === target.model.name)
  );
}

function subjectOf({ per }: ModelLimit, { tenantId, userId, keyId }: LimitCaller): string {
  if (per === "tenant") return tenantId;
  if (per === "key") return keyId;
  // A key that belongs to no person stands for itself.
  return per === "user" ? userId || keyId : "";
}

function toRule(limit: ModelLimit, processes: number): Omit<Rule, "shape"> {
  const { requestsPerMinute, tokensPerMinute, maxConcurrent, costUsd, costWindowMs } = limit;
  const share = (whole: number | undefined) =>
    whole === undefined ? none : Math.max(1, Math.floor(whole / processes));
  const createCount = (subject: string): Count => ({
    sharedKey: JSON.stringify([limit.name, limit.version, subject]),
    ...{ inFlight: 0, inFlightElsewhere: 0, expectedTokens: 0, expectedElsewhere: 0 },
    ...{ requests: createCountWindow(minuteMs), tokens: createCountWindow(minuteMs) },
    cost: createCountWindow(costWindowMs),
  });
  return {
    limit,
    countOf: createLimiterEntries(createCount).use,
    requests: share(requestsPerMinute),
    tokens: share(tokensPerMinute),
    concurrent: share(maxConcurrent),
    costNanos: share(costUsd === undefined ? undefined : Number(usdToNanos(costUsd))),
  };
}

/** For each of what a limit counts, how long to wait; 0 for not at all. */
function waitsOf(rule: Rule, count: Count, tokens: number, nowMs: number): readonly (readonly [string, number])[] {
  const { requests, concurrent, costNanos } = rule;
  // One that asks for more than there ever is goes when nothing else does.
  const wanted = Math.min(tokens, rule.tokens);
  const roomForTokens = rule.tokens - wanted - expectedOf(count);
  return [
    ["requests", requests === none ? 0 : count.requests.waitMs(requests - 1, nowMs)],
    ["concurrent", inFlightOf(count) < concurrent ? 0 : shortWaitMs],
    ["tokens", rule.tokens === none ? 0 : roomForTokens < 0 ? shortWaitMs : count.tokens.waitMs(roomForTokens, nowMs)],
    ["cost", costNanos === none ? 0 : count.cost.waitMs(costNanos - 1, nowMs)],
  ];
}

const inFlightOf = (count: Count) => count.inFlight + count.inFlightElsewhere;
const expectedOf = (count: Count) => count.expectedTokens + count.expectedElsewhere;

function take(
  claims: readonly Claim[],
  tokens: number,
  as: LimitedAs,
  { clock, notes }: { clock: Clock; notes: Notes },
): LimitPlace {
  const underWay = as === "within_session" ? 0 : 1;
  const requests = as === "session" ? 0 : 1;
  const nowMs = clock.monotonicMs();
  const expected = claims.map(([rule]) => (rule.tokens === none ? 0 : Math.min(tokens, rule.tokens)));
  const hold = (count: Count, attempts: number, expectedTokens: number) => {
    count.inFlight += attempts;
    count.expectedTokens += expectedTokens;
    notes.inFlight(count.sharedKey, attempts);
    notes.expected(count.sharedKey, expectedTokens);
  };
  const add = (count: Count, of: CountedOverTime, units: number, atMs: number) => {
    count[of].add(units, atMs);
    notes[of](count.sharedKey, units);
  };
  for (const [at, [, count]] of claims.entries()) {
    hold(count, underWay, expected[at] ?? 0);
    add(count, "requests", requests, nowMs);
  }
  let isOver = false;
  const leave = (each: (count: Count) => void) => {
    if (isOver) return;
    isOver = true;
    for (const [at, [, count]] of claims.entries()) {
      hold(count, -underWay, -(expected[at] ?? 0));
      each(count);
    }
  };
  return {
    // In the step of now: it may be a later one, which then lets one more in than was taken from it.
    cancel: () => leave((count) => add(count, "requests", -requests, nowMs)),
    end: (used) => leave((count) => add(count, "tokens", used, clock.monotonicMs())),
    spend(costNanos) {
      for (const [, count] of claims) add(count, "cost", Number(costNanos), clock.monotonicMs());
    },
  };
}

function toTold(limit: number, window: CountWindow, expected: number, nowMs: number): ToldLimit | undefined {
  if (limit === none) return undefined;
  const remaining = Math.max(0, limit - window.sum(nowMs) - expected);
  return { limit, remaining, resetMs: window.waitMs(0, nowMs) };
}

function scarcest(all: readonly (ToldLimit | undefined)[]): ToldLimit | undefined {
  return all.reduce((least, one) => (one && one.remaining < (least?.remaining ?? none) ? one : least), undefined);
}

type CountedOverTime = "requests" | "tokens" | "cost";

/** Tells the processes that count with this one, by a count's `sharedKey`. */
type Notes = Readonly<Record<CountedOverTime | "inFlight" | "expected", (sharedKey: string, units: number) => void>>;

function openNotes(
  sharedCounts: SharedCounts,
  { find, nowMs }: { find: (sharedKey: string) => Count | undefined; nowMs: () => number },
): Notes {
  const openTaken = (of: CountedOverTime) =>
    sharedCounts.openTaken(`model-${of}`, (sharedKey, units) => find(sharedKey)?.[of].add(units, nowMs()));
  const openHeld = (of: "inFlightElsewhere" | "expectedElsewhere") =>
    sharedCounts.openHeld(`model-${of}`, (sharedKey, units) => {
      const count = find(sharedKey);
      if (count) count[of] = units;
    });
  return {
    ...{ requests: openTaken("requests"), tokens: openTaken("tokens"), cost: openTaken("cost") },
    ...{ inFlight: openHeld("inFlightElsewhere"), expected: openHeld("expectedElsewhere") },
  };
}
