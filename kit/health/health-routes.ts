import type { IncomingMessage, ServerResponse } from "node:http";
import type { SystemRoutes } from "../http/http-handler.ts";
import type { Clock } from "../service/clock.ts";
import type { Health } from "./health.ts";

export interface HealthRoutesOptions {
  readonly health: Health;
  readonly clock: Clock;
  /** What `/health/live` says it is. */
  readonly service: string;
  readonly version: string;
}

/**
 * - `/health/live`, `/livez`: 200 while the process answers. It asks nothing, so that a lost database never restarts it.
 * - `/health/ready`, `/readyz`, `/ready`, `/health`: the report; 503 while a critical check is unhealthy.
 * - `/startupz`: 503 until the process was ready once, and 200 from then on whatever comes.
 */
export function createHealthRoutes({ health, clock, service, version }: HealthRoutesOptions): SystemRoutes {
  let hasStarted = false;
  const timestamp = () => new Date(clock.nowMs()).toISOString();
  const live = (_req: IncomingMessage, res: ServerResponse) =>
    sendJson(res, 200, { status: "alive", timestamp: timestamp(), service, version });
  const ready = (_req: IncomingMessage, res: ServerResponse) => {
    void health.check().then((report) => sendJson(res, report.status === "ready" ? 200 : 503, report));
  };
  const startup = (_req: IncomingMessage, res: ServerResponse) => {
    const answer = () => {
      const status = hasStarted ? "started" : "starting";
      sendJson(res, hasStarted ? 200 : 503, { status, timestamp: timestamp() });
    };
    if (hasStarted) return answer();
    void health.check().then((report) => {
      hasStarted ||= report.status === "ready";
      answer();
    });
  };
  return {
    ...{ "/health/live": live, "/livez": live },
    ...{ "/health/ready": ready, "/readyz": ready, "/ready": ready, "/health": ready, "/startupz": startup },
  };
}

function sendJson(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { "content-type": "application/json; charset=utf-8", "cache-control": "no-store" });
  res.end(JSON.stringify(body));
}
