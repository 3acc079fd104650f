/** The end of a day (`2026-11-27`) where the person is, as the API has times; null where none was given. */
export function endOfDay(day: string | undefined): string | null {
  return day === undefined ? null : new Date(`${day}T23:59:59`).toISOString();
}

/** The day of a time where the person is, as a field of dates has it. */
export function toDay(at: string | null | undefined): string | undefined {
  if (at === null || at === undefined) return undefined;
  const time = new Date(at);
  return [time.getFullYear(), time.getMonth() + 1, time.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
}
