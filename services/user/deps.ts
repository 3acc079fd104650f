import type { Client } from "@connectrpc/connect";
import type { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { AuditLog } from "./audit-log.ts";
import type { FederationStore } from "./federation-store.ts";
import type { PasswordHasher } from "./password.ts";
import type { PeopleStore } from "./people-store.ts";
import type { RefusedSignIns } from "./refused-sign-ins.ts";
import type { SignInGuard } from "./sign-in-guard.ts";
import type { UserStore } from "./store.ts";

/** What the operations on people are given. */
export interface UserDeps {
  readonly db: Database;
  readonly store: UserStore;
  readonly people: PeopleStore;
  readonly federation: FederationStore;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly auth: Client<typeof AuthService>;
  readonly passwords: PasswordHasher;
  readonly guard: SignInGuard;
  readonly audit: AuditLog;
  readonly refusedSignIns: RefusedSignIns;
}
