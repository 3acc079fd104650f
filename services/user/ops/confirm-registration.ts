import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { unseal } from "@lyss/kit/crypto/seal.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { hashToken, tokenInvalid } from "../account-token.ts";
import type { UserDeps } from "../deps.ts";
import type { Registration, UserId } from "../model.ts";
import type { StartedSession } from "../registration-steps.ts";
import { registerPerson } from "../sagas/register-person.ts";
import type { SignedIn } from "./sign-in.ts";

export interface ConfirmRegistrationInput {
  /** From the mail. */
  readonly token: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
  readonly userAgent: string;
}

/** An answer that was lost is given again for so long. */
const graceMs = 60_000;
const waitMs = 25_000;

/**
 * Makes a person of a registration whose mail was read, and signs the person in. All of it happens or nothing, whatever dies
 * meanwhile. A repeat within a minute gets the same tokens. Throws `token_invalid`, `email_taken`, `sign_on_required`, `factor_required` with a
 * challenge where the tenant wants a second factor, `access_barred`, and `kit.unavailable` where one who takes part is away: the same token may be shown again then.
 */
export async function confirmRegistration(deps: UserDeps, input: ConfirmRegistrationInput): Promise<SignedIn> {
  const found = await deps.registrations.findByToken(hashToken(input.token));
  if (found?.kind !== "self") throw tokenInvalid();
  return completeRegistration(deps, found, input);
}

/** Runs the saga of a registration whose token was shown. */
export async function completeRegistration(
  { db, registrations, workflows, clock, registrationKey }: UserDeps,
  found: Registration,
  { clientAddress, userAgent }: Pick<ConfirmRegistrationInput, "clientAddress" | "userAgent">,
): Promise<SignedIn> {
  const { registrationId, userId, tenantId, organization, role, attempt, completedAt, expiresAt } = found;
  const now = clock.nowMs();
  const isOver = completedAt ? now - completedAt.getTime() > graceMs : expiresAt.getTime() <= now;
  if (isOver) throw tokenInvalid();
  const slug = tenantId === null ? slugOf(organization, registrationId) : "";
  const input = { registrationId, attempt, userId, tenantId, organization, slug, role, clientAddress, userAgent };
  const run = await workflows.start(registerPerson, { id: `${registrationId}-${attempt}`, input });
  const outcome = await run.result(waitMs);
  if (outcome.state === "compensated") {
    await db.transaction((tx) => registrations.nextAttempt(tx, registrationId, attempt));
    const { email_taken, token_invalid, sign_on_required } = userFailures;
    const expected = [email_taken, token_invalid, sign_on_required, authFailures.access_barred];
    const { code } = outcome.failure;
    // A tenant that takes no passwords is told of as one whose people sign in elsewhere.
    const isMethodRefused = code === authFailures.sign_in_method_refused.code;
    const type = isMethodRefused ? sign_on_required : expected.find((one) => one.code === code);
    throw type ? new Failure(type) : new Failure(kitFailures.unavailable, { service: "user" });
  }
  const { sealed } = outcome.results.tokens;
  const text = unseal(registrationKey, Buffer.from(sealed, "base64url"), registrationId);
  if (!text) throw new Error("the tokens of a registration do not open: the root key is another one");
  const started = JSON.parse(text.toString()) as StartedSession;
  if ("challenge" in started) throw new Failure(userFailures.factor_required, started.challenge);
  return { ...started.tokens, userId: userId as UserId };
}

/** A slug that nobody else has, and that tells of the name what a-z can. */
function slugOf(organization: string, registrationId: string): string {
  const words = organization
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 30)
    .replace(/^-+|-+$/g, "");
  return `${words || "org"}-${registrationId.slice(-16)}`;
}
