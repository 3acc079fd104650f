import type { Sql } from "@lyss/kit/db/database.ts";
import type { Day } from "./usage-days.ts";

/**
 * The days by which usage is kept, each a table of its own. Which day it is says the database, as for holds. One method, one
 * statement.
 */
export interface DayStore {
  /**
   * Opens these days. Gives those that are no longer kept: nothing can be written to them. A repeat is safe, and holds up
   * nobody who reads or writes.
   */
  open(days: readonly Day[]): Promise<readonly Day[]>;
  /** Opens yesterday, today and the week that follows. A repeat is safe. */
  openUsual(): Promise<void>;
  /**
   * Drops the oldest day that is more than `keptDays` ago, with its rows, and gives it; undefined when there is none.
   * Rejects when `keptDays` is less than 40, and with SQLSTATE 55P03 when readers or writers were in the way for a second.
   */
  dropOldest(keptDays: number): Promise<Day | undefined>;
}

export function createDayStore(sql: Sql): DayStore {
  return {
    async open(days) {
      const rows = await sql<{ day: Day; isOpen: boolean }[]>`
        select day::text, open_usage_day(day) as "isOpen" from unnest(${days as Day[]}::text[]::date[]) as days (day)`;
      return rows.filter(({ isOpen }) => !isOpen).map(({ day }) => day);
    },
    async openUsual() {
      await sql`select open_usage_days()`;
    },
    async dropOldest(keptDays) {
      const [row] = await sql<{ day: Day | null }[]>`select drop_usage_day(${keptDays})::text as day`;
      return row?.day ?? undefined;
    },
  };
}
