import type { Clock } from "@lyss/kit/service/clock.ts";
import { z } from "zod";
import type { RoutedTarget } from "./order-targets.ts";
import type { Score } from "./score-targets.ts";
import { createStanding, isStale, type Standings } from "./standing.ts";
import type { TargetHealth, TargetState } from "./target-health.ts";
import type { TargetOrder } from "./target-order.ts";

/** How a target does, as this node sees it, beside the others of its name. */
export interface TargetReport {
  readonly score: Score;
  readonly firstByteMs: number | undefined;
  readonly tokensPerSecond: number | undefined;
  readonly availability: number;
  readonly state: TargetState | undefined;
}

const part = z.number().min(0).max(1);

export const targetReport = z.strictObject({
  state: z
    .enum(["well", "ejected", "held", "parked"])
    .describe(
      "`ejected` after failing in a row, `held` since it asked to wait, `parked` since it refused our key: then it is tried last.",
    ),
  until: z.iso.datetime().nullable().describe("When it is `well` again, unless it fails anew."),
  score: part.describe("By aiGateway.scoring, of those of its name; 1 is the best there can be."),
  score_parts: z.strictObject({ latency: part, availability: part, cost: part, quality: part }),
  first_byte_ms: z
    .number()
    .nullable()
    .describe("Averaged over about the last ten attempts; null before the first, and when none was made for a minute."),
  tokens_per_second: z
    .number()
    .nullable()
    .describe("Of output, over whole calls of 16 tokens and more, likewise; null before the first."),
  availability: part.describe("The share of attempts that were answered, likewise; 1 then."),
});

export interface ReportDeps {
  readonly order: Pick<TargetOrder, "scoresOf">;
  readonly health: Pick<TargetHealth, "find">;
  readonly standings: Standings;
  readonly clock: Clock;
}

/** Reports in the order of the targets. */
export function reportTargets(
  { order, health, standings, clock }: ReportDeps,
  tenantId: string,
  targets: readonly RoutedTarget[],
): readonly TargetReport[] {
  const scores = order.scoresOf(tenantId, targets);
  return scores.map((score, at) => {
    const target = targets[at]?.target;
    const standing = target && standings.of(target);
    const isKnown = standing && !isStale(standing, clock.monotonicMs());
    const { firstByteMs, tokensPerSecond, availability } = isKnown ? standing : createStanding();
    return {
      ...{ score, availability, firstByteMs: firstByteMs || undefined, tokensPerSecond: tokensPerSecond || undefined },
      state: target && health.find(target),
    };
  });
}

export function toTargetReport(report: TargetReport): z.input<typeof targetReport> {
  const { total, ...parts } = report.score;
  return {
    state: report.state?.reason ?? "well",
    until: report.state ? new Date(report.state.untilMs).toISOString() : null,
    score: rounded(total),
    score_parts: {
      latency: rounded(parts.latency),
      availability: rounded(parts.availability),
      cost: rounded(parts.cost),
      quality: rounded(parts.quality),
    },
    first_byte_ms: report.firstByteMs === undefined ? null : rounded(report.firstByteMs),
    tokens_per_second: report.tokensPerSecond === undefined ? null : rounded(report.tokensPerSecond),
    availability: rounded(report.availability),
  };
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
