import { auditPersonErased } from "@lyss/contracts/events/audit.ts";
import { authPersonErased, keyCreated, keyRevoked, keyUpdated } from "@lyss/contracts/events/auth.ts";
import { groupPersonErased } from "@lyss/contracts/events/group.ts";
import { userAuditEvents, userCreated, userDeleted, userFederated, userUpdated } from "@lyss/contracts/events/user.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { adminRoutes } from "./admin-routes.ts";
import { createAuditLog } from "./audit-log.ts";
import { userConfig } from "./config.ts";
import { createUserSubscriptions } from "./events.ts";
import { createFederationStore } from "./federation-store.ts";
import { createUserJobs } from "./jobs.ts";
import { createUserOps } from "./ops.ts";
import { createPasswordHasher } from "./password.ts";
import { createPeopleStore } from "./people-store.ts";
import { createRefusedSignIns } from "./refused-sign-ins.ts";
import { userRoutes } from "./routes.ts";
import { createUserRpc } from "./rpc.ts";
import { createSignInGuard } from "./sign-in-guard.ts";
import { signOnRuleEvents } from "./sign-on-rules.ts";
import { createUserStore } from "./store.ts";

export const user = defineService({
  name: "user",
  contract: UserService,
  needs: { auth: AuthService },
  publishes: [userCreated, userUpdated, userDeleted, userFederated, ...userAuditEvents],
  hears: [
    ...[keyCreated, keyUpdated, keyRevoked, auditPersonErased, authPersonErased, groupPersonErased],
    ...signOnRuleEvents,
  ],
  config: userConfig,
  migrations: new URL("./migrations/", import.meta.url),
  routes: [...userRoutes, ...adminRoutes],

  async start({ config, clients, db, outbox, clock, random, deriveKey }) {
    const limits = config.user;
    const store = createUserStore(db.sql);
    const people = createPeopleStore(db.sql);
    const federation = createFederationStore(db.sql);
    const policy = { maxWaitMs: limits.maxWaitMs, forgetAfterMs: limits.forgetFailuresAfterMs };
    const guard = createSignInGuard({
      ...{ db, store, clock, subjectKey: deriveKey("user.sign_in_failure") },
      account: { ...policy, freeFailures: limits.freeFailuresPerAccount },
      address: { ...policy, freeFailures: limits.freeFailuresPerAddress },
      maxRemembered: limits.maxRememberedFailures,
    });
    const passwords = await createPasswordHasher(limits.maxPendingHashes);
    const audit = createAuditLog({ store, outbox, clock, random });
    const refusedSignIns = createRefusedSignIns();
    const ops = createUserOps({
      ...{
        db,
        store,
        people,
        federation,
        outbox,
        clock,
        random,
        auth: clients.auth,
        passwords,
        guard,
        audit,
        refusedSignIns,
      },
    });
    return {
      ops,
      rpc: createUserRpc(ops),
      subscriptions: createUserSubscriptions(ops),
      jobs: createUserJobs(ops),
      health: { database: databaseCheck(db) },
      drain: () => ops.flushRefusedSignIns(),
    };
  },
});
