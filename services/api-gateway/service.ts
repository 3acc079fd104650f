import { toolResource, toolResourceUri } from "@lyss/contracts/access/resources.ts";
import { resilienceOrdered } from "@lyss/contracts/events/ai-gateway.ts";
import { accessChanged, keyRevoked, keyUpdated } from "@lyss/contracts/events/auth.ts";
import { followDegradation } from "@lyss/contracts/events/follow-degradation.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { createLoadShedder } from "@lyss/kit/resilience/load-shed.ts";
import { createLoopMonitor, type LoopMonitor } from "@lyss/kit/resilience/load-shed-loop-monitor.ts";
import { connectRedis } from "@lyss/kit/resilience/redis-limiter-connection.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { createAuthenticator } from "./authenticate.ts";
import { createConcurrency } from "./concurrency.ts";
import { apiGatewayConfig } from "./config.ts";
import { cutOpenCalls } from "./cut-open-calls.ts";
import { createEdgeIntake } from "./edge-intake.ts";
import { createApiGatewaySubscriptions } from "./events.ts";
import { createKeyCache } from "./key-cache.ts";
import { createListener } from "./listener.ts";
import { registerEdgeMetrics } from "./metrics.ts";
import { createRateLimits } from "./rate-limits.ts";
import { createReachedLimits } from "./reached-limits.ts";
import { parseRedisUrl } from "./redis-address.ts";
import { createSessionCache } from "./session-cache.ts";
import { createTokenVerifier } from "./token-verifier.ts";

export const apiGateway = defineService({
  name: "api-gateway",
  needs: { auth: AuthService },
  publishes: [],
  hears: [keyRevoked, keyUpdated, accessChanged, resilienceOrdered],
  config: apiGatewayConfig,
  routes: [],
  servesRoutes: true,

  async start({
    config,
    onConfigChange,
    clients,
    clock,
    random,
    log,
    metrics,
    degradation,
    sharedCounts,
    node,
    publicUrl,
  }) {
    const keys = createKeyCache(clients.auth, clock);
    const sessions = createSessionCache(clients.auth, clock);
    const resource = { path: toolResource.path, uri: () => toolResourceUri(publicUrl()) };
    const guard = createAuthenticator(keys, createTokenVerifier(clients.auth, sessions, clock, resource));
    const redis = config.redis.url && (await connectRedis(parseRedisUrl(config.redis.url)));
    const rulesOf = (caller: Caller) => (caller.sessionId === "" ? keys.rulesOf(caller) : sessions.rulesOf(caller));
    const reached = createReachedLimits(clients.auth, clock);
    const limits = createRateLimits(config.rateLimits, {
      clock,
      log,
      redis,
      sharedCounts,
      rulesOf,
      onReached: reached.note,
    });
    const concurrency = createConcurrency(config.rateLimits, { sharedCounts, onReached: reached.note });
    const { loopDelayHighMs: highDelayMs, loopDelaySevereMs: severeDelayMs } = config.loadShedding;
    let monitor: LoopMonitor | undefined;
    let { maxInFlight } = config.loadShedding;
    const shedder = createLoadShedder({ limit: () => maxInFlight, pressure: () => monitor?.pressure() ?? "none" });
    onConfigChange(({ rateLimits, loadShedding }) => {
      limits.update(rateLimits);
      concurrency.update(rateLimits);
      maxInFlight = loadShedding.maxInFlight;
    });
    registerEdgeMetrics(metrics, { limits, shedder, concurrency });
    degradation.watch(() => (limits.isAlone() ? "reduced" : "normal"));
    const intake = createEdgeIntake({ rulesOf, concurrency, limits, shedder, degradation, clock });
    const listener = createListener({ settings: config.http, guard, intake, clock, random, log, metrics, publicUrl });
    const cutCalls = () => cutOpenCalls({ forEachOpen: listener.forEachOpen, guard, clock });
    // What fails shows up in the job, a second later at most.
    const recheck = () => void cutCalls().catch(() => undefined);
    return {
      ops: {},
      subscriptions: [
        ...createApiGatewaySubscriptions({ keys, sessions, recheck }),
        followDegradation(degradation, node),
      ],
      jobs: [{ name: "cut-open-calls", everyMs: 1_000, run: cutCalls }, ...reached.jobs],
      serve(program) {
        // From here on: a start stands still now and then, and that is no load.
        monitor = createLoopMonitor({ clock, highDelayMs, severeDelayMs });
        return listener.open(program);
      },
      drain: (signal) => listener.drain(signal),
      cut: (signal) => listener.close(signal),
      async stop() {
        monitor?.stop();
        redis?.close();
      },
    };
  },
});
