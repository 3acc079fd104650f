import type { Tx } from "@lyss/kit/db/database.ts";
import type { Invitation } from "./accounts.ts";
import type { UserDeps } from "./deps.ts";

/** What the tenant is called. Asked before a transaction: a call to another service keeps none open. Throws what `GetTenant` throws. */
export async function nameTenant({ tenants }: Pick<UserDeps, "tenants">, tenantId: string): Promise<string> {
  const { tenant } = await tenants.getTenant({ tenantId });
  return tenant?.name || tenantId;
}

/** Who invites, by name and address, and where to. */
export async function describeInvitation(
  { people }: Pick<UserDeps, "people">,
  tx: Tx,
  organization: string,
  invitedBy: string,
): Promise<Invitation> {
  const person = invitedBy === "" ? undefined : await people.readUser(tx, invitedBy);
  return { organization, inviter: person && `${person.name} (${person.email})` };
}
