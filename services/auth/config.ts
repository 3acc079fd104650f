import { z } from "zod";
import { factorSettings } from "./factors/factor-config.ts";

/** Section `auth` of the configuration. */
export const authConfig = {
  auth: z
    .strictObject({
      issuer: z.string().min(1).max(200).default("lyss").describe("Claim `iss` of access tokens."),
      audience: z.string().min(1).max(200).default("lyss").describe("Claim `aud` of access tokens."),
      accessTokenTtlMs: z
        .int()
        .min(10_000)
        .max(3_600_000)
        .default(900_000)
        .describe("How long an access token is good for, unless its session ends earlier."),
      signingKeyTtlMs: z
        .int()
        .min(86_400_000)
        .max(31_536_000_000)
        .default(2_592_000_000)
        .describe("How long a key signs access tokens before the next one does (30 days)."),
      sessionTtlMs: z
        .int()
        .min(60_000)
        .max(31_536_000_000)
        .default(2_592_000_000)
        .describe("How long a person stays signed in at most, whatever is done (30 days)."),
      sessionIdleTtlMs: z
        .int()
        .min(60_000)
        .max(31_536_000_000)
        .default(1_209_600_000)
        .describe("How long a session lasts that is not refreshed (14 days)."),
      refreshGraceMs: z
        .int()
        .min(0)
        .max(60_000)
        .default(5_000)
        .describe("How long a refresh token that was used gives the same answer again; later that ends its session."),
      maxSessionsPerPerson: z
        .int()
        .min(1)
        .max(1_000)
        .default(100)
        .describe("Sessions of one person that are open at a time; the oldest ends for a new one."),
      allowPrivateClients: z
        .boolean()
        .default(false)
        .describe(
          "Whether the keys of service clients (jwks_uri) may stand at private addresses and be read by plain HTTP. For tests and closed networks.",
        ),
      secondFactors: factorSettings,
    })
    .prefault({}),
};
