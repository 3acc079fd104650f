import { searchTimeoutMs } from "@lyss/kit/db/search-within.ts";
import { z } from "zod";

/** Section `audit` of the configuration. */
export const auditConfig = {
  audit: z
    .strictObject({
      retentionDays: z
        .int()
        .min(30)
        .max(36_500)
        .default(1_095)
        .describe("Entries of audit logs are deleted after so many days. What is left can still be verified."),
      searchTimeoutMs,
    })
    .prefault({}),
};
