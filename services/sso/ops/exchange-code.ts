import { timestampDate, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ssoFailures } from "@lyss/contracts/failures/sso.ts";
import type { StartSessionResponse } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { SsoDeps } from "../deps.ts";
import { limits } from "../model.ts";
import { matchesDigest, openJson, sealJson, sha256 } from "../sealed.ts";
import { exchangePurpose, type KeptPerson } from "../signing-in.ts";

export interface ExchangeCodeInput {
  readonly code: string;
  readonly codeVerifier: string;
  readonly clientAddress: string;
  readonly userAgent: string;
}

export type StartedSession = StartSessionResponse["result"];

/** What the provider's proof of a session is sealed for. */
export function proofPurpose(sessionId: string): string {
  return `sso.proof/${sessionId}`;
}

/**
 * A session for whoever came back, or what is still asked of them. The code is used up, also by a wrong verifier. Throws
 * `code_invalid`.
 */
export async function exchangeCode(deps: SsoDeps, input: ExchangeCodeInput): Promise<StartedSession> {
  const { db, signIns, auth, clock } = deps;
  const { codeVerifier, clientAddress, userAgent } = input;
  const codeHash = sha256(input.code);
  const now = new Date(clock.nowMs());
  const row = await db.transaction((tx) => signIns.takeExchange(tx, codeHash, now));
  if (!row || !matchesDigest(codeVerifier, row.codeChallenge, "base64url")) {
    throw new Failure(ssoFailures.code_invalid, { maxAgeSeconds: limits.codeTtlMs / 1_000 });
  }
  const { proof, ...person } = openJson<KeptPerson>(deps, row.sealed, exchangePurpose(codeHash));
  const { userId, tenantId, role, subject, providerSession, notAfterMs } = person;
  const methods = ["fed"];
  const end = notAfterMs === undefined ? {} : { notAfter: timestampFromMs(notAfterMs) };
  const { result } = await auth.startSession({ userId, tenantId, role, methods, clientAddress, userAgent, ...end });
  const begun = await readBegun(auth, result);
  if (!begun) return result;
  const { sessionId, endsAt } = begun;
  const sealedProof = proof === "" ? null : sealJson(deps, proof, proofPurpose(sessionId));
  // Known as long as the session may be refreshed: the provider may end it at any time.
  const expiresAt = endsAt ? timestampDate(endsAt) : now;
  const { connectionId } = row;
  const session = { sessionId, connectionId, tenantId, userId, subject, providerSession, sealedProof };
  await db.transaction((tx) => signIns.insertSession(tx, { ...session, expiresAt }));
  return result;
}

/** The session that there is, or will be once a factor was shown, and its latest end. */
async function readBegun({ checkSession }: SsoDeps["auth"], result: StartedSession) {
  if (result.case === "factorRequired")
    return { sessionId: result.value.sessionId, endsAt: result.value.sessionEndsAt };
  if (result.case !== "tokens") return undefined;
  const { sessionId } = result.value;
  return { sessionId, endsAt: (await checkSession({ sessionId })).expiresAt };
}
