import type { Client } from "@connectrpc/connect";
import type { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { GroupService } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import type { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Idempotency } from "@lyss/kit/idempotency/idempotency.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { ServiceWorkflows } from "@lyss/kit/service/define-service.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { AccountStore } from "./account-store.ts";
import type { AccountWriter } from "./accounts.ts";
import type { AuditLog } from "./audit-log.ts";
import type { ExportStore } from "./exports/export-store.ts";
import type { FederationStore } from "./federation-store.ts";
import type { MailLimit } from "./mail-limit.ts";
import type { PasswordHasher, RequireGoodPassword } from "./password.ts";
import type { PeopleStore } from "./people-store.ts";
import type { ProfileStore } from "./profile-store.ts";
import type { RefusedSignIns } from "./refused-sign-ins.ts";
import type { RegistrationStore } from "./registration-store.ts";
import type { SignInGuard } from "./sign-in-guard.ts";
import type { UserStore } from "./store.ts";

/** What the operations on people are given. */
export interface UserDeps {
  readonly db: Database;
  readonly store: UserStore;
  readonly people: PeopleStore;
  readonly federation: FederationStore;
  readonly profiles: ProfileStore;
  readonly exports: ExportStore;
  /** 32 bytes: seals what opens exports. */
  readonly exportKey: Buffer;
  readonly accounts: AccountStore;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly auth: Client<typeof AuthService>;
  readonly groups: Client<typeof GroupService>;
  readonly billing: Client<typeof BillingService>;
  readonly tenants: Client<typeof TenantService>;
  readonly registrations: RegistrationStore;
  readonly idempotency: Idempotency;
  readonly workflows: ServiceWorkflows;
  /** Who may register without an invitation. */
  readonly registrationPolicy: "closed" | "domains" | "open";
  readonly newTenantPlan: string;
  readonly searchTimeoutMs: number;
  /** 32 bytes: seals the tokens that a registration ends with. */
  readonly registrationKey: Buffer;
  readonly passwords: PasswordHasher;
  readonly requireGoodPassword: RequireGoodPassword;
  readonly guard: SignInGuard;
  readonly writer: AccountWriter;
  readonly mailLimit: MailLimit;
  readonly audit: AuditLog;
  readonly refusedSignIns: RefusedSignIns;
  readonly log: Logger;
}
