import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { factorLocked, recoveryCodeUsed } from "@lyss/contracts/events/auth-factors.ts";
import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { unseal } from "@lyss/kit/crypto/seal.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { type CodeFailures, codeWaitMs, lockingFailures, recentCodeFailures } from "./code-back-off.ts";
import type { FactorDeps } from "./factor-deps.ts";
import type { Actor, Assertion, Proof, TotpFactor } from "./factor-model.ts";
import type { ChallengeScope } from "./passkeys.ts";
import { hashRecoveryCode } from "./recovery-codes.ts";
import { findTotpStep } from "./totp.ts";

/** How a person was recognised, in the words of RFC 8176, or why not. A refusal is a value, so that its count commits. */
export type ProofOutcome =
  | { readonly isProven: true; readonly methods: readonly string[] }
  | { readonly isProven: false; readonly failure: Failure };

/** A passkey asks for a PIN or a finger each time (`user`); a recovery code was printed when a factor was added. */
export const methodsOf = {
  totp: ["otp", "mfa"],
  recovery_code: ["otp", "mfa"],
  passkey: ["hwk", "user", "mfa"],
} as const;

type ProveDeps = Pick<FactorDeps, "factors" | "outbox" | "clock" | "passkeys" | "factorKey" | "recoveryPepper">;

/**
 * Whether the proof is the person's. A code is accepted once, on whatever node: those of one person wait for each other.
 * Wrong codes make wait, and lock codes from the tenth on; a passkey cannot be guessed, and works all the same. Commit the
 * transaction whatever comes out, for wrong codes are counted in it.
 */
export async function proveFactor(
  deps: ProveDeps,
  tx: Tx,
  input: { readonly actor: Actor; readonly proof: Proof; readonly scope: ChallengeScope },
): Promise<ProofOutcome> {
  const { actor, proof, scope } = input;
  const now = new Date(deps.clock.nowMs());
  const count = await deps.factors.lockHolder(tx, actor.userId, now);
  if (proof.method === "passkey") {
    if (await provePasskey(deps, tx, { actor, scope, response: proof.response, now })) return proven("passkey");
    return refused(new Failure(factorFailures.passkey_refused));
  }
  const waiting = findWait(count, now);
  if (waiting) return refused(waiting);
  if (proof.method === "totp") {
    const known = await deps.factors.listTotpFactors(tx, actor.userId);
    return judgeCode(deps, tx, { actor, count, code: proof.code, among: known, now });
  }
  const hash = hashRecoveryCode(deps.recoveryPepper, actor.userId, proof.code);
  if (!(await deps.factors.takeRecoveryCode(tx, actor.userId, hash)))
    return countWrong(deps, tx, { actor, count, now });
  await deps.factors.updateFailures(tx, actor.userId, { failures: 0, lastFailedAt: now });
  const { tenantId, userId, clientAddress } = actor;
  const remaining = await deps.factors.countRecoveryCodes(tx, userId);
  const said = { tenantId, userId, clientAddress, remaining, usedAt: timestampFromDate(now) };
  await deps.outbox.append(tx, recoveryCodeUsed, said);
  return proven("recovery_code");
}

/** Why no code may be tried now, or undefined. */
export function findWait(count: CodeFailures, now: Date): Failure | undefined {
  const retryAfterMs = codeWaitMs(count, now.getTime());
  if (retryAfterMs === 0) return undefined;
  const retryAfterSeconds = Math.ceil(retryAfterMs / 1_000);
  return new Failure(factorFailures.codes_locked, { retryAfterSeconds }, { retryAfterMs });
}

/**
 * Whether a code belongs to one of these apps, and to no time step that was accepted before. One that was is refused without
 * being counted: it is no guess. To be called with the holder locked.
 */
export async function judgeCode(
  deps: Pick<FactorDeps, "factors" | "outbox" | "factorKey">,
  tx: Tx,
  input: CodeToJudge & { readonly code: string; readonly among: readonly TotpFactor[] },
): Promise<ProofOutcome & { readonly matched?: TotpFactor; readonly step?: number }> {
  const { actor, count, code, among, now } = input;
  for (const matched of among) {
    const secret = openSecret(deps, matched);
    const step = findTotpStep(secret, code, now.getTime());
    if (step === undefined) continue;
    if (step <= matched.lastStep) return refused(new Failure(factorFailures.code_refused));
    await deps.factors.noteCode(tx, matched.factorId, step, now);
    await deps.factors.updateFailures(tx, actor.userId, { failures: 0, lastFailedAt: now });
    return { ...proven("totp"), matched, step };
  }
  return countWrong(deps, tx, { actor, count, now });
}

interface CodeToJudge {
  readonly actor: Actor;
  /** As `lockHolder` gave it. */
  readonly count: CodeFailures;
  readonly now: Date;
}

async function countWrong(
  { factors, outbox }: Pick<FactorDeps, "factors" | "outbox">,
  tx: Tx,
  { actor, count, now }: CodeToJudge,
): Promise<ProofOutcome> {
  const failures = recentCodeFailures(count, now.getTime()) + 1;
  await factors.updateFailures(tx, actor.userId, { failures, lastFailedAt: now });
  if (failures < lockingFailures) return refused(new Failure(factorFailures.code_refused));
  const { tenantId, userId, clientAddress } = actor;
  await outbox.append(tx, factorLocked, {
    tenantId,
    userId,
    failures,
    clientAddress,
    lockedAt: timestampFromDate(now),
  });
  return refused(findWait({ failures, lastFailedAt: now }, now) ?? new Failure(factorFailures.code_refused));
}

/** Whether one of the person's passkeys has answered. Notes the use. */
async function provePasskey(
  { factors, passkeys }: Pick<FactorDeps, "factors" | "passkeys">,
  tx: Tx,
  input: { readonly actor: Actor; readonly scope: ChallengeScope; readonly response: Assertion; readonly now: Date },
): Promise<boolean> {
  const { actor, scope, response, now } = input;
  const passkey = await factors.findPasskey(tx, response.id);
  if (!passkey || passkey.userId !== actor.userId || passkey.tenantId !== actor.tenantId) return false;
  const answer = await passkeys.readAssertion(scope, passkey, response, now.getTime());
  if (!answer || !(await factors.insertAnsweredChallenge(tx, answer.answered))) return false;
  const { counter, isSynced } = answer;
  await factors.notePasskey(tx, { factorId: passkey.factorId, counter, isSynced }, now);
  return true;
}

function openSecret({ factorKey }: Pick<FactorDeps, "factorKey">, { sealedSecret, factorId }: TotpFactor): string {
  const secret = unseal(factorKey, sealedSecret, factorId)?.toString();
  if (!secret)
    throw new Error(`factor ${factorId} does not open: it was sealed under another root key, or was altered`);
  return secret;
}

function proven(method: Proof["method"]): ProofOutcome & { readonly isProven: true } {
  return { isProven: true, methods: methodsOf[method] };
}

function refused(failure: Failure): ProofOutcome & { readonly isProven: false } {
  return { isProven: false, failure };
}
