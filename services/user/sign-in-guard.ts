import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Database, Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { accountSubject, addressSubject, type BackOffPolicy, recentFailures, waitMs } from "./back-off.ts";
import type { UserStore } from "./store.ts";

/** Who tries to sign in. */
export interface Attempt {
  /** Normalised. */
  readonly email: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

export interface SignInGuardDeps {
  readonly db: Database;
  readonly store: UserStore;
  readonly clock: Clock;
  /** Hides accounts and addresses in the table of failures. */
  readonly subjectKey: Buffer;
  readonly account: BackOffPolicy;
  readonly address: BackOffPolicy;
  readonly maxRemembered: number;
}

/** Slows down the guessing of passwords, of one account and from one network address. */
export function createSignInGuard(deps: SignInGuardDeps) {
  const { db, store, clock, subjectKey, account, address, maxRemembered } = deps;

  const subjectsOf = ({ email, clientAddress }: Attempt) => ({
    account: accountSubject(subjectKey, email),
    address: clientAddress === "" ? undefined : addressSubject(subjectKey, clientAddress),
  });

  async function countFailure(tx: Tx, policy: BackOffPolicy, subject: string): Promise<void> {
    const now = new Date(clock.nowMs());
    const count = await store.lockFailures(tx, subject, now);
    const retryAfterMs = waitMs(policy, count, now.getTime());
    if (retryAfterMs > 0) {
      const retryAfterSeconds = Math.ceil(retryAfterMs / 1_000);
      throw new Failure(userFailures.too_many_attempts, { retryAfterSeconds }, { retryAfterMs });
    }
    const failures = recentFailures(policy, count, now.getTime()) + 1;
    await store.updateFailures(tx, subject, { failures, lastFailedAt: now });
  }

  return {
    /**
     * Counts an attempt as failed before the password is looked at, so that many at once get no more guesses than one
     * after the other. Throws `too_many_attempts`, which counts nothing.
     */
    async begin(attempt: Attempt): Promise<void> {
      const subjects = subjectsOf(attempt);
      await db.transaction(async (tx) => {
        await countFailure(tx, account, subjects.account);
        if (subjects.address !== undefined) await countFailure(tx, address, subjects.address);
      });
    },

    /** Takes the attempt back: forgets the account's failures, and one of the address, where others may be guessing. */
    async succeed(attempt: Attempt): Promise<void> {
      const subjects = subjectsOf(attempt);
      await db.transaction(async (tx) => {
        await store.deleteFailures(tx, subjects.account);
        if (subjects.address !== undefined) await store.takeBackFailure(tx, subjects.address);
      });
    },

    /** Removes what is forgotten, and the oldest beyond the most that is remembered. */
    async sweep(): Promise<void> {
      const until = new Date(clock.nowMs() - Math.max(account.forgetAfterMs, address.forgetAfterMs));
      await db.transaction((tx) => store.deleteFailuresUntil(tx, until));
      await db.transaction((tx) => store.deleteFailuresBeyond(tx, maxRemembered));
    },
  };
}

export type SignInGuard = ReturnType<typeof createSignInGuard>;
