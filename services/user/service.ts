import { keyCreated, keyRevoked, keyUpdated } from "@lyss/contracts/events/auth.ts";
import { budgetThresholdReached } from "@lyss/contracts/events/billing.ts";
import {
  userAuditEvents,
  userCreated,
  userDeleted,
  userExportRequested,
  userFactorsReset,
  userFederated,
  userPersonExported,
  userUpdated,
} from "@lyss/contracts/events/user.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { GroupService } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { mailConfig } from "@lyss/kit/mail/mail-config.ts";
import { openMail } from "@lyss/kit/mail/open-mail.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { accountPage } from "./account-page.ts";
import { createAccountStore } from "./account-store.ts";
import { createAccountWriter } from "./accounts.ts";
import { adminRoutes, resetFactorsRoute } from "./admin-routes.ts";
import { createAuditLog } from "./audit-log.ts";
import { authActEvents } from "./auth-acts.ts";
import { createBreachRange } from "./breach-range.ts";
import { userConfig } from "./config.ts";
import { createUserSubscriptions, erasures, exports } from "./events.ts";
import { exportRoutes } from "./export-routes.ts";
import { createExportStore } from "./exports/export-store.ts";
import { createFederationStore } from "./federation-store.ts";
import { createUserJobs } from "./jobs.ts";
import { createKnownPasswords } from "./known-passwords.ts";
import { createMailLimit } from "./mail-limit.ts";
import { memberRoutes } from "./member-routes.ts";
import { createUserOps } from "./ops.ts";
import { createPasswordHasher, createPasswordRules } from "./password.ts";
import { createPeopleStore } from "./people-store.ts";
import { createProfileStore } from "./profile-store.ts";
import { createRefusedSignIns } from "./refused-sign-ins.ts";
import { createRegistrationStore } from "./registration-store.ts";
import { userRoutes } from "./routes.ts";
import { createUserRpc } from "./rpc.ts";
import { userSagas } from "./sagas/register-person.ts";
import { createSignInGuard } from "./sign-in-guard.ts";
import { signOnRuleEvents } from "./sign-on-rules.ts";
import { statsRoutes } from "./stats-routes.ts";
import { createUserStore } from "./store.ts";

export const user = defineService({
  name: "user",
  contract: UserService,
  needs: { auth: AuthService, billing: BillingService, group: GroupService, tenant: TenantService },
  publishes: [
    ...[userCreated, userUpdated, userDeleted, userFederated, userExportRequested, userPersonExported],
    userFactorsReset,
    ...userAuditEvents,
  ],
  hears: [
    ...[keyCreated, keyUpdated, keyRevoked, userExportRequested],
    ...[...erasures, ...exports].map(({ event }) => event),
    ...authActEvents,
    budgetThresholdReached,
    ...signOnRuleEvents,
  ],
  config: { ...userConfig, ...mailConfig },
  migrations: new URL("./migrations/", import.meta.url),
  workflows: userSagas,
  routes: [...userRoutes, ...memberRoutes, ...adminRoutes, ...statsRoutes, ...exportRoutes, resetFactorsRoute],

  async start({ config, clients, db, outbox, clock, random, ...given }) {
    const { idempotency, workflows, deriveKey, log, metrics, publicUrl } = given;
    const limits = config.user;
    const store = createUserStore(db.sql);
    const people = createPeopleStore(db.sql);
    const federation = createFederationStore(db.sql);
    const policy = { maxWaitMs: limits.maxWaitMs, forgetAfterMs: limits.forgetFailuresAfterMs };
    const subjectKey = deriveKey("user.sign_in_failure");
    const guard = createSignInGuard({
      ...{ db, store, clock, subjectKey },
      account: { ...policy, freeFailures: limits.freeFailuresPerAccount },
      address: { ...policy, freeFailures: limits.freeFailuresPerAddress },
      maxRemembered: limits.maxRememberedFailures,
    });
    const passwords = await createPasswordHasher(limits.maxPendingHashes);
    const { breachRangeUrl: url } = limits.passwords;
    const isBreached = url === "" ? undefined : createBreachRange({ url, clock, log });
    const requireGoodPassword = createPasswordRules({ isCommon: createKnownPasswords(), isBreached });
    const audit = createAuditLog({ store, outbox, clock, random });
    const refusedSignIns = createRefusedSignIns();
    const accounts = createAccountStore(db.sql);
    const profiles = createProfileStore(db.sql);
    const registrations = createRegistrationStore(db.sql);
    const mails = openMail(config.mail, { db, clock, random, log, metrics, key: deriveKey("user.mail") });
    const writer = createAccountWriter({
      accounts,
      mails,
      clock,
      random,
      linkUrl: () => publicUrl() + accountPage.path,
    });
    const mailLimit = createMailLimit({
      ...{ accounts, clock, subjectKey, perMailbox: limits.maxMailsPerMailbox, perAddress: limits.maxMailsPerAddress },
    });
    const ops = createUserOps({
      ...{
        db,
        store,
        people,
        federation,
        accounts,
        profiles,
        registrations,
        outbox,
        idempotency,
        workflows,
        clock,
        random,
        log,
      },
      ...{ auth: clients.auth, groups: clients.group, billing: clients.billing, tenants: clients.tenant },
      ...{
        registrationPolicy: limits.registration,
        newTenantPlan: limits.newTenantPlan,
        searchTimeoutMs: limits.searchTimeoutMs,
      },
      ...{ exports: createExportStore(db.sql), exportKey: deriveKey("user.export") },
      registrationKey: deriveKey("user.registration"),
      ...{ passwords, requireGoodPassword, guard, audit, refusedSignIns, writer, mailLimit },
    });
    return {
      ops,
      rpc: createUserRpc(ops),
      subscriptions: createUserSubscriptions(ops, { outbox, random }),
      jobs: [...createUserJobs(ops), mails.job, idempotency.sweep],
      health: { database: databaseCheck(db) },
      drain: () => ops.flushRefusedSignIns(),
      stop: async () => mails.close(),
    };
  },
});
