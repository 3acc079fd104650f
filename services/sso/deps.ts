import type { Client } from "@connectrpc/connect";
import type { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { GroupService } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import type { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import type { UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { AddressGuard } from "@lyss/kit/http/address-guard.ts";
import type { GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { SsoSettings } from "./config.ts";
import type { OidcProviders } from "./oidc/providers.ts";
import type { PersonStore } from "./person-store.ts";
import type { ClientDocuments } from "./provider/client-documents.ts";
import type { ClientStore } from "./provider/client-store.ts";
import type { LogoutStore } from "./provider/logout-store.ts";
import type { OpenIdProvider } from "./provider/provider-face.ts";
import type { ProviderStore } from "./provider/provider-store.ts";
import type { ScimGroupStore } from "./scim/group-store.ts";
import type { ScimTokenStore } from "./scim/token-store.ts";
import type { ScimUserStore } from "./scim/user-store.ts";
import type { SignInStore } from "./sign-in-store.ts";
import type { ConnectionStore } from "./store.ts";

/** What the operations of sign-on are given. */
export interface SsoDeps {
  readonly settings: SsoSettings;
  readonly db: Database;
  readonly connections: ConnectionStore;
  readonly signIns: SignInStore;
  readonly oidcClients: ClientStore;
  /** Those that say at an address of their own what they are. */
  readonly clientDocuments: ClientDocuments;
  readonly providerState: ProviderStore;
  /** Which programs are told of sessions that are over. */
  readonly logouts: LogoutStore;
  /** Lyss as provider of others. */
  readonly provider: OpenIdProvider;
  readonly scimTokens: ScimTokenStore;
  readonly scimUsers: ScimUserStore;
  readonly scimGroups: ScimGroupStore;
  /** What is kept of one person. */
  readonly persons: PersonStore;
  readonly auth: Client<typeof AuthService>;
  readonly user: Client<typeof UserService>;
  readonly group: Client<typeof GroupService>;
  readonly tenant: Client<typeof TenantService>;
  readonly providers: OidcProviders;
  /** Reaches providers, within the limits of address, size and time. */
  readonly fetchFrom: GuardedFetch;
  /** Undefined where providers may have any address. */
  readonly guard: AddressGuard | undefined;
  /** Seals secrets and sign-ins at rest: 32 bytes. */
  readonly sealingKey: Buffer;
  /** Signs the provider's cookies: 32 bytes. */
  readonly cookieKey: Buffer;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Pick<Logger, "warn">;
}
