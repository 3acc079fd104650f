import { resilienceOrdered } from "@lyss/contracts/events/ai-gateway.ts";
import {
  accessChanged,
  authPersonErased,
  authPersonExported,
  impersonationStarted,
  keyCreated,
  keyRevoked,
  keyUpdated,
  roleEvents,
  serviceClientEvents,
  sessionEnded,
  sessionStarted,
  subjectLimitEvents,
} from "@lyss/contracts/events/auth.ts";
import { factorEvents } from "@lyss/contracts/events/auth-factors.ts";
import { followDegradation } from "@lyss/contracts/events/follow-degradation.ts";
import { ssoConnectionCreated, ssoConnectionDeleted, ssoConnectionUpdated } from "@lyss/contracts/events/sso.ts";
import { tenantCreated, tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import {
  userCreated,
  userDeleted,
  userExportRequested,
  userFactorsReset,
  userUpdated,
} from "@lyss/contracts/events/user.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import { createGuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { createAccessSubscriptions, groupAccessEvents } from "./access-events.ts";
import { createAccessStore } from "./access-store.ts";
import { createClientKeySets } from "./clients/client-key-sets.ts";
import { createClientStore } from "./clients/client-store.ts";
import { authConfig } from "./config.ts";
import { createAuthSubscriptions } from "./events.ts";
import { createFactorDeps } from "./factors/factor-parts.ts";
import { createAuthJobs } from "./jobs.ts";
import { createLastUsed } from "./last-used.ts";
import { createLimitStore } from "./limits/limit-store.ts";
import { createAuthOps } from "./ops.ts";
import { createPersonStore } from "./person-store.ts";
import { createPrincipalStore } from "./principal-store.ts";
import { followRoleUses } from "./roles/role-events.ts";
import { createRoleStore } from "./roles/role-store.ts";
import { authRoutes } from "./routes.ts";
import { createAuthRpc } from "./rpc.ts";
import { createSessionStore } from "./session-store.ts";
import { createSigningKeys } from "./signing-keys.ts";
import { createAuthStore } from "./store.ts";

/** Of the document with a client's keys. */
const keySetLimits = { timeoutMs: 5_000, maxBytes: 65_536 };

export const auth = defineService({
  name: "auth",
  contract: AuthService,
  needs: {},
  publishes: [
    keyCreated,
    keyRevoked,
    keyUpdated,
    sessionStarted,
    sessionEnded,
    impersonationStarted,
    accessChanged,
    authPersonErased,
    ...serviceClientEvents,
    ...roleEvents,
    ...subjectLimitEvents,
    authPersonExported,
    ...factorEvents,
  ],
  hears: [
    ...[resilienceOrdered, userCreated, userUpdated, userDeleted, userExportRequested, tenantCreated, tenantUpdated],
    ...[userFactorsReset, ...groupAccessEvents],
    ...[ssoConnectionCreated, ssoConnectionUpdated, ssoConnectionDeleted],
  ],
  config: authConfig,
  idempotent: ["createKey"],
  migrations: new URL("./migrations/", import.meta.url),
  routes: authRoutes,

  async start({ config, db, outbox, idempotency, clock, random, deriveKey, degradation, node, publicUrl }) {
    const store = createAuthStore(db.sql);
    const sealingKey = deriveKey("auth.signing");
    const signingKeys = await createSigningKeys({ db, store, clock, random, sealingKey, ...config.auth });
    const sessions = createSessionStore(db.sql);
    const [principals, access] = [createPrincipalStore(db.sql), createAccessStore(db.sql)];
    const clients = createClientStore(db.sql);
    const guard = config.auth.allowPrivateClients ? undefined : createAddressGuard();
    const clientKeySets = createClientKeySets(createGuardedFetch({ guard, clock, ...keySetLimits }), clock);
    const [lastUsed, lastSeen] = [createLastUsed(clock), createLastUsed(clock)];
    const refreshPepper = deriveKey("auth.refresh");
    const pepper = deriveKey("auth.pepper");
    const ops = createAuthOps({
      ...{
        db,
        store,
        sessions,
        principals,
        access,
        clients,
        clientKeySets,
        guard,
        roles: createRoleStore(db.sql),
        limits: createLimitStore(),
        outbox,
        idempotency,
        clock,
        random,
        signingKeys,
        pepper,
        refreshPepper,
        clientPepper: deriveKey("auth.service_client"),
        publicUrl,
      },
      ...{ lastUsed, lastSeen, persons: createPersonStore(), ...config.auth },
      ...createFactorDeps({ db, outbox, clock, random, deriveKey, publicUrl }, config.auth.secondFactors),
    });
    return {
      ops,
      rpc: createAuthRpc(ops, clock),
      subscriptions: [
        ...createAuthSubscriptions(ops, { outbox, random }),
        ...createAccessSubscriptions(ops),
        followRoleUses(ops),
        followDegradation(degradation, node),
      ],
      jobs: createAuthJobs(ops, degradation),
      health: { database: databaseCheck(db) },
      async drain() {
        await Promise.all([ops.flushLastUsed(), ops.flushLastSeen()]);
      },
    };
  },
});
