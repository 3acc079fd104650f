import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { currentContext } from "../rpc/call-context.ts";
import type { Clock } from "../service/clock.ts";
import type { Random } from "../service/ids.ts";
import { type Breaker, type BreakerChange, type BreakerStats, createBreaker } from "./breaker.ts";
import { type BulkheadStats, createBulkhead } from "./bulkhead.ts";
import type { Turn } from "./fair-queue.ts";
import type { Verdict } from "./judge-error.ts";
import { type CallParts, type OpenCall, openCall } from "./open-call.ts";
import { maxDurationMs, type PolicyOptions } from "./policy-config.ts";
import { enterInTurn, enterNow, type PolicyPlace } from "./policy-place.ts";
import { createRetry, type Retry, type RetryEvent, type RetryStats } from "./retry.ts";
import { createRetryBudget, type RetryBudget } from "./retry-budget.ts";
import { withTimeout } from "./timeout.ts";

/** One attempt of a call. The signal aborts when nobody waits for the answer any more. */
export type Attempt<T> = (signal: AbortSignal, attempt: number) => Promise<T>;

export interface PolicyCall {
  /** True when making the call twice does no more than making it once. Without it only unsent calls are repeated. */
  readonly isIdempotent?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What has happened since the policy, or the part of it, was created. */
export interface PolicyStats {
  readonly calls: number;
  readonly retry: (RetryStats & { readonly budgetMilli: number }) | undefined;
  readonly bulkhead: BulkheadStats | undefined;
  readonly breaker: BreakerStats | undefined;
}

/** How calls to one peer are made. */
export interface Policy {
  readonly name: string;
  /** The limit of a call as a whole; undefined for none. */
  readonly timeoutMs: number | undefined;
  /** True when a call that came now would have to wait for a place. */
  readonly isFull: boolean;
  /**
   * Why a call that came now would be turned away at once for want of a place, for work that comes before the call; undefined where it
   * would get one, or may wait. `turn` unless it is that of the call's context.
   */
  refusal(turn?: Turn): Failure | undefined;
  /** The same, thrown; or a claim, to be given up when the call begins or will not be made (`Bulkhead.claim`). Undefined where places have no limit. */
  claim(): (() => void) | undefined;
  /**
   * Time limit → retry → bulkhead → breaker → time limit of the attempt → `call`. Rejects with the call's own error,
   * `kit.deadline_exceeded`, `resilience.circuit_open`, `resilience.bulkhead_full` or the signal's reason.
   */
  run<T>(call: Attempt<T>, given?: PolicyCall): Promise<T>;
  /**
   * The same for a call whose answer goes on after its promise, such as a stream: `call` resolves when the answer begins.
   * The breaker judges that, and the limit of the attempt ends with it; the place in the bulkhead and the time limit of
   * the whole last until `end`. Limits abort `abort`, which is the call's own, with `kit.deadline_exceeded`; `call` has to
   * listen. Repeated is only what was certainly not sent. Rejects as `run` does, with everything given back.
   */
  open<T>(call: (attempt: number) => Promise<T>, abort: AbortController): Promise<OpenCall<T>>;
  /**
   * The same for one call that its caller makes at once, without a promise. Undefined where it would have to wait for a place,
   * or might be repeated; throws `resilience.circuit_open`.
   */
  enterNow(): PolicyPlace | undefined;
  /** True when what was certainly not sent is repeated: `enterNow` and `enterInTurn` are not for such calls. */
  readonly mayRepeat: boolean;
  /**
   * The same for a call that waits for its place where there is none free, its time limit running. Rejects with `resilience.bulkhead_full`, with
   * `resilience.circuit_open`, and with what `abort`, which is the call's own, was aborted with: by its limit with `kit.deadline_exceeded`.
   */
  enterInTurn(turn: Turn, abort: AbortController): Promise<PolicyPlace>;
  /** For opening and closing it by hand. Undefined when the policy has none. */
  breaker(): Breaker | undefined;
  /** New limits for the calls that begin from now on. A part that stays keeps its state. */
  update(options: PolicyOptions): void;
  stats(): PolicyStats;
}

export interface PolicyDeps {
  readonly clock: Clock;
  readonly random: Random;
  /** What an error says about the peer; `judgeError` unless given. */
  readonly judge?: ((err: unknown) => Verdict) | undefined;
  /** Whether an error is worth a repeat; `isWorthRetry` unless given. */
  readonly retryCondition?: ((err: unknown, isIdempotent: boolean) => boolean) | undefined;
  /** Told of each change of a breaker, for logs and events. Must not throw. */
  readonly onBreakerChange?: ((policy: string, change: BreakerChange) => void) | undefined;
  /** Told of each repeat. Must not throw. */
  readonly onRetry?: ((policy: string, event: RetryEvent) => void) | undefined;
}

interface Parts extends CallParts {
  readonly budget: RetryBudget;
}

/** A policy made of the parts that `options` names. */
export function createPolicy(name: string, options: PolicyOptions, deps: PolicyDeps): Policy {
  const { clock } = deps;
  let parts = createParts(name, options, deps);
  let calls = 0;

  /** What is left of the policy's own limit or of the call context's deadline, whichever ends first. */
  function remainingMs(): number | undefined {
    const deadlineMs = currentContext()?.deadlineMs;
    if (deadlineMs === undefined) return parts.timeoutMs;
    return Math.min(deadlineMs - clock.monotonicMs(), parts.timeoutMs ?? maxDurationMs);
  }

  function runWithin<T>(call: Attempt<T>, given: PolicyCall | undefined): Promise<T> {
    const timeoutMs = remainingMs();
    const { signal, isIdempotent } = given ?? {};
    if (timeoutMs === undefined)
      return runRepeatedly(parts, call, signal ?? unaborted(), isIdempotent, undefined, clock);
    if (timeoutMs <= 0) return Promise.reject(new Failure(kitFailures.deadline_exceeded, { timeoutMs: 0 }));
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    return withTimeout(clock, timeoutMs, signal, (inner) =>
      runRepeatedly(parts, call, inner, isIdempotent, deadlineMs, clock),
    );
  }

  return {
    name,
    get timeoutMs() {
      return parts.timeoutMs;
    },
    get isFull() {
      return parts.bulkhead?.isFull === true;
    },
    refusal: (turn) => parts.bulkhead?.refusal(turn),
    claim: () => parts.bulkhead?.claim(),
    run(call, given) {
      calls++;
      return runWithin(call, given);
    },
    open(call, abort) {
      calls++;
      return openCall(parts, call, abort, clock);
    },
    enterNow() {
      const place = enterNow(parts);
      if (place) calls++;
      return place;
    },
    get mayRepeat() {
      return parts.retry !== undefined;
    },
    async enterInTurn(turn, abort) {
      const place = await enterInTurn(parts, turn, abort, clock);
      calls++;
      return place;
    },
    breaker: () => parts.breaker,
    update(next) {
      parts = updateParts(parts, name, next, deps);
    },
    stats: () => ({
      calls,
      retry: parts.retry && { ...parts.retry.stats(), budgetMilli: parts.budget.balanceMilli() },
      bulkhead: parts.bulkhead?.stats(),
      breaker: parts.breaker?.stats(),
    }),
  };
}

/** A signal of its own for each call: a shared one would keep the listeners of all of them. */
function unaborted(): AbortSignal {
  return new AbortController().signal;
}

function runRepeatedly<T>(
  parts: Parts,
  call: Attempt<T>,
  signal: AbortSignal,
  isIdempotent: boolean | undefined,
  deadlineMs: number | undefined,
  clock: Clock,
): Promise<T> {
  if (!parts.retry) return runAttempt(parts, call, signal, 0, clock);
  const once = (attempt: number) => runAttempt(parts, call, signal, attempt, clock);
  return parts.retry.run(once, { signal, isIdempotent, deadlineMs });
}

async function runAttempt<T>(
  parts: Parts,
  call: Attempt<T>,
  signal: AbortSignal,
  attempt: number,
  clock: Clock,
): Promise<T> {
  const { bulkhead, breaker, attemptTimeoutMs } = parts;
  const wait = bulkhead?.enter(signal);
  if (wait) await wait;
  try {
    // As breaker.run does, in one asynchronous function instead of two.
    const ticket = breaker?.enter() ?? 0;
    const beganMs = breaker?.startMs() ?? 0;
    try {
      const result = await (attemptTimeoutMs === undefined
        ? call(signal, attempt)
        : withTimeout(clock, attemptTimeoutMs, signal, (inner) => call(inner, attempt)));
      breaker?.leave(ticket, "success", beganMs);
      return result;
    } catch (err) {
      breaker?.leave(ticket, breaker.judge(err), beganMs);
      throw err;
    }
  } finally {
    bulkhead?.leave();
  }
}

function createParts(name: string, options: PolicyOptions, deps: PolicyDeps): Parts {
  const { timeoutMs, attemptTimeoutMs } = options;
  const budget = createRetryBudget(options.retryBudget, deps);
  return {
    timeoutMs,
    attemptTimeoutMs,
    budget,
    retry: options.retry && createNamedRetry(name, options.retry, budget, deps),
    bulkhead: options.bulkhead && createBulkhead(options.bulkhead, { clock: deps.clock, name }),
    breaker: options.breaker && createNamedBreaker(name, options.breaker, deps),
  };
}

/** What the new options keep is told them and keeps its state; the rest is made, or left behind. */
function updateParts(parts: Parts, name: string, next: PolicyOptions, deps: PolicyDeps): Parts {
  if (next.retry) parts.retry?.update(next.retry);
  if (next.bulkhead) parts.bulkhead?.update(next.bulkhead);
  if (next.breaker) parts.breaker?.update(next.breaker);
  parts.budget.update(next.retryBudget);
  const { budget } = parts;
  return {
    timeoutMs: next.timeoutMs,
    attemptTimeoutMs: next.attemptTimeoutMs,
    budget,
    retry: next.retry && (parts.retry ?? createNamedRetry(name, next.retry, budget, deps)),
    bulkhead: next.bulkhead && (parts.bulkhead ?? createBulkhead(next.bulkhead, { clock: deps.clock, name })),
    breaker: next.breaker && (parts.breaker ?? createNamedBreaker(name, next.breaker, deps)),
  };
}

function createNamedRetry(
  name: string,
  options: NonNullable<PolicyOptions["retry"]>,
  budget: RetryBudget,
  { clock, random, retryCondition, onRetry }: PolicyDeps,
): Retry {
  return createRetry(options, {
    clock,
    random,
    budget,
    condition: retryCondition,
    onRetry: onRetry && ((event) => onRetry(name, event)),
  });
}

function createNamedBreaker(
  name: string,
  options: NonNullable<PolicyOptions["breaker"]>,
  { clock, judge, onBreakerChange }: PolicyDeps,
): Breaker {
  return createBreaker(options, {
    clock,
    name,
    judge,
    onChange: onBreakerChange && ((change) => onBreakerChange(name, change)),
  });
}
