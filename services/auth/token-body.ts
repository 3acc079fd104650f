import { z } from "zod";
import type { SessionTokens } from "./session-tokens.ts";

/** What a sign-in gives. */
export const tokens = z.strictObject({
  access_token: z.string().describe("Send it as 'Authorization: Bearer …'."),
  token_type: z.literal("Bearer"),
  expires_in: z.int().describe("Seconds."),
  refresh_token: z.string().describe("Good for one refresh."),
  refresh_expires_in: z.int().describe("Seconds."),
  session_id: z.string(),
});

/** The tokens as REST answers carry them. */
export function toTokens(pair: SessionTokens): z.input<typeof tokens> {
  return {
    access_token: pair.accessToken,
    token_type: "Bearer",
    expires_in: pair.expiresInSeconds,
    refresh_token: pair.refreshToken,
    refresh_expires_in: pair.refreshExpiresInSeconds,
    session_id: pair.sessionId,
  };
}
