import { systemClock } from "@lyss/kit/service/clock.ts";
import { type ChaosProxy, createChaosProxy } from "@lyss/kit/testing/chaos/chaos-proxy.ts";
import { createOwnServer } from "@lyss/kit/testing/own-server.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { type RunningPlatform, runPlatform } from "../run-platform.ts";

/** A platform whose database and whose provider stand behind proxies, so that a test can take either away. */
export interface PlatformBehind {
  readonly platform: RunningPlatform;
  readonly toDatabase: ChaosProxy;
  readonly toProvider: ChaosProxy;
  /** The provider's own log, which knows nothing of the platform. */
  readonly callLog: Awaited<ReturnType<typeof startSimulator>>["callLog"];
}

/** Starts all of it; it ends with the scope. The one provider offers `simulated-chat`. */
export async function runPlatformBehind(t: TestScope, seed: number, config: object = {}): Promise<PlatformBehind> {
  const scope = closeInReverse(t);
  const shared = { seed, clock: systemClock };
  const database = await createOwnServer(scope).start();
  const databaseUrl = new URL(database.url);
  const toDatabase = await createChaosProxy({ ...shared, target: { port: Number(databaseUrl.port) } });
  scope.after(toDatabase.close);
  databaseUrl.host = `${toDatabase.host}:${toDatabase.port}`;

  const apiKey = "sk-oracle";
  const simulator = await startSimulator({ clock: systemClock, host: "127.0.0.1", port: 0, apiKey });
  scope.after(simulator.stop);
  const toProvider = await createChaosProxy({ ...shared, target: { port: Number(new URL(simulator.url).port) } });
  scope.after(toProvider.close);
  const models = [{ name: "simulated-chat", inputUsdPerMillion: "0.15", outputUsdPerMillion: "0.60" }];
  const baseUrl = `http://${toProvider.host}:${toProvider.port}/v1`;

  const platform = await runPlatform(scope, {
    config: {
      database: { url: databaseUrl.href },
      providers: [{ name: "oracle", baseUrl, apiKey, models }],
      log: { level: "warn" },
      ...config,
      aiGateway: { simulator: false, heartbeatMs: 500, ...("aiGateway" in config ? (config.aiGateway as object) : {}) },
    },
  });
  return { platform, toDatabase, toProvider, callLog: simulator.callLog };
}
