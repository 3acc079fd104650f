import { pageCookies, pageHeaders, readPageCookie } from "@lyss/contracts/access/page-session.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";
import { z } from "zod";
import type { AuthOps } from "./ops.ts";

const { json } = routesFor<AuthOps>();

const browserSession = z.strictObject({
  object: z.literal("browser_session"),
  id: z.string().describe("Of the session."),
  expires_in: z
    .int()
    .describe("Seconds until it has to be kept going: by another request like this one, without a body."),
  ends_in: z.int().describe("Seconds until it ends unless it is kept going."),
});

/** How pages of this site keep a session: in cookies that no script reads. */
export const browserSessionRoutes = [
  json({
    method: "POST",
    path: "/api/v1/auth/browser-session",
    permission: "public",
    operation: "keepBrowserSession",
    summary:
      "Puts a session into cookies that no script reads, given the refresh token of a sign-in; without one, keeps the browser's session going. For pages of this site alone (Sec-Fetch-Site).",
    body: z
      .strictObject({
        refresh_token: z
          .string()
          .min(1)
          .max(200)
          .transform((text) => new Secret(text))
          .optional()
          .meta({ writeOnly: true })
          .describe("Of a sign-in that has just ended; it is used up."),
      })
      .prefault({}),
    reads: pageHeaders,
    response: browserSession,
    failures: [authFailures.refresh_token_refused],
    async handle(ops, { body, headers, clientAddress }) {
      const kept = readPageCookie(headers, pageCookies.refresh);
      const isOwnPage = headers["sec-fetch-site"] === "same-origin";
      const refreshToken = body.refresh_token ?? (kept === undefined ? undefined : new Secret(kept));
      if (!isOwnPage || !refreshToken) throw new Failure(authFailures.refresh_token_refused);
      const tokens = await ops.refreshSession({ refreshToken, clientAddress, isForCookie: true });
      const { accessToken, expiresInSeconds, refreshToken: next, refreshExpiresInSeconds, sessionId } = tokens;
      const answer: z.input<typeof browserSession> = {
        ...{ object: "browser_session", id: sessionId },
        ...{ expires_in: expiresInSeconds, ends_in: refreshExpiresInSeconds },
      };
      const cookies = [
        toCookie(pageCookies.session, accessToken, expiresInSeconds),
        toCookie(pageCookies.refresh, next, refreshExpiresInSeconds),
      ];
      return new WholeAnswer(200, { "set-cookie": cookies }, JSON.stringify(answer));
    },
  }),
  json({
    method: "DELETE",
    path: "/api/v1/auth/browser-session",
    permission: "public",
    operation: "endBrowserSession",
    summary:
      "Ends the session that the browser keeps, and takes its cookies away. The same answer where there is none.",
    reads: pageHeaders,
    response: z.undefined(),
    successStatus: 204,
    async handle(ops, { headers, clientAddress }) {
      const kept = readPageCookie(headers, pageCookies.refresh);
      if (kept !== undefined) await ops.revokeToken({ token: new Secret(kept), clientAddress });
      const gone = Object.values(pageCookies).map((name) => toCookie(name, "", 0));
      return new WholeAnswer(204, { "set-cookie": gone });
    },
  }),
];

/** Strict: it comes along with nothing that begins on another site. */
function toCookie(name: string, value: string, maxAgeSeconds: number): string {
  return `${name}=${value}; Path=/; Max-Age=${maxAgeSeconds}; Secure; HttpOnly; SameSite=Strict`;
}
