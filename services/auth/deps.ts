import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { AddressGuard } from "@lyss/kit/http/address-guard.ts";
import type { Idempotency } from "@lyss/kit/idempotency/idempotency.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { AccessStore } from "./access-store.ts";
import type { ClientKeySets } from "./clients/client-key-sets.ts";
import type { ClientStore } from "./clients/client-store.ts";
import type { FactorDeps } from "./factors/factor-deps.ts";
import type { LastUsed } from "./last-used.ts";
import type { LimitStore } from "./limits/limit-store.ts";
import type { PersonStore } from "./person-store.ts";
import type { PrincipalStore } from "./principal-store.ts";
import type { RoleStore } from "./roles/role-store.ts";
import type { SessionStore } from "./session-store.ts";
import type { SigningKeys } from "./signing-keys.ts";
import type { AuthStore } from "./store.ts";

/** What the operations on sessions, keys and tokens are given. */
export interface AuthDeps extends FactorDeps {
  readonly db: Database;
  readonly store: AuthStore;
  readonly sessions: SessionStore;
  /** What groups and tenants tell of access. */
  readonly access: AccessStore;
  readonly principals: PrincipalStore;
  /** Of groups and people. */
  readonly limits: LimitStore;
  readonly clients: ClientStore;
  readonly clientKeySets: ClientKeySets;
  /** Undefined where clients' keys may stand at any address. */
  readonly guard: AddressGuard | undefined;
  readonly roles: RoleStore;
  /** What is kept of one person. */
  readonly persons: PersonStore;
  readonly outbox: Outbox;
  readonly idempotency: Idempotency;
  readonly clock: Clock;
  readonly random: Random;
  readonly signingKeys: SigningKeys;
  /** Keyed hashing of API keys: the stored hashes alone verify nothing. */
  readonly pepper: Buffer;
  /** The same of service clients' secrets. */
  readonly clientPepper: Buffer;
  readonly lastUsed: LastUsed;
  /** The same of sessions. */
  readonly lastSeen: LastUsed;
  /** Keyed hashing of refresh tokens. */
  readonly refreshPepper: Buffer;
  /** Where programs and browsers find the platform, without a slash at its end. */
  publicUrl(): string;
  readonly issuer: string;
  readonly audience: string;
  readonly accessTokenTtlMs: number;
  readonly sessionTtlMs: number;
  readonly sessionIdleTtlMs: number;
  readonly refreshGraceMs: number;
  readonly maxSessionsPerPerson: number;
}
