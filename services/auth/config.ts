import { z } from "zod";

/** Section `auth` of the configuration. */
export const authConfig = {
  auth: z
    .strictObject({
      /** Claim `iss` of access tokens. */
      issuer: z.string().min(1).max(200).default("lyss"),
      /** Claim `aud` of access tokens. */
      audience: z.string().min(1).max(200).default("lyss"),
      /** How long an access token is good for. It cannot be called back earlier. */
      accessTokenTtlMs: z.int().min(10_000).max(3_600_000).default(900_000),
    })
    .prefault({}),
};
