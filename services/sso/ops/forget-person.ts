import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ssoPersonErased } from "@lyss/contracts/events/sso.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { SsoDeps } from "../deps.ts";
import { noteLogouts } from "../provider/tell-programs.ts";

/**
 * Forgets what connections, programs and SCIM told of a person who is gone, and says so. What nobody can look up by person, a sign-in under
 * way, is gone within the hour that it may take; programs that are to end their own sessions are told for a day, by the id. A repeat is safe.
 */
export async function forgetPerson(
  { persons, logouts, outbox, clock }: Pick<SsoDeps, "persons" | "logouts" | "outbox" | "clock">,
  tx: Tx,
  { userId, tenantId }: { readonly userId: string; readonly tenantId: string },
): Promise<void> {
  await persons.deleteScimUsers(tx, userId);
  await persons.deleteGivenMemberships(tx, userId);
  await persons.deleteSessions(tx, userId);
  await persons.deleteConsents(tx, userId);
  await noteLogouts({ logouts, clock }, tx, { sessionId: undefined, userId });
  await persons.deleteProviderItems(tx, userId);
  await persons.deleteLogins(tx, userId);
  const erasedAt = timestampFromDate(new Date(clock.nowMs()));
  await outbox.append(tx, ssoPersonErased, { userId, tenantId, erasedAt });
}
