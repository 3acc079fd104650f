import { sessionEnded } from "@lyss/contracts/events/auth.ts";
import {
  ssoClientCreated,
  ssoClientDeleted,
  ssoClientUpdated,
  ssoConnectionCreated,
  ssoConnectionDeleted,
  ssoConnectionUpdated,
  ssoConsentGiven,
  ssoPersonErased,
  ssoPersonExported,
  ssoScimEvents,
} from "@lyss/contracts/events/sso.ts";
import { userDeleted, userExportRequested } from "@lyss/contracts/events/user.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { GroupService } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import { createGuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { type SsoSettings, ssoConfig } from "./config.ts";
import { createSsoSubscriptions } from "./events.ts";
import { createSsoJobs } from "./jobs.ts";
import { createOidcProviders } from "./oidc/providers.ts";
import { createSsoOps } from "./ops.ts";
import { createPersonStore } from "./person-store.ts";
import { createClientDocuments } from "./provider/client-document.ts";
import { clientRoutes } from "./provider/client-routes.ts";
import { createClientStore } from "./provider/client-store.ts";
import { createLogoutStore } from "./provider/logout-store.ts";
import { createOpenIdProvider } from "./provider/openid-provider.ts";
import { providerRoutes } from "./provider/provider-routes.ts";
import { createProviderStore } from "./provider/provider-store.ts";
import { registrationRoutes } from "./provider/registration-routes.ts";
import { connectionRoutes } from "./routes.ts";
import { samlRoutes } from "./saml-routes.ts";
import { scimDiscoveryRoutes } from "./scim/discovery-routes.ts";
import { createScimGroupStore } from "./scim/group-store.ts";
import { scimRoutes } from "./scim/routes.ts";
import { scimTokenRoutes } from "./scim/token-routes.ts";
import { createScimTokenStore } from "./scim/token-store.ts";
import { createScimUserStore } from "./scim/user-store.ts";
import { signInRoutes } from "./sign-in-routes.ts";
import { createSignInStore } from "./sign-in-store.ts";
import { createConnectionStore } from "./store.ts";

/** What a provider answers is no larger than this. */
const maxAnswerBytes = 1_048_576;

export const sso = defineService({
  name: "sso",
  needs: { auth: AuthService, group: GroupService, tenant: TenantService, user: UserService },
  publishes: [
    ...[ssoConnectionCreated, ssoConnectionUpdated, ssoConnectionDeleted],
    ...[ssoClientCreated, ssoClientUpdated, ssoClientDeleted, ssoConsentGiven],
    ...[ssoPersonErased, ssoPersonExported, ...ssoScimEvents],
  ],
  hears: [sessionEnded, userDeleted, userExportRequested],
  config: ssoConfig,
  migrations: new URL("./migrations/", import.meta.url),
  routes: [
    ...[...connectionRoutes, ...signInRoutes, ...samlRoutes, ...clientRoutes, ...providerRoutes],
    ...[...registrationRoutes, ...scimTokenRoutes, ...scimRoutes, ...scimDiscoveryRoutes],
  ],

  async start({ config, clients, db, outbox, clock, random, deriveKey, publicUrl, log }) {
    const settings: SsoSettings = {
      ...config.sso,
      // Not known before the start is over.
      get publicUrl() {
        return publicUrl();
      },
    };
    const { providerTimeoutMs: timeoutMs, allowPrivateProviders: allowsHttp } = settings;
    const guard = allowsHttp ? undefined : createAddressGuard();
    const fetchFrom = createGuardedFetch({ guard, clock, timeoutMs, maxBytes: maxAnswerBytes });
    const oidcClients = createClientStore(db.sql);
    const documents = { db, oidcClients, fetchFrom, guard, clock, settings, log };
    const parts = {
      ...{ settings, db, outbox, clock, random, guard, fetchFrom, log, ...clients },
      connections: createConnectionStore(db.sql),
      signIns: createSignInStore(db.sql),
      persons: createPersonStore(),
      scimTokens: createScimTokenStore(db.sql),
      scimUsers: createScimUserStore(db.sql),
      scimGroups: createScimGroupStore(db.sql),
      providers: createOidcProviders({ fetchFrom, clock, timeoutMs, allowsHttp }),
      sealingKey: deriveKey("sso.sealing"),
      cookieKey: deriveKey("sso.provider_cookies"),
      oidcClients,
      clientDocuments: createClientDocuments(documents),
      providerState: createProviderStore(db.sql),
      logouts: createLogoutStore(db.sql),
    };
    const ops = createSsoOps({ ...parts, provider: createOpenIdProvider(parts) });
    const subscriptions = createSsoSubscriptions(ops, { outbox, random });
    return { ops, subscriptions, jobs: createSsoJobs(ops), health: { database: databaseCheck(db) } };
  },
});
