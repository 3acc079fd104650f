import { accessChanged } from "@lyss/contracts/events/auth.ts";
import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { AuthDeps } from "../deps.ts";
import { hasSecondFactor, judgeSession } from "../session-model.ts";
import { signAccessToken } from "../session-tokens.ts";
import { listShownFactors } from "./begin-challenge.ts";
import type { Proof, SessionActor } from "./factor-model.ts";
import type { ChallengeScope } from "./passkeys.ts";
import { type ProofOutcome, proveFactor } from "./prove-factor.ts";

/** An access token that says when its person last proved to be that person; the refresh token stays as it is. */
export interface ProvenAgain {
  readonly accessToken: string;
  readonly expiresInSeconds: number;
}

const scopeOf = (sessionId: string): ChallengeScope => ({ purpose: "step_up", subject: sessionId });

/** What `navigator.credentials.get` needs for `stepUp`. Stores nothing; a repeat is safe. */
export async function startStepUp(
  { factors, passkeys, clock }: Pick<AuthDeps, "factors" | "passkeys" | "clock">,
  { userId, sessionId }: SessionActor,
) {
  const known = await factors.listPasskeys(factors.sql, userId);
  return passkeys.assertionOptions(scopeOf(sessionId), known, clock.nowMs());
}

/**
 * Notes that the person of a session has shown a factor again: for ten minutes it may do what asks for that. Throws
 * `code_refused`, `codes_locked`, `passkey_refused`, and `kit.unauthenticated` for a session that is over.
 */
export async function stepUp(
  deps: AuthDeps,
  { proof, ...actor }: SessionActor & { readonly proof: Proof },
): Promise<ProvenAgain> {
  const scope = scopeOf(actor.sessionId);
  return proveAgain(deps, actor, (tx) => proveFactor(deps, tx, { actor, proof, scope }));
}

/**
 * The same for a person whose password the caller has checked. Throws `factor_wanted` where the person has factors: a
 * password alone is less than they can show.
 */
export async function stepUpByPassword(deps: AuthDeps, actor: SessionActor): Promise<ProvenAgain> {
  const shown = await listShownFactors(deps, actor.userId);
  if (shown.length > 0) throw new Failure(factorFailures.factor_wanted, { factors: shown });
  return proveAgain(deps, actor, async () => ({ isProven: true, methods: ["pwd"] }));
}

async function proveAgain(
  deps: AuthDeps,
  { tenantId, userId, sessionId }: SessionActor,
  prove: (tx: Tx) => Promise<ProofOutcome>,
): Promise<ProvenAgain> {
  const { db, sessions, outbox, clock } = deps;
  const now = new Date(clock.nowMs());
  const result = await db.transaction(async (tx) => {
    const outcome = await prove(tx);
    if (!outcome.isProven) return outcome.failure;
    const verdict = judgeSession(await sessions.lockLiveSession(tx, sessionId), now.getTime());
    if (!verdict.isActive || verdict.session.userId !== userId) throw new Failure(kitFailures.unauthenticated);
    const methods = [...new Set([...verdict.session.methods, ...outcome.methods])];
    await sessions.noteProof(tx, sessionId, { methods, provenAt: now, isFactor: hasSecondFactor(outcome.methods) });
    await outbox.append(tx, accessChanged, { tenantId, userId, sessionId });
    return { ...verdict, session: { ...verdict.session, methods, provenAt: now } };
  });
  // Thrown outside, so that wrong codes are counted.
  if (result instanceof Failure) throw result;
  const { accessToken, expiresAtMs } = await signAccessToken(deps, result);
  return { accessToken, expiresInSeconds: Math.ceil((expiresAtMs - now.getTime()) / 1_000) };
}
