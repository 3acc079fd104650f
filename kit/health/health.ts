import type { Logger } from "pino";
import { isFailure } from "../errors/failure.ts";
import type { Clock } from "../service/clock.ts";
import { type HealthCheck, type HealthCheckOptions, Unhealthy } from "./health-check.ts";

export type HealthState = "healthy" | "degraded" | "unhealthy";

/** How one check went. `message` is safe to show: it never holds what a driver or a library said. */
export interface CheckResult {
  readonly status: HealthState;
  /** False only when unhealthy. */
  readonly healthy: boolean;
  readonly latency_ms: number;
  readonly message?: string;
}

export interface HealthReport {
  /** Not ready while a critical check is unhealthy. */
  readonly status: "ready" | "not_ready";
  /** The worst of all checks; a check that is not critical makes it no worse than degraded. */
  readonly health: HealthState;
  readonly checks: Readonly<Record<string, CheckResult>>;
  readonly timestamp: string;
}

export interface HealthOptions {
  /** Asked before each run, so that checks may come and go with their services. */
  readonly checks: () => Readonly<Record<string, HealthCheck>>;
  readonly clock: Clock;
  readonly log: Logger;
  /** Limit of a check that names none of its own. */
  readonly timeoutMs?: number;
  /** How long an answer stands, however often it is asked for. */
  readonly cacheMs?: number;
}

/** Whether this process can serve. */
export interface Health {
  /** Runs all checks at once, or gives the answer of less than `cacheMs` ago. Never rejects. */
  check(): Promise<HealthReport>;
  /** Names of the critical checks that were unhealthy when they last ran. */
  failing(): ReadonlySet<string>;
  /** Calls back after each run, until the result is called. */
  onReport(callback: (report: HealthReport) => void): () => void;
}

/** Health by named checks. A check whose state changes is logged once, with its cause. */
export function createHealth(options: HealthOptions): Health {
  const { checks, clock, log, timeoutMs = 2_000, cacheMs = 1_000 } = options;
  const states = new Map<string, HealthState>();
  const listeners = new Set<(report: HealthReport) => void>();
  let failing: ReadonlySet<string> = new Set();
  let current: Promise<HealthReport> | undefined;
  let isStale = (): boolean => true;

  function note(name: string, { status, message }: CheckResult, err: unknown): void {
    const before = states.get(name) ?? "healthy";
    states.set(name, status);
    if (status === before) return;
    if (status === "healthy") log.info({ check: name }, "health check recovered");
    else if (status === "degraded") log.warn({ check: name, message }, "health check is degraded");
    else log.warn({ check: name, err }, "health check fails");
  }

  async function runOne(name: string, given: HealthCheck): Promise<readonly [string, CheckResult, boolean]> {
    const check: HealthCheckOptions = typeof given === "function" ? { probe: given } : given;
    const startedMs = clock.monotonicMs();
    const outcome = await runWithLimit(check, clock, check.timeoutMs ?? timeoutMs).then(
      (answer) => ({ degraded: degradedReason(answer), err: undefined, isUnhealthy: false }),
      (err: unknown) => ({ degraded: undefined, err, isUnhealthy: true }),
    );
    const latency_ms = Math.round(clock.monotonicMs() - startedMs);
    const result = toResult(outcome, latency_ms, check.latencyThresholdMs);
    note(name, result, outcome.err);
    return [name, result, check.isCritical ?? true];
  }

  async function runAll(): Promise<HealthReport> {
    const results = await Promise.all(Object.entries(checks()).map(([name, check]) => runOne(name, check)));
    failing = new Set(results.flatMap(([name, { healthy }, isCritical]) => (isCritical && !healthy ? [name] : [])));
    const isImpaired = results.some(([, { status }]) => status !== "healthy");
    const report: HealthReport = {
      status: failing.size === 0 ? "ready" : "not_ready",
      health: failing.size > 0 ? "unhealthy" : isImpaired ? "degraded" : "healthy",
      checks: Object.fromEntries(results),
      timestamp: new Date(clock.nowMs()).toISOString(),
    };
    for (const listener of listeners) listener(report);
    return report;
  }

  return {
    check() {
      if (current && !isStale()) return current;
      const run = runAll();
      current = run;
      isStale = () => false;
      // The answer's age counts from its end: whoever asks while checks run waits for the same run.
      void run.then(() => {
        const endedMs = clock.monotonicMs();
        isStale = () => clock.monotonicMs() - endedMs >= cacheMs;
      });
      return run;
    },
    failing: () => failing,
    onReport(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
  };
}

function degradedReason(answer: unknown): string | undefined {
  return typeof answer === "object" && answer !== null && "degraded" in answer ? String(answer.degraded) : undefined;
}

function toResult(
  outcome: { readonly degraded: string | undefined; readonly err: unknown; readonly isUnhealthy: boolean },
  latency_ms: number,
  latencyThresholdMs: number | undefined,
): CheckResult {
  if (outcome.isUnhealthy) {
    return { status: "unhealthy", healthy: false, latency_ms, message: safeMessage(outcome.err) };
  }
  const isSlow = latencyThresholdMs !== undefined && latency_ms > latencyThresholdMs;
  const message = outcome.degraded ?? (isSlow ? `slower than ${latencyThresholdMs} ms` : undefined);
  if (message === undefined) return { status: "healthy", healthy: true, latency_ms };
  return { status: "degraded", healthy: true, latency_ms, message };
}

function runWithLimit({ probe }: HealthCheckOptions, clock: Clock, timeoutMs: number) {
  const limit = new AbortController();
  const tooLate = new Promise<never>((_resolve, reject) => {
    limit.signal.addEventListener("abort", () => reject(limit.signal.reason), { once: true });
  });
  const cancel = clock.setTimer(timeoutMs, () => limit.abort(new Unhealthy(`no answer within ${timeoutMs} ms`)));
  // The async wrapper turns a check that throws at once into one that rejects.
  const answer = (async () => probe(limit.signal))();
  return Promise.race([answer, tooLate]).finally(cancel);
}

/** Our own words, or a system error's bare code such as ECONNREFUSED; a driver's message may hold a connection string. */
function safeMessage(err: unknown): string {
  if (isFailure(err) || err instanceof Unhealthy) return err.message;
  const code = (err as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{1,39}$/.test(code) ? code : "failed";
}
