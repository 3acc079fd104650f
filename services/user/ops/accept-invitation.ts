import { findNotHeld } from "@lyss/contracts/access/roles.ts";
import { readRoles } from "@lyss/contracts/access/tenant-roles.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import type { Locale } from "@lyss/kit/errors/failure.ts";
import { hashToken, tokenInvalid } from "../account-token.ts";
import type { UserDeps } from "../deps.ts";
import { type ConfirmRegistrationInput, completeRegistration } from "./confirm-registration.ts";
import type { SignedIn } from "./sign-in.ts";

export interface AcceptInvitationInput extends ConfirmRegistrationInput {
  readonly name: string;
  readonly password: Secret;
  readonly locale: Locale;
}

/**
 * Makes a person of an invitation whose mail was read, with the role that it says, and signs the person in; as long as
 * there is that role, and whoever invited is active and holds all that it does. Otherwise as `confirmRegistration`.
 */
export async function acceptInvitation(deps: UserDeps, input: AcceptInvitationInput): Promise<SignedIn> {
  const { db, store, registrations, passwords, requireGoodPassword, clock } = deps;
  const { token, name, password, locale } = input;
  await requireGoodPassword(password);
  const found = await registrations.findByToken(hashToken(token));
  if (found?.kind !== "invitation" || found.tenantId === null) throw tokenInvalid();
  const inviter = await store.findUser(found.invitedBy, undefined);
  if (inviter?.status !== "active") throw tokenInvalid();
  const permissionsOf = await readRoles(deps, found.tenantId, [inviter.role, found.role]);
  const wanted = permissionsOf(found.role);
  if (!wanted || findNotHeld(permissionsOf(inviter.role) ?? [], wanted) !== undefined) throw tokenInvalid();
  if (found.completedAt === null && found.expiresAt.getTime() > clock.nowMs()) {
    const passwordHash = await passwords.hash(password);
    const { registrationId } = found;
    await db.transaction((tx) => registrations.setAccepted(tx, { registrationId, name, passwordHash, locale }));
  }
  return completeRegistration(deps, found, input);
}
