import { searchTimeoutMs } from "@lyss/kit/db/search-within.ts";
import { z } from "zod";

/** Section `user` of the configuration. */
export const userConfig = {
  user: z
    .strictObject({
      maxPendingHashes: z
        .int()
        .min(1)
        .max(1_000)
        .default(64)
        .describe("Passwords that are hashed or wait for it at one time; each takes about 50 ms and 64 MiB."),
      freeFailuresPerAccount: z
        .int()
        .min(1)
        .max(100)
        .default(5)
        .describe("Failed sign-ins of one account before it has to wait: 1 s, 2 s, 4 s, …"),
      freeFailuresPerAddress: z
        .int()
        .min(1)
        .max(10_000)
        .default(20)
        .describe("Failed sign-ins from one network address before it has to wait; many people may share it."),
      maxWaitMs: z
        .int()
        .min(1_000)
        .max(86_400_000)
        .default(900_000)
        .describe("The longest that an account or address has to wait."),
      forgetFailuresAfterMs: z
        .int()
        .min(60_000)
        .max(604_800_000)
        .default(86_400_000)
        .describe("Failures are forgotten after this long without another."),
      maxRememberedFailures: z
        .int()
        .min(1_000)
        .max(10_000_000)
        .default(100_000)
        .describe("Accounts and addresses whose failures are remembered at most."),
      searchTimeoutMs,
      passwords: z
        .strictObject({
          breachRangeUrl: z
            .union([z.literal(""), z.url({ protocol: /^https?$/ }).max(500)])
            .default("")
            .describe(
              "Where new passwords are looked for in breaches, by five characters of their SHA-1: https://api.pwnedpasswords.com/range, or another that speaks its protocol; nowhere when empty.",
            ),
        })
        .prefault({}),
      registration: z
        .enum(["closed", "domains", "open"])
        .default("closed")
        .describe(
          "Who may register without an invitation: nobody; whoever has an address in a verified domain of a tenant, which they join as members; or everybody else as well, each with a tenant of their own.",
        ),
      newTenantPlan: z
        .string()
        .regex(/^[a-z0-9-]{1,32}$/)
        .default("free")
        .describe("Plan of the tenants of those who register."),
      maxMailsPerMailbox: z
        .int()
        .min(1)
        .max(1_000)
        .default(5)
        .describe("Mails with links to one address within an hour."),
      maxMailsPerAddress: z
        .int()
        .min(1)
        .max(100_000)
        .default(30)
        .describe("Mails with links that one network address asks for within an hour; many people may share it."),
    })
    .prefault({}),
};
