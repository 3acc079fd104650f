import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createLimiterEntries, type LimiterEntries } from "@lyss/kit/resilience/limiter-entries.ts";
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

/** What counts against a limit now, at this node. */
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
  enter(target: Target, caller: LimitCaller, tokens: number): LimitPlace | undefined;
  /** True when `enter` would let it in. */
  hasRoom(target: Target, caller: LimitCaller, tokens: number): boolean;
  /** Undefined where the caller has no limit of its own there. */
  tell(target: Target, caller: LimitCaller): ToldLimits | undefined;
  /** Of a limit that is counted for all together; undefined for others. */
  useOf(name: string): LimitUse | undefined;
  /** From now on these count. One that stays as it is keeps its count, and those under way leave what they took. */
  update(limits: readonly ModelLimit[], processes: number): void;
}

/** What is counted of one limit for one subject. */
interface Count {
  inFlight: number;
  /** Tokens that attempts under way are expected to take. */
  expectedTokens: number;
  readonly requests: CountWindow;
  readonly tokens: CountWindow;
  readonly cost: CountWindow;
}

/** A limit as one process keeps it: its share of the whole. */
interface Rule {
  readonly limit: ModelLimit;
  readonly shape: string;
  readonly counts: LimiterEntries<Count>;
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

export function createModelLimits({ clock, metrics }: { clock: Clock; metrics: Registry }): ModelLimits {
  let rules: readonly Rule[] = [];
  let byTarget = new WeakMap<Target, readonly Rule[]>();
  const refusals = new Counter({
    name: "llm_limit_refusals_total",
    help: "Attempts that a limit on a model or an account has turned away.",
    labelNames: ["limit", "of"],
    registers: [metrics],
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
    return rulesOf(target).map((rule) => [rule, rule.counts.use(subjectOf(rule.limit, caller))]);
  }

  function findRefusal(claims: readonly Claim[], tokens: number, nowMs: number) {
    let worst: { readonly of: string; readonly waitMs: number; readonly limit: ModelLimit } | undefined;
    for (const [rule, count] of claims) {
      for (const [of, waitMs] of waitsOf(rule, count, tokens, nowMs)) {
        if (waitMs > (worst?.waitMs ?? 0)) worst = { of, waitMs, limit: rule.limit };
      }
    }
    return worst;
  }

  return {
    get isEmpty() {
      return rules.length === 0;
    },
    enter(target, caller, tokens) {
      if (rules.length === 0) return undefined;
      const claims = claimsOf(target, caller);
      if (claims.length === 0) return undefined;
      const nowMs = clock.monotonicMs();
      const refusal = findRefusal(claims, tokens, nowMs);
      if (!refusal) return take(claims, tokens, clock);
      const { of, waitMs, limit } = refusal;
      refusals.inc({ limit: limit.name, of });
      const retryAfterSeconds = Math.ceil(waitMs / 1_000);
      const details = { model: target.model.name, of, ...texts[of], retryAfterSeconds };
      throw new Failure(aiGatewayFailures.model_limited, details, { retryAfterMs: waitMs });
    },
    hasRoom(target, caller, tokens) {
      return rules.length === 0 || !findRefusal(claimsOf(target, caller), tokens, clock.monotonicMs());
    },
    tell(target, caller) {
      if (rules.length === 0) return undefined;
      const own = claimsOf(target, caller).filter(([{ limit }]) => limit.per !== "all");
      if (own.length === 0) return undefined;
      const nowMs = clock.monotonicMs();
      return {
        requests: scarcest(own.map(([rule, { requests }]) => toTold(rule.requests, requests, 0, nowMs))),
        tokens: scarcest(
          own.map(([rule, { tokens, expectedTokens }]) => toTold(rule.tokens, tokens, expectedTokens, nowMs)),
        ),
      };
    },
    useOf(name) {
      const rule = rules.find(({ limit }) => limit.name === name && limit.per === "all");
      if (!rule) return undefined;
      const { inFlight, requests, tokens, expectedTokens, cost } = rule.counts.use("");
      const nowMs = clock.monotonicMs();
      return {
        ...{ inFlight, requests: requests.sum(nowMs), tokens: tokens.sum(nowMs) + expectedTokens },
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
  const createCount = (): Count => ({
    ...{ inFlight: 0, expectedTokens: 0 },
    ...{ requests: createCountWindow(minuteMs), tokens: createCountWindow(minuteMs) },
    cost: createCountWindow(costWindowMs),
  });
  return {
    limit,
    counts: createLimiterEntries(createCount),
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
  const roomForTokens = rule.tokens - wanted - count.expectedTokens;
  return [
    ["requests", requests === none ? 0 : count.requests.waitMs(requests - 1, nowMs)],
    ["concurrent", count.inFlight < concurrent ? 0 : shortWaitMs],
    ["tokens", rule.tokens === none ? 0 : roomForTokens < 0 ? shortWaitMs : count.tokens.waitMs(roomForTokens, nowMs)],
    ["cost", costNanos === none ? 0 : count.cost.waitMs(costNanos - 1, nowMs)],
  ];
}

function take(claims: readonly Claim[], tokens: number, clock: Clock): LimitPlace {
  const nowMs = clock.monotonicMs();
  const expected = claims.map(([rule]) => (rule.tokens === none ? 0 : Math.min(tokens, rule.tokens)));
  for (const [at, [, count]] of claims.entries()) {
    count.inFlight++;
    count.expectedTokens += expected[at] ?? 0;
    count.requests.add(1, nowMs);
  }
  let isOver = false;
  const leave = (each: (count: Count) => void) => {
    if (isOver) return;
    isOver = true;
    for (const [at, [, count]] of claims.entries()) {
      count.inFlight--;
      count.expectedTokens -= expected[at] ?? 0;
      each(count);
    }
  };
  return {
    // In the step of now: it may be a later one, which then lets one more in than was taken from it.
    cancel: () => leave((count) => count.requests.add(-1, nowMs)),
    end: (used) => leave((count) => count.tokens.add(used, clock.monotonicMs())),
    spend(costNanos) {
      for (const [, count] of claims) count.cost.add(Number(costNanos), clock.monotonicMs());
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
