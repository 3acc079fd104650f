import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "pino";
import { isFailure } from "../errors/failure.ts";
import type { SystemRoutes } from "../http/http-handler.ts";
import type { Clock } from "../service/clock.ts";
import type { HealthCheck } from "../service/define-service.ts";
import { Impairment } from "./impairment.ts";

/** How one check went. `message` is safe to show: it never holds what a driver or a library said. */
export interface CheckResult {
  readonly healthy: boolean;
  readonly latency_ms: number;
  readonly message?: string;
}

export interface HealthReport {
  readonly status: "ready" | "not_ready";
  readonly checks: Readonly<Record<string, CheckResult>>;
  readonly timestamp: string;
}

export interface HealthOptions {
  /** Asked before each run, so that checks may come and go with their services. */
  readonly checks: () => Readonly<Record<string, HealthCheck>>;
  readonly clock: Clock;
  readonly log: Logger;
  /** What `/health/live` says it is. */
  readonly service: string;
  readonly version: string;
  /** Each check's own limit. */
  readonly timeoutMs?: number;
  /** How long an answer stands, however often it is asked for. */
  readonly cacheMs?: number;
}

/** Whether this process lives and can serve. */
export interface Health {
  /** Runs all checks at once, or gives the answer of less than `cacheMs` ago. Never rejects. */
  check(): Promise<HealthReport>;
  /**
   * `/health/live` and `/livez`; `/health/ready`, `/readyz`, `/ready`, `/startupz` and `/health`. Live asks nothing, so
   * that a lost database never restarts the process; ready answers 503 while any check fails with anything but an
   * Impairment.
   */
  readonly routes: SystemRoutes;
}

/** Health by named checks. A check that fails for the first time is logged with its cause, and once more when it recovers. */
export function createHealth(options: HealthOptions): Health {
  const { checks, clock, log, timeoutMs = 2_000, cacheMs = 1_000 } = options;
  const failing = new Set<string>();
  const impaired = new Set<string>();
  let current: Promise<HealthReport> | undefined;
  let isStale = (): boolean => true;

  function note(name: string, result: CheckResult, err: unknown): void {
    if (result.healthy === !failing.has(name)) return;
    if (result.healthy) {
      failing.delete(name);
      log.info({ check: name }, "health check recovered");
    } else {
      failing.add(name);
      log.warn({ check: name, err }, "health check fails");
    }
  }

  async function runOne(name: string, check: HealthCheck): Promise<[string, CheckResult]> {
    const startedMs = clock.monotonicMs();
    const outcome = await runWithLimit(check, clock, timeoutMs).then(
      () => ({ healthy: true, err: undefined }),
      (err: unknown) => ({ healthy: false, err }),
    );
    const latency_ms = Math.round(clock.monotonicMs() - startedMs);
    const result = outcome.healthy
      ? { healthy: true, latency_ms }
      : { healthy: false, latency_ms, message: safeMessage(outcome.err) };
    note(name, result, outcome.err);
    if (outcome.err instanceof Impairment) impaired.add(name);
    else impaired.delete(name);
    return [name, result];
  }

  async function runAll(): Promise<HealthReport> {
    const results = await Promise.all(Object.entries(checks()).map(([name, check]) => runOne(name, check)));
    const isReady = results.every(([name, { healthy }]) => healthy || impaired.has(name));
    return {
      status: isReady ? "ready" : "not_ready",
      checks: Object.fromEntries(results),
      timestamp: new Date(clock.nowMs()).toISOString(),
    };
  }

  function check(): Promise<HealthReport> {
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
  }

  const live = (_req: IncomingMessage, res: ServerResponse) => {
    const { service, version } = options;
    sendJson(res, 200, { status: "alive", timestamp: new Date(clock.nowMs()).toISOString(), service, version });
  };
  const ready = (_req: IncomingMessage, res: ServerResponse) => {
    void check().then((report) => sendJson(res, report.status === "ready" ? 200 : 503, report));
  };
  const routes: SystemRoutes = {
    ...{ "/health/live": live, "/livez": live },
    ...{ "/health/ready": ready, "/readyz": ready, "/ready": ready, "/startupz": ready, "/health": ready },
  };
  return { check, routes };
}

function runWithLimit(check: HealthCheck, clock: Clock, timeoutMs: number): Promise<void> {
  const limit = new AbortController();
  const tooLate = new Promise<never>((_resolve, reject) => {
    limit.signal.addEventListener("abort", () => reject(limit.signal.reason), { once: true });
  });
  const cancel = clock.setTimer(timeoutMs, () => limit.abort(new CheckTimeout(timeoutMs)));
  // The async wrapper turns a check that throws at once into one that rejects.
  return Promise.race([(async () => check(limit.signal))(), tooLate]).finally(cancel);
}

class CheckTimeout extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`);
    this.name = "CheckTimeout";
  }
}

/** Our own words, or a system error's bare code such as ECONNREFUSED; a driver's message may hold a connection string. */
function safeMessage(err: unknown): string {
  if (isFailure(err) || err instanceof CheckTimeout || err instanceof Impairment) return err.message;
  const code = (err as { readonly code?: unknown } | null)?.code;
  return typeof code === "string" && /^[A-Z][A-Z0-9_]{1,39}$/.test(code) ? code : "failed";
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
  res.end(JSON.stringify(body));
}
