import { isFailure } from "@lyss/kit/errors/failure.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import type { Offer } from "../catalog.ts";
import type { Target } from "../model.ts";
import type { RouteStrategy } from "../routing/route.ts";
import type { TargetReport } from "../routing/target-report.ts";

/** What became of a candidate of a call. */
export const candidateResults = [
  ...["served", "failed", "broke_off", "outraced", "passed_over", "out", "not_reached"],
  ...["not_for_call", "not_wanted", "cannot_take"],
] as const;
export type CandidateResult = (typeof candidateResults)[number];

/** How the targets of one call were chosen among, from the moment at which they were put in order. */
export interface Choice {
  readonly offer: Offer;
  /** Those for which the route lets such a call be; of these those that its caller wants; and of these those that can take it. */
  readonly open: readonly Target[];
  readonly targets: readonly Target[];
  readonly takers: readonly Target[];
  /** True where the first of them is first because it served the conversation last. */
  readonly isKept: boolean;
  /** Of each target of the offer, as it stood then. */
  readonly reports: readonly TargetReport[];
  /** By the clock that only goes forward. */
  readonly begunMs: number;
  /** Why the call left a target, or never asked it. */
  readonly left: Map<
    Target,
    { readonly code: string | undefined; readonly wasAsked: boolean; readonly hasBegun?: true }
  >;
}

/** A target of a call, and why it was or was not the one. */
export interface Candidate {
  readonly provider: string;
  readonly model: string;
  readonly result: CandidateResult;
  /** Of the failure for which it was left; undefined where there was none. */
  readonly code: string | undefined;
  /** In which order it was to be tried, from 1; undefined for one that was not to be. */
  readonly place: number | undefined;
  readonly report: TargetReport | undefined;
}

/** A choice when its call is over. */
export interface EndedChoice {
  readonly name: string;
  /** Undefined for a name without a route. */
  readonly strategy: RouteStrategy | undefined;
  /** Of the route. */
  readonly version: number | undefined;
  readonly isKept: boolean;
  readonly candidates: readonly Candidate[];
}

/** The call leaves a target for `err`. It was asked unless it had no place for it, or no request left. */
export function noteLeft(choice: Choice | undefined, target: Target, err: unknown, wasAsked: boolean): void {
  if (!choice) return;
  const isOurs = isFailure(err, resilienceFailures.circuit_open) || isFailure(err, resilienceFailures.bulkhead_full);
  const code = isFailure(err) ? err.type.publicCode : "INTERNAL";
  choice.left.set(target, { code, wasAsked: wasAsked && !isOurs });
}

/** Its answer broke off for `err` after it had begun, and goes on at another target. */
export function noteBrokenOff(choice: Choice | undefined, target: Target, err: unknown): void {
  const code = isFailure(err) ? err.type.publicCode : "INTERNAL";
  choice?.left.set(target, { code, wasAsked: true, hasBegun: true });
}

/** Another attempt of the call was answered first. */
export function noteOutraced(choice: Choice | undefined, target: Target): void {
  choice?.left.set(target, { code: undefined, wasAsked: true });
}

/** `tried` are those that the call has come to, in order: the last one served it, unless the call has left that, too. */
export function endChoice(choice: Choice, tried: readonly Target[]): EndedChoice {
  const { offer, targets, isKept, reports } = choice;
  const candidates = offer.targets.map((target, at): Candidate => {
    const report = reports[at];
    const place = targets.indexOf(target) + 1;
    const result = resultOf(choice, tried, target, report);
    return {
      ...{ provider: target.provider.name, model: target.model.name, result, report },
      code: choice.left.get(target)?.code,
      place: place > 0 ? place : undefined,
    };
  });
  const { strategy, version } = offer.routed?.route ?? {};
  return { name: offer.name, strategy, version, isKept, candidates };
}

function resultOf(
  { left, open, targets, takers }: Choice,
  tried: readonly Target[],
  target: Target,
  report: TargetReport | undefined,
): CandidateResult {
  const why = left.get(target);
  if (why?.hasBegun) return "broke_off";
  if (why) return why.code === undefined ? "outraced" : why.wasAsked ? "failed" : "passed_over";
  if (target === tried.at(-1)) return "served";
  if (!open.includes(target)) return "not_for_call";
  if (!targets.includes(target)) return "not_wanted";
  if (!takers.includes(target)) return "cannot_take";
  return report?.state ? "out" : "not_reached";
}
