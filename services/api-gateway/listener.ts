import { cacheHeader, keepAliveHeader } from "@lyss/contracts/calls/call-headers.ts";
import { tagsHeader } from "@lyss/contracts/usage/tags.ts";
import { createHealthRoutes } from "@lyss/kit/health/health-routes.ts";
import { createForwarder, type Forwarder } from "@lyss/kit/http/forward.ts";
import type { Guard } from "@lyss/kit/http/gate.ts";
import type { HotRoutes } from "@lyss/kit/http/hot-routes.ts";
import { createHttpHandler, type HttpHandler } from "@lyss/kit/http/http-handler.ts";
import { createHttpServer, type HttpServer } from "@lyss/kit/http/http-server.ts";
import { type Intake, type OpenExchange, priorityHeader } from "@lyss/kit/http/intake.ts";
import { createLane, type Lane } from "@lyss/kit/http/lane/lane.ts";
import { createMetricsHandler } from "@lyss/kit/observability/metrics.ts";
import { untilAborted } from "@lyss/kit/rpc/signals.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { ProgramFace } from "@lyss/kit/service/define-service.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { z } from "zod";
import type { apiGatewayConfig } from "./config.ts";
import { registerLaneMetrics } from "./metrics.ts";
import { openApi } from "./open-api.ts";
import { googlePaths, keyProtocol } from "./read-credential.ts";

/** What guard, intake and hot routes read of a request, besides what the kit does. */
const hotHeaders = [
  ...["authorization", "x-api-key", "cookie", "sec-fetch-site", "origin"],
  ...[priorityHeader, tagsHeader, keepAliveHeader, cacheHeader],
];

export interface ListenerOptions {
  readonly settings: z.output<typeof apiGatewayConfig.http>;
  readonly guard: Guard;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Registry;
  /** Where clients find the platform. Not asked before it is open. */
  publicUrl(): string;
}

/** The public listener: closed until the program around it runs. */
export interface Listener {
  /** Opens it with the routes of every service within reach; gives its URL. */
  open(program: ProgramFace): Promise<string>;
  /** Visits every request under way whose sender is known. */
  forEachOpen(visit: (exchange: OpenExchange) => void): void;
  /** Takes nothing new; resolves when calls under way have ended, and WebSockets at peers were told that it goes away. What has not ended when the signal aborts goes on. */
  drain(signal: AbortSignal): Promise<void>;
  /** Gives answers that have ended until the signal aborts to leave; cuts what is then still open. */
  close(signal: AbortSignal): Promise<void>;
}

export function createListener(options: ListenerOptions): Listener {
  const { settings, guard, intake, clock, random, log, metrics } = options;
  let server: HttpServer | undefined;
  let handler: HttpHandler | undefined;
  let lane: Lane | undefined;
  let forwarder: Forwarder | undefined;
  const cut = new AbortController();
  let closed: Promise<void> | undefined;

  async function closeServer(): Promise<void> {
    closed ??= server?.close(cut.signal);
    await closed;
  }

  /** Most requests are of a few routes and look alike: those are read by the lane, all others as ever. */
  function withLane(ordinary: HttpServer, hot: HotRoutes): HttpServer {
    if (!settings.lane || hot.targets.length === 0) return ordinary;
    lane = createLane({ ...hot, server: ordinary, clock });
    registerLaneMetrics(metrics, lane);
    return lane;
  }

  return {
    async open({ listMounted, health, peerToken, tracer, site, allMetrics = metrics }) {
      const healthRoutes = createHealthRoutes({ health, clock, service: "lyss", version: openApi.version });
      forwarder = createForwarder({
        peerToken,
        clock,
        allowedHeaders: [tagsHeader, keepAliveHeader, cacheHeader, "anthropic-beta", "openai-beta"],
        withheldQuery: { path: googlePaths, field: "key" },
        withheldProtocols: keyProtocol,
      });
      handler = createHttpHandler({
        // The base path of Groq's SDK, and of Azure's API without dates.
        aliases: { "/openai/v1": "/v1" },
        ...{ guard, intake, clock, random, log, metrics, docBaseUrl: settings.docBaseUrl, tracer, site, ...openApi },
        publicUrl: () => options.publicUrl(),
        mounted: listMounted(),
        hotHeaders,
        forward: forwarder.forward,
        systemRoutes: {
          ...healthRoutes,
          ...(settings.exposeMetrics && { "/metrics": createMetricsHandler(allMetrics) }),
        },
      });
      server = withLane(createHttpServer({ onRequest: handler.onRequest, clock }), handler.hot);
      const port = await server.listen(settings);
      const url = toUrl(settings.host, port);
      log.info({ url }, "listening");
      return url;
    },
    forEachOpen(visit) {
      handler?.forEachOpen(visit);
      lane?.forEachOpen(visit);
    },
    drain(signal) {
      forwarder?.drain(signal);
      return untilAborted(signal, closeServer()).catch(() => {});
    },
    async close(signal) {
      if (signal.aborted) cut.abort();
      signal.addEventListener("abort", () => cut.abort(), { once: true });
      await closeServer();
      await handler?.close();
      forwarder?.close();
    },
  };
}

/** An address that a client on this machine can use; a listener on all interfaces is reached through loopback. */
function toUrl(host: string, port: number): string {
  const name = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${name.includes(":") ? `[${name}]` : name}:${port}`;
}
