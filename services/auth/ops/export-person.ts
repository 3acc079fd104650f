import type { ExportedPerson, PersonSections } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuthDeps } from "../deps.ts";

/** What auth keeps of a person: where they are signed in, and with what; no secret, and nothing made of one. */
export async function exportPerson(
  { persons }: Pick<AuthDeps, "persons">,
  tx: Tx,
  person: ExportedPerson,
): Promise<PersonSections> {
  return {
    access: await persons.findAccess(tx, person),
    limits: await persons.findLimits(tx, person),
    sessions: await persons.listSessions(tx, person),
    impersonations: await persons.listImpersonations(tx, person),
    service_clients: await persons.listClients(tx, person),
    keys: await persons.listKeys(tx, person),
    factors: await persons.listFactors(tx, person),
    recovery_codes_left: await persons.countRecoveryCodes(tx, person),
  };
}
