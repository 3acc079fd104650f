import { z } from "zod";

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
        .describe("How long an access token is good for. It cannot be called back earlier."),
    })
    .prefault({}),
};
