import { z } from "zod";
import type { PricedMeaning } from "../choices/get-receipt.ts";
import { meaningResults } from "./meaning-lookup.ts";

/** How a call was compared with examples by one model, as its receipt shows it. */
export const meaningBody = z.strictObject({
  model: z.string().describe("What made the vectors: the route's `embedding`."),
  result: z
    .enum(meaningResults)
    .describe(
      "`compared`; or why it was not, and went as if nothing was near: `no_text` that a person has said, `late`: not within aiGateway.meaning.timeoutMs, `failed`: no vectors could be had.",
    ),
  calls: z
    .array(
      z.strictObject({
        call: z.string(),
        of: z
          .enum(["question", "examples"])
          .describe("What was made vectors: what the caller has said, or examples of the route that had none yet."),
        cost_nanos: z.string().nullable().describe("Null where it is not charged yet, or was not made."),
      }),
    )
    .describe("The calls that made the vectors; each is paid for by itself."),
  places: z
    .array(
      z.strictObject({
        route: z.string(),
        target: z.string().describe("Where the place goes: `provider/model`, or another route's name."),
        example: z.string().describe("The nearest of the place's examples."),
        similarity: z.number().describe("Its cosine, 1 for the same."),
        min_similarity: z
          .number()
          .describe("From where on it is near enough; of those of a route the nearest is taken."),
      }),
    )
    .describe("What it was compared with, 64 at most. Empty where it was not, and without `provider:read`."),
});

export function toMeaningBody({ model, result, calls, places }: PricedMeaning): z.input<typeof meaningBody> {
  return {
    ...{ model, result },
    calls: calls.map(({ callId, of, costNanos }) => ({ call: callId, of, cost_nanos: costNanos?.toString() ?? null })),
    places: places.map(({ minSimilarity, ...place }) => ({ ...place, min_similarity: minSimilarity })),
  };
}
