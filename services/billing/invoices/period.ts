/** A billing period in UTC, `endMs` exclusive. */
export interface Period {
  readonly startMs: number;
  readonly endMs: number;
}

/** The period around a time. Periods are months that begin on `anchorDay`, from 1 to 28, at midnight UTC. */
export function periodAt(timeMs: number, anchorDay: number): Period {
  const time = new Date(timeMs);
  const month = time.getUTCMonth() - (time.getUTCDate() < anchorDay ? 1 : 0);
  const startMs = Date.UTC(time.getUTCFullYear(), month, anchorDay);
  return { startMs, endMs: Date.UTC(time.getUTCFullYear(), month + 1, anchorDay) };
}

/** What a period is called: the day on which it begins, such as `2026-10-01`. */
export function periodName(timeMs: number, anchorDay: number): string {
  return toDay(periodAt(timeMs, anchorDay).startMs);
}

/** `2026-10-01` in UTC. */
export function toDay(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}

/** Where the last period ended that may be closed: no sooner than `graceMs` after its end. */
export function closableUntilMs(nowMs: number, anchorDay: number, graceMs: number): number {
  return periodAt(nowMs - graceMs, anchorDay).startMs;
}
