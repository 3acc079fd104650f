import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import { createChallengeStore } from "./challenge-store.ts";
import { type FactorSettings, toPasskeyPlace } from "./factor-config.ts";
import type { FactorDeps } from "./factor-deps.ts";
import { createFactorStore } from "./factor-store.ts";
import { createPasskeyArea } from "./passkeys.ts";

type Given = Pick<ServiceDeps<never, never>, "db" | "outbox" | "clock" | "random" | "deriveKey" | "publicUrl">;

/** What the operations on second factors need, made of what the service is given. */
export function createFactorDeps(
  { db, outbox, clock, random, deriveKey, publicUrl }: Given,
  settings: FactorSettings,
): FactorDeps {
  const { appName } = settings;
  const challengeKey = deriveKey("auth.passkey_challenge");
  return {
    ...{ db, outbox, clock, random, appName },
    factors: createFactorStore(db),
    challenges: createChallengeStore(db),
    passkeys: createPasskeyArea({
      ...{ rpName: appName, challengeKey, random },
      place: () => toPasskeyPlace(publicUrl(), settings),
    }),
    factorKey: deriveKey("auth.factor"),
    recoveryPepper: deriveKey("auth.recovery_code"),
  };
}
