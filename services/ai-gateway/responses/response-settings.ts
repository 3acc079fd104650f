import { z } from "zod";

/** Settings of responses that are stored, and of those in the background. */
export const responseSettings = {
  responseRetentionDays: z
    .int()
    .min(1)
    .max(365)
    .default(30)
    .describe("How long a stored response (`/v1/responses`) can be asked for."),
  maxStoredResponseBytes: z
    .int()
    .min(1_024)
    .max(33_554_432)
    .default(4_194_304)
    .describe("The largest response that is stored, with its input."),
  backgroundResponses: z
    .strictObject({
      maxRunningPerTenant: z
        .int()
        .min(1)
        .max(100_000)
        .default(100)
        .describe("Responses of one tenant that may be under way in the background, at all nodes together."),
      maxRunMs: z
        .int()
        .min(1_000)
        .max(86_400_000)
        .default(3_600_000)
        .describe("How long a response may run in the background."),
      maxStreamBytes: z
        .int()
        .min(1_024)
        .max(268_435_456)
        .default(33_554_432)
        .describe(
          "The most that the events of one response may take which is streamed in the background, before they are packed.",
        ),
    })
    .prefault({})
    .describe("Responses in the background (`/v1/responses`); see guides/surfaces.md."),
};
