import { z } from "zod";
import { routeStrategies } from "../routing/route.ts";
import { targetReport, toTargetReport } from "../routing/target-report.ts";
import { candidateResults, type EndedChoice } from "./choice.ts";

/** How the targets of a call were chosen among; so it is kept, and so it is shown. */
export const choiceBody = z.strictObject({
  model: z.string().describe("What the caller wrote: a route, or a model that several providers have."),
  strategy: z.enum(routeStrategies).nullable().describe("Null for a name without a route: in the providers' order."),
  route_version: z.int().nullable().optional().describe("Null for a name without a route."),
  kept_by_conversation: z
    .boolean()
    .describe("True where the first to be tried was first because it had served the conversation last (prompt cache)."),
  candidates: z.array(
    z.strictObject({
      provider: z.string(),
      model: z.string(),
      result: z
        .enum(candidateResults)
        .describe(
          "`served`; `failed` when asked; `broke_off` after its answer had begun, and another went on with it (`continues`); `outraced`: asked beside the one that was first (`hedge`); `passed_over` without being asked: no place, at a limit, no price or no key; `out`: was not well and so came last; `not_reached`: another answered before; `not_for_call`: the route has it for other tags, people or keys; `not_wanted` by the call's `provider`; `cannot_take`: the request carries what another vendor has signed.",
        ),
      code: z.string().nullable().describe("Of the failure for which it was left, as in docs/errors.md."),
      place: z.int().min(1).nullable().describe("In which order it was to be tried; null for one that was not to be."),
      health: targetReport.nullable().describe("Its score and health at the moment of the choice, at its node."),
    }),
  ),
});

export type ChoiceBody = z.input<typeof choiceBody>;

export function toChoiceBody({ name, strategy, version, isKept, candidates }: EndedChoice): ChoiceBody {
  return {
    ...{ model: name, strategy: strategy ?? null, route_version: version ?? null, kept_by_conversation: isKept },
    candidates: candidates.map(({ provider, model, result, code = null, place = null, report }) => ({
      ...{ provider, model, result, code, place, health: report ? toTargetReport(report) : null },
    })),
  };
}
