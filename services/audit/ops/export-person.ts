import { type ExportedPerson, exportedRowsLimit, type PersonSections } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { AuditDeps } from "../deps.ts";

/** What was done by a person, and to them. Where others came from who did something to them is theirs, and left out. */
export async function exportPerson(
  { store }: Pick<AuditDeps, "store">,
  tx: Tx,
  { userId }: ExportedPerson,
): Promise<PersonSections> {
  return {
    entries_by: await store.listEntriesBy(tx, userId, exportedRowsLimit),
    entries_about: await store.listEntriesAbout(tx, userId, exportedRowsLimit),
  };
}
