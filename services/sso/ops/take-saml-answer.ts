import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { answerRefused } from "../answer-refused.ts";
import type { SsoDeps } from "../deps.ts";
import { isSaml } from "../model.ts";
import { readSamlAnswer } from "../saml/read-answer.ts";
import { sealJson, sha256 } from "../sealed.ts";
import { answerPurpose, findOpenConnection, findSignIn } from "../signing-in.ts";

export interface TakeSamlAnswerInput {
  readonly connectionId: string;
  readonly samlResponse: string;
  readonly relayState: string;
}

/** Where a browser goes on with an answer that has been taken. */
export interface TakenAnswer {
  readonly location: string;
}

/**
 * Checks what a provider has a browser post, keeps it, and sends the browser on to where its cookie comes along: a form of
 * another site brings none. A request takes one answer, and an assertion counts once. Throws `connection_not_found`,
 * `sign_in_unknown`, `provider_refused` and `answer_refused`.
 */
export async function takeSamlAnswer(deps: SsoDeps, input: TakeSamlAnswerInput): Promise<TakenAnswer> {
  const { db, signIns, clock, settings } = deps;
  const { connectionId, samlResponse, relayState } = input;
  const { connection } = await findOpenConnection(deps, connectionId);
  if (!isSaml(connection)) throw new Failure(ssoFailures.connection_not_found);
  const { nonce: requestId } = await findSignIn(deps, connectionId, relayState);
  const awaited = { publicUrl: settings.publicUrl, requestId, nowMs: clock.nowMs() };
  const { assertion, assertionId, goodUntilMs } = await readSamlAnswer(connection, samlResponse, awaited);
  const stateHash = sha256(relayState);
  const sealedAnswer = sealJson(deps, assertion, answerPurpose(stateHash));
  const isFirst = await db.transaction(
    async (tx) =>
      (await signIns.insertSeen(tx, connectionId, `assertion/${assertionId}`, new Date(goodUntilMs))) &&
      (await signIns.setAnswer(tx, stateHash, sealedAnswer)),
  );
  if (!isFirst) throw answerRefused("replayed");
  const query = new URLSearchParams({ state: relayState });
  return { location: `${settings.publicUrl}/api/v1/sso/${connectionId}/saml/continue?${query}` };
}
