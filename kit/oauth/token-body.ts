import { z } from "zod";

/** What a sign-in gives, as RFC 6749, 5.1, has it. */
export interface SessionTokens {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly refreshToken: string;
  readonly refreshExpiresInSeconds: number;
  readonly sessionId: string;
}

/** An access token alone, with what it permits, by spaces. */
export interface ScopedToken {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
  readonly scope: string;
}

const accessToken = {
  access_token: z.string().describe("Send it as 'Authorization: Bearer …'."),
  token_type: z.literal("Bearer"),
  expires_in: z.int().describe("Seconds."),
};

/** Tokens as every sign-in answers with them. */
export const sessionTokensBody = z.strictObject({
  ...accessToken,
  refresh_token: z.string().describe("Good for one refresh."),
  refresh_expires_in: z.int().describe("Seconds."),
  session_id: z.string(),
});

/** An access token without a refresh token. */
export const accessTokenBody = z.strictObject(accessToken);

export const scopedTokenBody = accessTokenBody.extend({
  scope: z.string().describe("What the token permits, by spaces."),
});

export function toAccessTokenBody(
  token: Pick<SessionTokens, "accessToken" | "expiresInSeconds">,
): z.input<typeof accessTokenBody> {
  return { access_token: token.accessToken, token_type: "Bearer", expires_in: token.expiresInSeconds };
}

export function toScopedTokenBody(token: ScopedToken): z.input<typeof scopedTokenBody> {
  return { ...toAccessTokenBody(token), scope: token.scope };
}

export function toSessionTokensBody(tokens: SessionTokens): z.input<typeof sessionTokensBody> {
  return {
    ...toAccessTokenBody(tokens),
    refresh_token: tokens.refreshToken,
    refresh_expires_in: tokens.refreshExpiresInSeconds,
    session_id: tokens.sessionId,
  };
}
