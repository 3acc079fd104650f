import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { withAlias } from "@lyss/kit/http/alias.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { AuthOps } from "./ops.ts";
import type { SessionTokens } from "./session-tokens.ts";

const { json } = routesFor<AuthOps>();

const shownToken = z
  .string()
  .min(1)
  .max(200)
  .transform((text) => new Secret(text))
  .meta({ writeOnly: true });

const tokens = z.strictObject({
  access_token: z.string().describe("Send it as 'Authorization: Bearer …'."),
  token_type: z.literal("Bearer"),
  expires_in: z.int().describe("Seconds."),
  refresh_token: z.string().describe("Good for one refresh."),
  refresh_expires_in: z.int().describe("Seconds."),
  session_id: z.string(),
});

/** What people do with their sessions. Each stands under `/api/v1` and under `/v1`. */
export const sessionRoutes = withAlias(
  [
    json({
      method: "POST",
      path: "/api/v1/auth/refresh",
      permission: "public",
      operation: "refreshSession",
      summary: "Gives the tokens that follow a refresh token; the same ones again for a few seconds.",
      body: z.strictObject({ refresh_token: shownToken }),
      response: tokens,
      failures: [authFailures.refresh_token_refused],
      handle: async (ops, { body, clientAddress }) =>
        toTokens(await ops.refreshSession({ refreshToken: body.refresh_token, clientAddress })),
    }),
  ],
  "/api/v1",
  "/v1",
);

function toTokens(pair: SessionTokens): z.input<typeof tokens> {
  return {
    access_token: pair.accessToken,
    token_type: "Bearer",
    expires_in: pair.expiresInSeconds,
    refresh_token: pair.refreshToken,
    refresh_expires_in: pair.refreshExpiresInSeconds,
    session_id: pair.sessionId,
  };
}
