import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Idempotency } from "@lyss/kit/idempotency/idempotency.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { DebtStore } from "./debts/debt-store.ts";
import type { Journal } from "./journal/journal.ts";
import type { Ledger } from "./ledger.ts";

/** What is needed to move money that no call has cost. */
export interface CreditDeps {
  readonly db: Database;
  readonly journal: Journal;
  readonly random: Random;
  readonly currency: string;
  readonly outbox: Outbox;
  readonly idempotency: Idempotency;
  readonly debts: DebtStore;
  /** Calls that wait for money are told that some came. */
  readonly ledger: Pick<Ledger, "wake">;
  readonly clock: Clock;
}

/** Who does something to a tenant's money, under which name, and why. The same name again does nothing more. */
export interface Cause {
  /** 1 to 120 characters. */
  readonly reference: string;
  readonly reason: string;
  /** The operator. */
  readonly userId: string;
}
