import { z } from "zod";

/** What of the configuration says where calls stay, when two are asked at once, and what is remembered of it. */
export const routingSettings = {
  choiceRetentionHours: z
    .int()
    .min(0)
    .max(2_160)
    .default(24)
    .describe("How long receipts can say how calls were routed; 0 keeps nothing of it."),
  affinity: z
    .strictObject({
      ttlMs: z
        .int()
        .min(0)
        .max(86_400_000)
        .default(600_000)
        .describe("How long after its last call a conversation stays at the provider that served it; 0 for never."),
      minPromptBytes: z
        .int()
        .min(0)
        .max(33_554_432)
        .default(2_048)
        .describe("A shorter request, which no provider caches, goes where its route says."),
    })
    .prefault({})
    .describe(
      "Which account has a conversation in its prompt cache: its next call goes there, where a route chooses for each call.",
    ),
  hedging: z
    .strictObject({
      minDelayMs: z
        .int()
        .min(1)
        .max(600_000)
        .default(100)
        .describe("A second target is never asked sooner, however fast the first usually is."),
      maxDelayMs: z
        .int()
        .min(1)
        .max(600_000)
        .default(10_000)
        .describe("Nor later; and after so long while fewer than 20 calls have shown how fast the first is."),
    })
    .prefault({})
    .describe("Of routes with `hedge`: when a second target is asked beside one that is silent."),
};
