import { keyRevoked } from "@lyss/contracts/events/auth.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { createAuthenticator } from "./authenticate.ts";
import { apiGatewayConfig } from "./config.ts";
import { createApiGatewaySubscriptions } from "./events.ts";
import { createKeyCache } from "./key-cache.ts";
import { createListener } from "./listener.ts";
import { createTokenVerifier } from "./token-verifier.ts";

export const apiGateway = defineService({
  name: "api-gateway",
  needs: { auth: AuthService },
  publishes: [],
  hears: [keyRevoked],
  config: apiGatewayConfig,
  routes: [],
  servesRoutes: true,

  async start({ config, clients, clock, random, log, metrics }) {
    const keys = createKeyCache(clients.auth, clock);
    const guard = createAuthenticator(keys, createTokenVerifier(clients.auth, clock));
    const listener = createListener({ settings: config.http, guard, clock, random, log, metrics });
    return {
      ops: {},
      subscriptions: createApiGatewaySubscriptions(keys),
      serve: (program) => listener.open(program),
      drain: (signal) => listener.drain(signal),
      cut: (signal) => listener.close(signal),
    };
  },
});
