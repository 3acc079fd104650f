import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { isOidc } from "../model.ts";
import { readAnswer } from "../oidc/sign-in.ts";
import { toToldFailure } from "../oidc/told-failures.ts";
import { type BrowserStep, findOpenConnection, finishSignIn, takeSignIn } from "../signing-in.ts";
import { redirectUriOf } from "./start-sign-in.ts";

export interface FinishOidcSignInInput {
  readonly connectionId: string;
  /** What the provider sent the browser back with. */
  readonly query: Readonly<Record<string, string>>;
  readonly cookieHeader: string | undefined;
  readonly clientAddress: string;
}

/**
 * Takes back whom a provider sends: checks its word, lets the person in and sends the browser on with a code. What came
 * back once does not count a second time. Throws `connection_not_found`, `sign_in_unknown`, `provider_refused`,
 * `answer_refused`, `provider_unavailable` and `person_refused`.
 */
export async function finishOidcSignIn(deps: SsoDeps, input: FinishOidcSignInInput): Promise<BrowserStep> {
  const { query, connectionId, cookieHeader, clientAddress } = input;
  const { connection, secret } = await findOpenConnection(deps, connectionId);
  if (!isOidc(connection)) throw new Failure(ssoFailures.connection_not_found);
  const state = query["state"] ?? "";
  const kept = await takeSignIn(deps, connectionId, state, cookieHeader);
  const callbackUrl = new URL(redirectUriOf(deps.settings.publicUrl, connectionId));
  for (const [name, value] of Object.entries(query)) callbackUrl.searchParams.set(name, value);
  const { nonce, verifier } = kept;
  const { assertion, idToken: proof } = await deps.providers
    .of(connection, secret)
    .then((provider) => readAnswer(provider, connection, { callbackUrl, state, nonce, verifier }))
    .catch((err: unknown) => {
      throw toToldFailure(err, connection.name);
    });
  return finishSignIn(deps, connection, { state, kept, assertion, proof, clientAddress });
}
