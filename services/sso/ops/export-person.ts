import type { ExportedPerson, PersonSections } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { SsoDeps } from "../deps.ts";

/** What connections, programs and SCIM have to do with a person. */
export async function exportPerson(
  { persons }: Pick<SsoDeps, "persons">,
  tx: Tx,
  person: ExportedPerson,
): Promise<PersonSections> {
  return {
    sign_on_sessions: await persons.listSessions(tx, person),
    consents: await persons.listConsents(tx, person),
    program_sessions: await persons.listLogins(tx, person),
    waiting_logouts: await persons.listLogoutNotices(tx, person),
    scim: await persons.listScimUsers(tx, person),
    given_memberships: await persons.listGivenMemberships(tx, person),
  };
}
