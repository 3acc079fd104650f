import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { withAlias } from "@lyss/kit/http/alias.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import {
  accessTokenBody,
  sessionTokensBody,
  toAccessTokenBody,
  toSessionTokensBody,
} from "@lyss/kit/oauth/token-body.ts";
import { z } from "zod";
import type { AuthOps } from "../ops.ts";
import { factorFields, type Proof } from "./factor-model.ts";

const { json } = routesFor<AuthOps>();

const challengeToken = z
  .string()
  .min(1)
  .max(200)
  .transform((text) => new Secret(text))
  .meta({ writeOnly: true });
/** For `navigator.credentials`, which knows its own fields. */
const options = z.looseObject({ challenge: z.string() });

/** The ways to show a factor, each with what it shows. */
const shown = {
  totp: { method: z.literal("totp"), code: factorFields.totpCode.describe("Six digits, as the app shows them now.") },
  recovery_code: { method: z.literal("recovery_code"), code: factorFields.recoveryCode },
  passkey: {
    method: z.literal("passkey"),
    response: factorFields.assertion.describe("PublicKeyCredential.toJSON() of what the browser gave."),
  },
} as const;
const proof = z.discriminatedUnion("method", [
  z.strictObject(shown.totp),
  z.strictObject(shown.recovery_code),
  z.strictObject(shown.passkey),
]);
const challengeProof = z.discriminatedUnion("method", [
  z.strictObject({ challenge_token: challengeToken, ...shown.totp }),
  z.strictObject({ challenge_token: challengeToken, ...shown.recovery_code }),
  z.strictObject({ challenge_token: challengeToken, ...shown.passkey }),
]);

const proofFailures = [factorFailures.code_refused, factorFailures.codes_locked, factorFailures.passkey_refused];

/** Signing in with a second factor, with a passkey alone, and proving oneself again. Each under `/api/v1` and `/v1`. */
export const factorSignInRoutes = withAlias(
  [
    json({
      method: "POST",
      path: "/api/v1/auth/mfa/challenge/options",
      permission: "public",
      operation: "challengeOptions",
      summary: "What navigator.credentials.get needs to end a sign-in that waits for a passkey; good for five minutes.",
      body: z.strictObject({ challenge_token: challengeToken }),
      response: options,
      failures: [factorFailures.challenge_refused],
      async handle(ops, { body }) {
        return { ...(await ops.challengeOptions({ challengeToken: body.challenge_token })) };
      },
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/mfa/challenge/verify",
      permission: "public",
      operation: "verifyChallenge",
      summary: "Ends a sign-in that waits for a second factor: gives tokens for the challenge token and the factor.",
      body: challengeProof,
      response: sessionTokensBody,
      failures: [factorFailures.challenge_refused, ...proofFailures, authFailures.access_barred],
      async handle(ops, { body: { challenge_token, ...rest }, clientAddress }) {
        const input = { challengeToken: challenge_token, proof: rest satisfies Proof, clientAddress };
        return toSessionTokensBody(await ops.verifyChallenge(input));
      },
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/passkeys/options",
      permission: "public",
      operation: "startPasskeySignIn",
      summary: "What navigator.credentials.get needs to sign in with a passkey alone; good for five minutes.",
      response: options,
      async handle(ops) {
        return { ...(await ops.startPasskeySignIn()) };
      },
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/passkeys/sign-in",
      permission: "public",
      operation: "signInWithPasskey",
      summary: "Signs in with a passkey alone: two factors in one.",
      body: z.strictObject({ response: shown.passkey.response }),
      response: sessionTokensBody,
      failures: [factorFailures.passkey_refused, authFailures.access_barred],
      handle: async (ops, { body, clientAddress, userAgent }) =>
        toSessionTokensBody(await ops.signInWithPasskey({ ...body, clientAddress, userAgent })),
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/step-up/options",
      permission: "factor:manage",
      operation: "startStepUp",
      summary: "What navigator.credentials.get needs to prove oneself again with a passkey; good for five minutes.",
      response: options,
      async handle(ops, request) {
        const { clientAddress } = request;
        return { ...(await ops.startStepUp({ ...requireCaller(request), clientAddress })) };
      },
    }),
    json({
      method: "POST",
      path: "/api/v1/auth/step-up",
      permission: "factor:manage",
      operation: "stepUp",
      summary: "Proves oneself again: for ten minutes the session may do what asks for that. Gives a new access token.",
      body: proof,
      response: accessTokenBody.describe("To be used instead of the one before; the refresh token stays as it is."),
      failures: proofFailures,
      async handle(ops, request) {
        const { tenantId, userId, sessionId } = requireCaller(request);
        const actor = { tenantId, userId, sessionId, clientAddress: request.clientAddress };
        const { accessToken, expiresInSeconds } = await ops.stepUp({ ...actor, proof: request.body });
        return toAccessTokenBody({ accessToken, expiresInSeconds });
      },
    }),
  ],
  "/api/v1",
  "/v1",
);
