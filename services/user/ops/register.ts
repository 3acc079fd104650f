import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { Failure, type Locale } from "@lyss/kit/errors/failure.ts";
import { drawToken, registrationLifeMs } from "../account-token.ts";
import { findDefaultRole } from "../default-role.ts";
import type { UserDeps } from "../deps.ts";
import type { Role, UserId } from "../model.ts";

export interface RegisterInput {
  /** As `userFields.email` gives it. */
  readonly email: string;
  readonly password: Secret;
  readonly name: string;
  /** What a tenant of one's own is called; the person's name when empty. */
  readonly organization: string;
  readonly locale: Locale;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

/**
 * Begins a registration: whoever reads mails at the address goes on with it. Nothing but that mail tells whether the address is
 * somebody's already. Throws `registration_closed`, `password_length`, `password_common`, `password_breached` and `too_many_mails`. With an
 * idempotency key a repeat writes no second mail.
 */
export async function register(deps: UserDeps, input: RegisterInput): Promise<void> {
  const { idempotency, accounts, registrations, passwords, requireGoodPassword, writer, mailLimit, clock, random } =
    deps;
  const { email, name, locale, clientAddress } = input;
  await requireGoodPassword(input.password);
  const place = await findPlace(deps, input);
  const passwordHash = await passwords.hash(input.password);
  const asked = { email, name, locale, organization: input.organization, password: input.password.reveal() };
  await idempotency.run({ operation: "register", scope: `register ${email}`, input: asked }, async (tx) => {
    await mailLimit.requireAddress(tx, clientAddress);
    const mayWrite = await mailLimit.mayWriteTo(tx, email);
    const known = await accounts.findAccountByEmail(tx, email);
    if (!mayWrite) return null;
    if (known) {
      await writer.tell(tx, "alreadyRegistered", known);
      return null;
    }
    const { token, tokenHash } = drawToken(random);
    const createdAt = new Date(clock.nowMs());
    const registrationId = random.id("reg");
    const dates = { createdAt, expiresAt: new Date(createdAt.getTime() + registrationLifeMs), completedAt: null };
    const kept = {
      registrationId,
      kind: "self",
      userId: random.id("usr") as UserId,
      email,
      name,
      passwordHash,
    } as const;
    const row = { ...kept, ...place, locale, invitedBy: "", attempt: 1, ...dates };
    await registrations.insertRegistration(tx, row, tokenHash);
    await writer.sendRegistration(tx, row, token);
    return null;
  });
}

interface Place {
  readonly tenantId: string | null;
  readonly organization: string;
  readonly role: Role;
}

/** Where whoever registers belongs: with those whose verified domain the address is in, else in a tenant of their own. */
async function findPlace(deps: UserDeps, { email, name, organization }: RegisterInput): Promise<Place> {
  const { tenants, registrationPolicy } = deps;
  if (registrationPolicy === "closed") throw new Failure(userFailures.registration_closed);
  const domain = email.slice(email.lastIndexOf("@") + 1);
  const { domain: found } = await tenants.findDomain({ domain });
  if (found) {
    const { tenantId } = found;
    return { tenantId, organization: "", role: await findDefaultRole(deps, tenantId) };
  }
  if (registrationPolicy === "domains") throw new Failure(userFailures.registration_closed);
  return { tenantId: null, organization: organization || name, role: "owner" };
}
