import { hash } from "node:crypto";
import { z } from "zod";
import { routeSchema, type TriedVersion } from "./route.ts";

const share = (what: string) => z.number().min(0).max(10).describe(what);

/** What the new version may be worse by than the old one; beyond it every caller has the old one again. */
export const gatesSchema = z.strictObject({
  min_calls: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(50)
    .describe("So many calls of the new version are looked at before it is judged; for latency, of the old one, too."),
  max_error_increase: share("The share of its calls that fail may be so much higher: 0.01 is a hundredth.").default(
    0.01,
  ),
  max_latency_increase: share("Its calls may take so much longer on average: 0.2 is a fifth.").default(0.2),
});
export type Gates = z.output<typeof gatesSchema>;

export const percentSchema = z
  .int()
  .min(1)
  .max(99)
  .describe("So many of a hundred callers have the new version: a key or person, and always the same ones.");

export const rolloutSchema = routeSchema.omit({ name: true }).extend({
  percent: percentSchema,
  gates: gatesSchema.prefault({}).describe("When it is taken back by itself."),
});

/** Calls of one version in the present stage. */
export interface VersionCounts {
  readonly calls: number;
  readonly failed: number;
  /** Milliseconds of all of them together. */
  readonly totalMs: number;
}
export interface RolloutCounts {
  readonly current: VersionCounts;
  readonly candidate: VersionCounts;
}
export const noCounts: RolloutCounts = {
  current: { calls: 0, failed: 0, totalMs: 0 },
  candidate: { calls: 0, failed: 0, totalMs: 0 },
};

export const rolloutStates = ["running", "promoted", "stopped", "rolled_back"] as const;

/** A change of a tenant's route that a share of its callers has before the others. */
export interface Rollout extends TriedVersion {
  readonly tenantId: string;
  readonly name: string;
  readonly gates: Gates;
  readonly state: (typeof rolloutStates)[number];
  /** Why it was rolled back; empty otherwise. */
  readonly reason: string;
  readonly counts: RolloutCounts;
  readonly startedAt: Date;
  /** Since when its share is what it is. */
  readonly stagedAt: Date;
  readonly endedAt: Date | null;
}

/** True for a caller who has the new version: of a share that grows all who had it before. */
export function isAmongFirst(rolloutId: string, unit: string, percent: number): boolean {
  const digest = hash("sha256", `${rolloutId}\0${unit}`, "buffer");
  return (digest.readUInt32BE() / 2 ** 32) * 100 < percent;
}

/** Which gate the new version does not pass, in words; undefined where it passes all, or too little is known. */
export function findBreach({ current, candidate }: RolloutCounts, gates: Gates): string | undefined {
  if (candidate.calls < gates.min_calls) return undefined;
  const [errors, usualErrors] = [shareOf(candidate), shareOf(current)];
  if (errors - usualErrors > gates.max_error_increase) {
    return `errors: ${toPercent(errors)} of its calls failed, ${toPercent(usualErrors)} of the others`;
  }
  if (current.calls < gates.min_calls) return undefined;
  const [tookMs, usualMs] = [meanOf(candidate), meanOf(current)];
  if (tookMs <= usualMs * (1 + gates.max_latency_increase)) return undefined;
  return `latency: its calls took ${Math.round(tookMs)} ms, the others ${Math.round(usualMs)} ms`;
}

export function shareOf({ calls, failed }: VersionCounts): number {
  return calls === 0 ? 0 : failed / calls;
}

export function meanOf({ calls, totalMs }: VersionCounts): number {
  return calls === 0 ? 0 : totalMs / calls;
}

function toPercent(part: number): string {
  return `${(part * 100).toFixed(1)} %`;
}
