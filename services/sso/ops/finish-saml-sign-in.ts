import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { isSaml } from "../model.ts";
import { type BrowserStep, findOpenConnection, finishSignIn, takeSignIn } from "../signing-in.ts";

export interface FinishSamlSignInInput {
  readonly connectionId: string;
  readonly state: string;
  readonly cookieHeader: string | undefined;
  readonly clientAddress: string;
}

/**
 * Lets in whom the provider's posted answer vouches for, in the browser that began, and sends it on with a code. Counts once.
 * Throws `connection_not_found`, `sign_in_unknown` and `person_refused`.
 */
export async function finishSamlSignIn(deps: SsoDeps, input: FinishSamlSignInInput): Promise<BrowserStep> {
  const { connectionId, state, cookieHeader, clientAddress } = input;
  const { connection } = await findOpenConnection(deps, connectionId);
  if (!isSaml(connection)) throw new Failure(ssoFailures.connection_not_found);
  const { posted, ...kept } = await takeSignIn(deps, connectionId, state, cookieHeader);
  if (!posted) throw new Failure(ssoFailures.sign_in_unknown);
  return finishSignIn(deps, connection, { state, kept, assertion: posted, proof: "", clientAddress });
}
