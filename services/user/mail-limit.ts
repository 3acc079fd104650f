import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { AccountStore } from "./account-store.ts";
import { accountSubject, addressSubject } from "./back-off.ts";

const windowMs = 3_600_000;

export interface MailLimitDeps {
  readonly accounts: AccountStore;
  readonly clock: Clock;
  /** Hides addresses in the table. */
  readonly subjectKey: Buffer;
  readonly perMailbox: number;
  readonly perAddress: number;
}

/** Keeps anybody from filling a mailbox, or from writing to many. Counted over all nodes, in a window of an hour. */
export function createMailLimit({ accounts, clock, subjectKey, perMailbox, perAddress }: MailLimitDeps) {
  /** Milliseconds until one more is allowed; 0 after counting this one. */
  async function count(tx: Tx, subject: string, limit: number): Promise<number> {
    const nowMs = clock.nowMs();
    await accounts.lockMailRequests(tx, subject);
    const times = await accounts.listMailRequests(tx, subject, new Date(nowMs - windowMs));
    const first = times.at(-limit);
    if (first) return first.getTime() + windowMs - nowMs;
    await accounts.insertMailRequest(tx, subject, new Date(nowMs), new Date(nowMs + windowMs));
    return 0;
  }

  return {
    /** Counts what a network address asks for. Throws `too_many_mails`, which says when to try again. */
    async requireAddress(tx: Tx, clientAddress: string): Promise<void> {
      if (clientAddress === "") return;
      const retryAfterMs = await count(tx, `from ${addressSubject(subjectKey, clientAddress)}`, perAddress);
      if (retryAfterMs === 0) return;
      const retryAfterSeconds = Math.ceil(retryAfterMs / 1_000);
      throw new Failure(userFailures.too_many_mails, { retryAfterSeconds }, { retryAfterMs });
    },

    /** Whether the mailbox may get one more, which is then counted. Whoever asks need not know. */
    async mayWriteTo(tx: Tx, email: string): Promise<boolean> {
      return (await count(tx, `to ${accountSubject(subjectKey, email)}`, perMailbox)) === 0;
    },

    /** As `mayWriteTo`, for somebody who may know. Throws `too_many_mails`. */
    async requireMailbox(tx: Tx, email: string): Promise<void> {
      const retryAfterMs = await count(tx, `to ${accountSubject(subjectKey, email)}`, perMailbox);
      if (retryAfterMs === 0) return;
      const retryAfterSeconds = Math.ceil(retryAfterMs / 1_000);
      throw new Failure(userFailures.too_many_mails, { retryAfterSeconds }, { retryAfterMs });
    },
  };
}

export type MailLimit = ReturnType<typeof createMailLimit>;
