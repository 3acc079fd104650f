import type { AuthDeps } from "../deps.ts";
import { earlier } from "../model.ts";
import { type StartSessionInput, startSession } from "../ops/start-session.ts";
import { hasSecondFactor } from "../session-model.ts";
import { limitSession } from "../sign-in-policy.ts";
import { beginChallenge } from "./begin-challenge.ts";
import { type Started, signInChallengeTtlMs } from "./sign-in-challenge.ts";

/**
 * As `startSession`, save where the person has second factors and has shown none: there is a challenge then, and
 * `verifyChallenge` gives the tokens.
 */
export async function beginSession(deps: AuthDeps, input: StartSessionInput): Promise<Started> {
  const required = hasSecondFactor(input.methods) ? undefined : await beginChallenge(deps, input);
  if (required) {
    const { ttlMs } = limitSession(await deps.access.findPolicy(deps.db.sql, input.tenantId), deps);
    const latest = new Date(deps.clock.nowMs() + signInChallengeTtlMs + ttlMs);
    return { kind: "factor_required", required, sessionEndsAt: earlier(latest, input.notAfter ?? null) ?? latest };
  }
  return { kind: "tokens", tokens: await startSession(deps, input) };
}
