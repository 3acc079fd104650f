import type { AuthDeps } from "../deps.ts";
import { type StartSessionInput, startSession } from "../ops/start-session.ts";
import { hasSecondFactor } from "../session-model.ts";
import { beginChallenge } from "./begin-challenge.ts";
import type { Started } from "./sign-in-challenge.ts";

/**
 * As `startSession`, save where the person has second factors and has shown none: there is a challenge then, and
 * `verifyChallenge` gives the tokens.
 */
export async function beginSession(deps: AuthDeps, input: StartSessionInput): Promise<Started> {
  const required = hasSecondFactor(input.methods) ? undefined : await beginChallenge(deps, input);
  if (required) return { kind: "factor_required", required };
  return { kind: "tokens", tokens: await startSession(deps, input) };
}
