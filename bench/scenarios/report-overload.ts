import type { LoadResult } from "../gateway/load-result.ts";

/** What one guard did under ten times the capacity and after it. */
export interface Overload {
  readonly guard: string;
  /** At half of the capacity, before. */
  readonly baseline: LoadResult;
  readonly overload: LoadResult;
  /** At 0.8 of the capacity, one window after the other, from the end of the overload on. */
  readonly after: readonly LoadResult[];
  readonly memoryRiseBytes: number;
}

/** The row's figures. */
const leastGoodput = 0.95;
const mostSlower = 2;
const mostRejectMs = 10;
const mostRecoverySeconds = 30;
const fullGoodput = 0.999;

/** When all that was offered was served again, in seconds after the overload; infinity where it never was. */
export function recoverySeconds({ after }: Overload): number {
  let seconds = 0;
  for (const { started, completed, rejected, seconds: length } of after) {
    if (rejected === 0 && completed >= fullGoodput * started) return seconds;
    seconds += length;
  }
  return Number.POSITIVE_INFINITY;
}

/** What of the rows R3 and R4 does not hold. */
export function judgeOverload(one: Overload, capacity: number): readonly string[] {
  const { guard, baseline, overload } = one;
  const faults = {
    goodput: overload.perSecond < leastGoodput * capacity,
    "p99 of what is served": overload.latencyUs.p99 > mostSlower * baseline.latencyUs.p99,
    "p99 of what is refused": overload.rejectionUs.p99 > mostRejectMs * 1_000,
    recovery: recoverySeconds(one) > mostRecoverySeconds,
  };
  return Object.entries(faults).flatMap(([name, isMissed]) => (isMissed ? [`${guard}: ${name}`] : []));
}

export interface OverloadReport {
  readonly machine: string;
  readonly capacity: number;
  readonly slots: number;
  readonly serviceMs: number;
  readonly seconds: number;
  readonly measured: readonly Overload[];
}

export function describeOverload({ machine, capacity, slots, serviceMs, seconds, measured }: OverloadReport): string {
  const ms = (us: number) => (us / 1_000).toFixed(us < 10_000 ? 1 : 0);
  const rows = measured.map((one) => {
    const { guard, baseline, overload, memoryRiseBytes } = one;
    return [
      guard,
      `${overload.perSecond.toFixed(0)} (${((100 * overload.perSecond) / capacity).toFixed(1)} %)`,
      `${ms(baseline.latencyUs.p99)} → ${ms(overload.latencyUs.p99)}`,
      `${overload.rejected}`,
      `${ms(overload.rejectionUs.p50)}, ${ms(overload.rejectionUs.p99)}, ${ms(overload.rejectionUs.p999)}, ${ms(overload.rejectionUs.max)}`,
      `${(memoryRiseBytes / 1_048_576).toFixed(0)}`,
      `${recoverySeconds(one)}`,
    ].join(" | ");
  });
  return `# R3, R4: ten times the capacity, and then less than it

${machine}. A provider with ${slots} slots of ${serviceMs} ms each, a fifth more or less, so ${capacity} calls a second, in whose
queue all the rest would wait. ${capacity * 10} calls a second for ${seconds} s, due at equal distances whatever becomes of them; before it half of the capacity, after it 0.8.
Each refusal is a 503 with \`Retry-After\`: any other answer fails the run.

| what refuses | served a second | p99 of what is served, before → during, ms | refused | refused after: p50, p99, p99.9, most, ms | memory, + MiB | all is served again after, s |
|---|---|---|---|---|---|---|
${rows.map((row) => `| ${row} |`).join("\n")}

Needed: served ≥ 95 %, p99 ≤ twice, refused ≤ 10 ms at p99, and within 30 s after it all is served again. Lyss and PostgreSQL have both cores;
the load and the provider are on one of them. \`npm run bench -- scenario-r3\`.
`;
}
