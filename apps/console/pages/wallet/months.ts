const monthCount = 12;

/** `2026-11`, in UTC, as the books have it. */
function nameOf(at: Date): string {
  return at.toISOString().slice(0, 7);
}

/** This month and those before, the latest first. */
export function months(): readonly string[] {
  const now = new Date();
  return Array.from({ length: monthCount }, (_, back) =>
    nameOf(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1))),
  );
}

/** When a month begins and ends, `to` exclusive. The one that runs ends now. */
export function rangeOf(month: string): { readonly from: string; readonly to: string | undefined } {
  const [year = 1970, number = 1] = month.split("-").map(Number);
  const end = new Date(Date.UTC(year, number, 1));
  return {
    from: new Date(Date.UTC(year, number - 1, 1)).toISOString(),
    to: end.getTime() > Date.now() ? undefined : end.toISOString(),
  };
}

/** Every day of a month until today, as it begins. */
export function daysOf(month: string): readonly string[] {
  const { from, to } = rangeOf(month);
  const days: string[] = [];
  const endMs = to === undefined ? Date.now() : new Date(to).getTime();
  for (let atMs = new Date(from).getTime(); atMs < endMs; atMs += 86_400_000) days.push(new Date(atMs).toISOString());
  return days;
}

export function formatMonth(month: string, language: string): string {
  const format = new Intl.DateTimeFormat(language, { year: "numeric", month: "long", timeZone: "UTC" });
  return format.format(new Date(rangeOf(month).from));
}
