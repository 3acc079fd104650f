import { userFailures } from "@lyss/contracts/failures/user.ts";
import { unseal } from "@lyss/kit/crypto/seal.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { hashToken, tokenInvalid } from "../account-token.ts";
import type { UserDeps } from "../deps.ts";
import type { Registration, UserId } from "../model.ts";
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
 * meanwhile. A repeat within a minute gets the same tokens. Throws `token_invalid`, `email_taken`, `sign_on_required`, and `kit.unavailable` where one who
 * takes part is away: the same token may be shown again then.
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
    const expected = [userFailures.email_taken, userFailures.token_invalid, userFailures.sign_on_required];
    const type = expected.find(({ code }) => code === outcome.failure.code);
    throw type ? new Failure(type) : new Failure(kitFailures.unavailable, { service: "user" });
  }
  const { sealed } = outcome.results.tokens;
  const tokens = unseal(registrationKey, Buffer.from(sealed, "base64url"), registrationId);
  if (!tokens) throw new Error("the tokens of a registration do not open: the root key is another one");
  return { ...(JSON.parse(tokens.toString()) as Omit<SignedIn, "userId">), userId: userId as UserId };
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
