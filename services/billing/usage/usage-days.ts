/** A day in UTC, `2026-11-25`. */
export type Day = string;

/** The day on which a time lies. */
export function dayOf(timeMs: number): Day {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** True when a row of usage had no day to go to. Its transaction is lost, and works once the day is open. */
export function isDayMissing(err: unknown): boolean {
  if (!(err instanceof Error && "code" in err && err.code === "23514")) return false;
  // A check that the row itself breaks has a name.
  return "table_name" in err && err.table_name === "usage" && !("constraint_name" in err && err.constraint_name);
}

/** True when a row of usage is there already: SQLSTATE 23505 on the key of its day. */
export function isKnownAttempt(err: unknown): boolean {
  if (!(err instanceof Error && "code" in err && err.code === "23505")) return false;
  return "table_name" in err && /^usage_\d{8}$/.test(String(err.table_name));
}
