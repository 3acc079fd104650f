import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Database, Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import {
  accountSubject,
  addressSubject,
  type BackOffPolicy,
  type FailureCount,
  recentFailures,
  waitMs,
} from "./back-off.ts";
import type { UserStore } from "./store.ts";

/** Who tries to sign in. */
export interface Attempt {
  /** What the account is called: a normalised e-mail address for a person's. */
  readonly account: string;
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

  const subjectsOf = (attempt: Attempt) => ({
    account: accountSubject(subjectKey, attempt.account),
    address: attempt.clientAddress === "" ? undefined : addressSubject(subjectKey, attempt.clientAddress),
  });

  function refuseEarly(policy: BackOffPolicy, count: FailureCount): void {
    const retryAfterMs = waitMs(policy, count, clock.nowMs());
    if (retryAfterMs <= 0) return;
    const retryAfterSeconds = Math.ceil(retryAfterMs / 1_000);
    throw new Failure(userFailures.too_many_attempts, { retryAfterSeconds }, { retryAfterMs });
  }

  async function countFailure(tx: Tx, policy: BackOffPolicy, subject: string): Promise<void> {
    refuseEarly(policy, await store.lockFailures(tx, subject, new Date(clock.nowMs())));
    await addFailure(tx, policy, subject);
  }

  async function addFailure(tx: Tx, policy: BackOffPolicy, subject: string): Promise<void> {
    const now = new Date(clock.nowMs());
    const failures = recentFailures(policy, await store.lockFailures(tx, subject, now), now.getTime()) + 1;
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

    /** Throws `too_many_attempts`, and counts nothing: for what is too long to be guessed, and for `fail` afterwards. */
    async requireCalm(attempt: Attempt): Promise<void> {
      const subjects = subjectsOf(attempt);
      for (const { subject, ...count } of await store.listFailures(Object.values(subjects).filter(isGiven))) {
        refuseEarly(subject === subjects.account ? account : address, count);
      }
    },

    /** Counts an attempt that failed. */
    async fail(attempt: Attempt): Promise<void> {
      const { account: name, address: place } = subjectsOf(attempt);
      await db.transaction(async (tx) => {
        await addFailure(tx, account, name);
        if (place !== undefined) await addFailure(tx, address, place);
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

function isGiven(subject: string | undefined): subject is string {
  return subject !== undefined;
}

export type SignInGuard = ReturnType<typeof createSignInGuard>;
