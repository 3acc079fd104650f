import type { Secret } from "@lyss/kit/config/secret.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuthDeps } from "../deps.ts";
import type { StartSessionInput } from "../ops/start-session.ts";
import { type AddPasskeyInput, addPasskey } from "./add-passkey.ts";
import { beginSession } from "./begin-session.ts";
import { challengeOptions } from "./challenge-options.ts";
import { type ConfirmTotpInput, confirmTotp } from "./confirm-totp.ts";
import { type EnrolTotpInput, enrolTotp } from "./enrol-totp.ts";
import type { Holder, Proof, SessionActor } from "./factor-model.ts";
import { listFactors } from "./list-factors.ts";
import { type PasskeySignInInput, signInWithPasskey, startPasskeySignIn } from "./passkey-sign-in.ts";
import { type RemoveFactorInput, removeFactor } from "./remove-factor.ts";
import { type RenameFactorInput, renameFactor } from "./rename-factor.ts";
import { renewRecoveryCodes } from "./renew-recovery-codes.ts";
import { type ResetFactorsInput, resetFactors } from "./reset-factors.ts";
import { type StartPasskeyInput, startPasskey } from "./start-passkey.ts";
import { startStepUp, stepUp, stepUpByPassword } from "./step-up.ts";
import { sweepFactors } from "./sweep-factors.ts";
import { type VerifyChallengeInput, verifyChallenge } from "./verify-challenge.ts";

/** Binds the operations on second factors to what they need. */
export function createFactorOps(deps: AuthDeps) {
  return {
    listFactors: (input: Holder) => listFactors(deps, input),
    enrolTotp: (input: EnrolTotpInput) => enrolTotp(deps, input),
    confirmTotp: (input: ConfirmTotpInput) => confirmTotp(deps, input),
    startPasskey: (input: StartPasskeyInput) => startPasskey(deps, input),
    addPasskey: (input: AddPasskeyInput) => addPasskey(deps, input),
    renameFactor: (input: RenameFactorInput) => renameFactor(deps, input),
    removeFactor: (input: RemoveFactorInput) => removeFactor(deps, input),
    renewRecoveryCodes: (input: SessionActor) => renewRecoveryCodes(deps, input),
    beginSession: (input: StartSessionInput) => beginSession(deps, input),
    challengeOptions: (input: { challengeToken: Secret }) => challengeOptions(deps, input),
    verifyChallenge: (input: VerifyChallengeInput) => verifyChallenge(deps, input),
    startPasskeySignIn: () => startPasskeySignIn(deps),
    signInWithPasskey: (input: PasskeySignInInput) => signInWithPasskey(deps, input),
    startStepUp: (input: SessionActor) => startStepUp(deps, input),
    resetFactors: (tx: Tx, input: ResetFactorsInput) => resetFactors(deps, tx, input),
    stepUp: (input: SessionActor & { proof: Proof }) => stepUp(deps, input),
    stepUpByPassword: (input: SessionActor) => stepUpByPassword(deps, input),
    sweepFactors: () => sweepFactors(deps),
  };
}
