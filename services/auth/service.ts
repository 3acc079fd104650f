import { resilienceOrdered } from "@lyss/contracts/events/ai-gateway.ts";
import { keyCreated, keyRevoked, keyUpdated } from "@lyss/contracts/events/auth.ts";
import { followDegradation } from "@lyss/contracts/events/follow-degradation.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { authConfig } from "./config.ts";
import { createAuthJobs } from "./jobs.ts";
import { createLastUsed } from "./last-used.ts";
import { createAuthOps } from "./ops.ts";
import { authRoutes } from "./routes.ts";
import { createAuthRpc } from "./rpc.ts";
import { loadSigningKeys } from "./signing-keys.ts";
import { createAuthStore } from "./store.ts";

export const auth = defineService({
  name: "auth",
  contract: AuthService,
  needs: {},
  publishes: [keyCreated, keyRevoked, keyUpdated],
  hears: [resilienceOrdered],
  config: authConfig,
  idempotent: ["createKey"],
  migrations: new URL("./migrations/", import.meta.url),
  routes: authRoutes,

  async start({ config, db, outbox, idempotency, clock, random, deriveKey, degradation, node }) {
    const store = createAuthStore(db.sql);
    const sealingKey = deriveKey("auth.signing");
    const signingKeys = await loadSigningKeys({ db, store, clock, random, sealingKey });
    const lastUsed = createLastUsed(clock);
    const pepper = deriveKey("auth.pepper");
    const ops = createAuthOps({
      ...{ db, store, outbox, idempotency, clock, random, signingKeys, pepper, lastUsed, ...config.auth },
    });
    return {
      ops,
      rpc: createAuthRpc(ops, clock),
      subscriptions: [followDegradation(degradation, node)],
      jobs: createAuthJobs(ops, degradation),
      health: { database: databaseCheck(db) },
      drain: () => ops.flushLastUsed(),
    };
  },
});
