import { z } from "zod";

/** What of the configuration says where calls stay, when two are asked at once, and what is remembered of it. */
export const routingSettings = {
  feedbackRetentionDays: z
    .int()
    .min(1)
    .max(3_650)
    .default(365)
    .describe("How long scores of calls (POST /v1/requests/{id}/feedback) are kept, from when they were first given."),
  choiceRetentionHours: z
    .int()
    .min(0)
    .max(2_160)
    .default(24)
    .describe("How long receipts can say how calls were routed; 0 keeps nothing of it."),
  originRetentionDays: z
    .int()
    .min(0)
    .max(400)
    .default(30)
    .describe(
      "For how long a score can be given to a call's route and prompt, beyond choiceRetentionHours; 0 keeps nothing for it.",
    ),
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
  meaning: z
    .strictObject({
      timeoutMs: z
        .int()
        .min(50)
        .max(60_000)
        .default(1_000)
        .describe("A call that cannot be compared by then goes where it goes without."),
    })
    .prefault({})
    .describe("Of routes with `when.meaning`: how long a call waits for the vectors of what it says."),
  mirroring: z
    .strictObject({
      maxConcurrent: z
        .int()
        .min(0)
        .max(10_000)
        .default(64)
        .describe("Mirrored calls at once, of this process; beyond it they are dropped. 0 for none."),
      maxTenantConcurrent: z.int().min(1).max(10_000).default(16).describe("The same of one tenant."),
      timeoutMs: z
        .int()
        .min(1_000)
        .max(3_600_000)
        .default(120_000)
        .describe("A mirrored call that has not ended by then is ended."),
      retentionDays: z.int().min(1).max(365).default(30).describe("For how long how they ended can be compared."),
    })
    .prefault({})
    .describe("Of routes with `mirror`: how many calls are also sent to a second model in the background."),
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
