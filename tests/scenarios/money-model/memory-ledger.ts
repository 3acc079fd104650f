import { setImmediate } from "node:timers/promises";
import type { Database } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { BookEntries } from "@lyss/services/billing/budgets/budget-book.ts";
import { createLedger, type LedgerOptions } from "@lyss/services/billing/ledger.ts";
import type { ReserveRequest } from "@lyss/services/billing/ledger-requests.ts";
import { start } from "./memory-batch.ts";

const reserveWaitMs = 600;
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A ledger on tables in memory; `batches` is what each transaction was about, by the ids of its calls. */
export async function startLedger(balanceNanos: bigint, more: Partial<LedgerOptions> = {}) {
  const entries: Partial<Mutable<BookEntries>> = {};
  const world = await start(balanceNanos, entries);
  const opened: unknown[] = [];
  const days = {
    openUsual: async () => void opened.push("usual"),
    open: async (wanted: readonly string[]) => void opened.push(...wanted),
  } as unknown as LedgerOptions["days"];
  /** Of the next transactions: what they end with in place of what they would do; undefined for those that go through. */
  const faults: unknown[] = [];
  let transactions = 0;
  let going: Promise<void> | undefined;
  const db: Pick<Database, "transaction"> = {
    async transaction(work) {
      transactions++;
      await going;
      const fault = faults.shift();
      if (fault !== undefined) throw fault;
      return world.tables.db.transaction(work);
    },
  };
  const options = { ...world.options, db: db as Database, days, reserveWaitMs, maxBatchSize: 100 };
  const ledger = createLedger({ ...options, ...more });
  /** How each call ended that was asked for by `ask`, in the order in which they ended. */
  const ended: string[] = [];
  const note = (name: string, asked: Promise<unknown>) =>
    void asked.then(
      () => ended.push(`${name} ok`),
      (err: unknown) => ended.push(`${name} ${err instanceof Failure ? err.type.code : err}`),
    );
  return {
    ...world,
    ...{ ledger, entries, faults, opened, note },
    ask: (...calls: readonly ReserveRequest[]) => {
      for (const call of calls) note(call.callId, ledger.reserve(call));
    },
    takeEnded: () => ended.splice(0),
    takeTransactions: () => {
      const count = transactions;
      transactions = 0;
      return count;
    },
    takeBatches: () =>
      (world.opened.splice(0) as { calls: { callId?: string }[]; holderIds: string[] }[]).map(({ calls, holderIds }) =>
        [...holderIds.filter((id) => !id.startsWith("lse_")), ...calls.flatMap(({ callId }) => callId ?? [])].join(" "),
      ),
    /** Transactions that begin from now on go on when the function it gives is called. */
    holdUp(): () => void {
      const { promise, resolve } = Promise.withResolvers<void>();
      going = promise;
      return () => {
        going = undefined;
        resolve();
      };
    },
  };
}

/** Everything that is due has happened then. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await setImmediate();
}
