import { userFailures } from "@lyss/contracts/failures/user.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { decodeCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { drawToken } from "../account-token.ts";
import { requireAbove } from "../change-person.ts";
import type { UserDeps } from "../deps.ts";
import { describeInvitation, nameTenant } from "../describe-invitation.ts";
import type { Actor, Registration } from "../model.ts";

export interface InvitationReference {
  readonly tenantId: string;
  readonly invitationId: string;
  readonly actor: Actor;
}

/** A tenant's invitations that nobody has accepted, newest first. */
export async function listInvitations(
  { registrations }: Pick<UserDeps, "registrations">,
  { tenantId, limit, cursor }: PageRequest & { readonly tenantId: string },
): Promise<Page<Registration>> {
  const [afterId] = decodeCursor(cursor, 1) ?? [];
  const rows = await registrations.listInvitations(tenantId, afterId, limit + 1);
  return toPage(rows, limit, ({ registrationId }) => [registrationId]);
}

/** The link of an invitation is good no more. Throws `invitation_not_found`, also the second time, and what `requireAbove` throws. */
export async function revokeInvitation(deps: UserDeps, reference: InvitationReference): Promise<void> {
  await deps.db.transaction(async (tx) => {
    const { registrationId } = await lockInvitation(deps, tx, reference);
    await deps.registrations.deleteRegistration(tx, registrationId);
  });
}

/**
 * Writes once more, with a new link that is good for as long as the first one was; the old one is good no more. Throws
 * `invitation_not_found`, `too_many_mails` and what `requireAbove` throws.
 */
export async function resendInvitation(
  deps: UserDeps,
  { clientAddress, ...reference }: InvitationReference & { readonly clientAddress: string },
): Promise<Registration> {
  const { db, registrations, accounts, writer, mailLimit, clock, random } = deps;
  const organization = await nameTenant(deps, reference.tenantId);
  return db.transaction(async (tx) => {
    const invitation = await lockInvitation(deps, tx, reference);
    await mailLimit.requireAddress(tx, clientAddress);
    await mailLimit.requireMailbox(tx, invitation.email);
    const { token, tokenHash } = drawToken(random);
    const lifeMs = invitation.expiresAt.getTime() - invitation.createdAt.getTime();
    const expiresAt = new Date(clock.nowMs() + lifeMs);
    await registrations.setToken(tx, invitation.registrationId, tokenHash, expiresAt);
    const known = await accounts.findAccountByEmail(tx, invitation.email);
    const described = await describeInvitation(deps, tx, organization, invitation.invitedBy);
    await (known
      ? writer.tell(tx, "invitedElsewhere", known)
      : writer.sendInvitation(tx, invitation, token, described));
    return { ...invitation, expiresAt };
  });
}

async function lockInvitation(
  deps: UserDeps,
  tx: Tx,
  { tenantId, invitationId, actor }: InvitationReference,
): Promise<Registration> {
  const invitation = await deps.registrations.lockInvitation(tx, tenantId, invitationId);
  if (!invitation) throw new Failure(userFailures.invitation_not_found);
  await requireAbove(deps, tx, actor, { tenantId, role: invitation.role });
  return invitation;
}
