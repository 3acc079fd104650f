import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { toOauthFailureReply } from "@lyss/kit/oauth/failure-reply.ts";
import { z } from "zod";
import type { SsoOps } from "../ops.ts";
import { clientFields } from "./client-model.ts";

const { json } = routesFor<SsoOps>();

/** How programs register themselves, where the operator lets them. */
export const registrationRoutes = [
  json({
    method: "POST",
    path: "/oidc/register",
    permission: "public",
    operation: "registerClient",
    summary:
      "Registers a program that signs people in and calls tools in their names (RFC 7591): a public one, with PKCE. Refused unless `sso.clientRegistration` is `open`.",
    // What is not known is ignored, and what cannot be is replaced, as RFC 7591, 2 and 3.2.1, have it.
    body: z.looseObject({
      redirect_uris: clientFields.redirectUris
        .meta({ examples: [["http://127.0.0.1:33418/callback"]] })
        .describe(
          "https, http on the person's own machine, where any port will do, or a scheme of the program's own; otherwise compared character by character.",
        ),
      client_name: clientFields.name.default("A program without a name").describe("Shown to people when they sign in."),
    }),
    response: z.strictObject({
      client_id: z.string(),
      client_id_issued_at: z.int().describe("Seconds since the Unix epoch."),
      client_name: z.string(),
      redirect_uris: z.array(z.string()),
      token_endpoint_auth_method: z.literal("none"),
      grant_types: z.array(z.string()),
      response_types: z.array(z.string()),
      scope: z.string(),
    }),
    successStatus: 201,
    failures: [ssoFailures.too_many_clients],
    toFailureReply: toOauthFailureReply,
    async handle(ops, { body }) {
      const made = await ops.registerClient({ name: body.client_name, redirectUris: body.redirect_uris });
      return {
        client_id: made.clientId,
        client_id_issued_at: Math.floor(made.createdAt.getTime() / 1_000),
        ...{
          client_name: made.name,
          redirect_uris: [...made.redirectUris],
          token_endpoint_auth_method: "none" as const,
        },
        ...{ grant_types: ["authorization_code", "refresh_token"], response_types: ["code"] },
        scope: made.scopes.join(" "),
      };
    },
  }),
];
