import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Failure, type Locale } from "@lyss/kit/errors/failure.ts";
import { drawToken } from "../account-token.ts";
import { requireAbove, requireRole } from "../change-person.ts";
import type { UserDeps } from "../deps.ts";
import { describeInvitation, nameTenant } from "../describe-invitation.ts";
import type { Actor, Registration, Role, UserId } from "../model.ts";

export interface CreateInvitationInput {
  readonly tenantId: string;
  readonly actor: Actor;
  /** As `userFields.email` gives it. */
  readonly email: string;
  readonly role: Role;
  readonly lifeMs: number;
  readonly locale: Locale;
  /** Empty when it is not known. */
  readonly clientAddress: string;
}

export const maxOpenInvitations = 1_000;

/**
 * Writes to an address how to become a person of the tenant. Nobody invites to a role that holds more than theirs. Where the address is
 * a person's of the tenant already, it throws `email_taken`; one of another tenant is told in the mail, and to nobody else. Throws also
 * `role_above_own`, `role_unknown`, `too_many_invitations`, `too_many_mails` and `kit.permission_denied`.
 */
export async function createInvitation(deps: UserDeps, input: CreateInvitationInput): Promise<Registration> {
  const { db, accounts, registrations, writer, mailLimit, idempotency, clock, random } = deps;
  const { tenantId, actor, email, role, lifeMs, locale, clientAddress } = input;
  await db.transaction((tx) => requireAbove(deps, tx, actor, { tenantId, role }));
  await requireRole(deps, { tenantId, role });
  const organization = await nameTenant(deps, tenantId);
  const asked = { email, role, lifeMs, locale };
  return idempotency.run({ operation: "createInvitation", scope: tenantId, input: asked }, async (tx) => {
    if ((await registrations.countInvitations(tx, tenantId)) >= maxOpenInvitations) {
      throw new Failure(userFailures.too_many_invitations, { limit: maxOpenInvitations });
    }
    await mailLimit.requireAddress(tx, clientAddress);
    await mailLimit.requireMailbox(tx, email);
    const known = await accounts.findAccountByEmail(tx, email);
    if (known?.tenantId === tenantId) throw new Failure(userFailures.email_taken);
    const { token, tokenHash } = drawToken(random);
    const createdAt = new Date(clock.nowMs());
    const dates = { createdAt, expiresAt: new Date(createdAt.getTime() + lifeMs), completedAt: null };
    const ids = { registrationId: random.id("inv"), userId: random.id("usr") as UserId, kind: "invitation" } as const;
    const empty = { name: "", passwordHash: null, organization: "", attempt: 1 };
    const row = { ...ids, ...empty, ...dates, email, tenantId, role, locale, invitedBy: actor.userId };
    await registrations.insertRegistration(tx, row, tokenHash);
    const described = await describeInvitation(deps, tx, organization, actor.userId);
    await (known ? writer.tell(tx, "invitedElsewhere", known) : writer.sendInvitation(tx, row, token, described));
    return row;
  });
}
