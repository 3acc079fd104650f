import { z } from "zod";

/** Section `credential` of the configuration. */
export const credentialConfig = {
  credential: z
    .strictObject({
      dataKeyTtlMs: z
        .int()
        .min(1_000)
        .max(3_600_000)
        .default(300_000)
        .describe(
          "How long an unwrapped data key stays in memory. The longest that secrets open without the key-encryption key.",
        ),
    })
    .prefault({}),
};
