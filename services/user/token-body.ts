import { z } from "zod";
import type { SignedIn } from "./ops/sign-in.ts";

/** Tokens as every sign-in answers with them. */
export const token = z.strictObject({
  access_token: z.string().describe("Send it as 'Authorization: Bearer …'."),
  token_type: z.literal("Bearer"),
  expires_in: z.int().describe("Seconds."),
  refresh_token: z.string().describe("Good for one refresh."),
  refresh_expires_in: z.int().describe("Seconds."),
  session_id: z.string(),
});

export function toToken(signedIn: Omit<SignedIn, "userId">): z.input<typeof token> {
  return {
    access_token: signedIn.accessToken,
    token_type: "Bearer",
    expires_in: signedIn.expiresInSeconds,
    refresh_token: signedIn.refreshToken,
    refresh_expires_in: signedIn.refreshExpiresInSeconds,
    session_id: signedIn.sessionId,
  };
}
