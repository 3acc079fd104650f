import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { ChallengeStore } from "./challenge-store.ts";
import type { FactorStore } from "./factor-store.ts";
import type { PasskeyArea } from "./passkeys.ts";

/** What the operations on second factors are given. */
export interface FactorDeps {
  readonly db: Database;
  readonly factors: FactorStore;
  readonly challenges: ChallengeStore;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
  readonly passkeys: PasskeyArea;
  /** Seals the secrets of authenticator apps at rest. */
  readonly factorKey: Buffer;
  /** Keyed hashing of recovery codes and of the tokens of sign-ins that wait. */
  readonly recoveryPepper: Buffer;
  /** What authenticator apps show beside an account. */
  readonly appName: string;
}
