import { type ExportedPerson, exportedRowsLimit, type PersonSections } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { GroupDeps } from "../deps.ts";

/** In which groups a person is, and which they made. */
export async function exportPerson(
  { store }: Pick<GroupDeps, "store">,
  tx: Tx,
  { userId }: ExportedPerson,
): Promise<PersonSections> {
  return {
    memberships: await store.listMembershipsOf(tx, userId, exportedRowsLimit),
    created_groups: await store.listCreatedBy(tx, userId, exportedRowsLimit),
  };
}
