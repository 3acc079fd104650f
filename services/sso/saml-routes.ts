import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";
import { z } from "zod";
import { answerBrowser, forBrowsers } from "./browser-answer.ts";
import type { SsoOps } from "./ops.ts";
import { maxXmlBytes } from "./saml/xml.ts";

const { json } = routesFor<SsoOps>();

const params = z.strictObject({ connection: z.string().max(64) });
const redirected = z.strictObject({}).describe("The browser is sent on.");
const maxBase64Length = Math.ceil(maxXmlBytes / 3) * 4;
/** RelayState has at most 80 bytes (SAML Bindings, 3.5.3). */
const state = z.string().max(80);

/** How people sign on by a SAML provider (SAML Profiles, 4.1: Web Browser SSO). */
export const samlRoutes = [
  json({
    method: "GET",
    path: "/api/v1/sso/{connection}/saml/metadata",
    permission: "public",
    operation: "describeSsoServiceProvider",
    summary: "The metadata document (XML) with which a SAML provider is set up.",
    params,
    response: z.strictObject({}).describe("An EntityDescriptor (SAML Metadata, 2.3.2)."),
    failures: [ssoFailures.connection_not_found],
    async handle(ops, { params: { connection: connectionId } }) {
      const document = await ops.describeServiceProvider({ connectionId });
      return new WholeAnswer(200, { "content-type": "application/samlmetadata+xml; charset=utf-8" }, document);
    },
  }),
  json({
    method: "POST",
    path: "/api/v1/sso/{connection}/saml/acs",
    permission: "public",
    operation: "takeSsoSamlAnswer",
    summary: "Where a SAML provider has browsers post its answers; sends the browser on (303).",
    params,
    body: z.strictObject({
      SAMLResponse: z.string().min(1).max(maxBase64Length).describe("Base64 of a signed response, 256 KiB at most."),
      RelayState: state
        .default("")
        .describe("As it was sent with the request; without it an answer is to nothing asked."),
    }),
    bodyFormats: ["application/x-www-form-urlencoded"],
    reads: forBrowsers,
    response: redirected,
    failures: [
      ...[ssoFailures.connection_not_found, ssoFailures.sign_in_unknown, ssoFailures.provider_refused],
      ssoFailures.answer_refused,
    ],
    async handle(ops, request) {
      const { SAMLResponse: samlResponse, RelayState: relayState } = request.body;
      const { connection: connectionId } = request.params;
      return answerBrowser(request, () => ops.takeSamlAnswer({ connectionId, samlResponse, relayState }), {
        isPosted: true,
      });
    },
  }),
  json({
    method: "GET",
    path: "/api/v1/sso/{connection}/saml/continue",
    permission: "public",
    operation: "finishSsoSamlSignIn",
    summary: "Ends a sign-in whose answer was posted, in the browser that began it; sends it on with a code (302).",
    params,
    query: z.strictObject({ state }),
    reads: ["cookie", ...forBrowsers],
    response: redirected,
    failures: [ssoFailures.connection_not_found, ssoFailures.sign_in_unknown, ssoFailures.person_refused],
    async handle(ops, request) {
      const { headers, clientAddress, query } = request;
      const { connection: connectionId } = request.params;
      const input = { connectionId, state: query.state, cookieHeader: headers["cookie"], clientAddress };
      return answerBrowser(request, () => ops.finishSamlSignIn(input));
    },
  }),
];
