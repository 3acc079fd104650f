import { searchTimeoutMs } from "@lyss/kit/db/search-within.ts";
import { z } from "zod";

/** Section `tenant` of the configuration. */
export const tenantConfig = {
  tenant: z
    .strictObject({
      dnsServers: z
        .array(z.string().min(2).max(100))
        .max(8)
        .default([])
        .describe("address:port of servers that are asked for TXT records of domains; the machine's own when empty."),
      dnsTimeoutMs: z
        .int()
        .min(100)
        .max(30_000)
        .default(3_000)
        .describe("How long one try to read a TXT record may take; there are two."),
      searchTimeoutMs,
    })
    .prefault({}),
};
