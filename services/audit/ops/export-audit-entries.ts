import type { AuditDeps } from "../deps.ts";
import type { EntryFilter, ProvenEntry } from "../model.ts";

const rowsPerPage = 1_000;

/**
 * All matching entries, oldest first, a page at a time: the next is read when it is asked for, so memory is bounded. What was
 * there before the export began is in it once; what comes meanwhile may be.
 */
export async function* exportAuditEntries(
  { store }: Pick<AuditDeps, "store">,
  filter: EntryFilter,
): AsyncGenerator<readonly ProvenEntry[], void, undefined> {
  let after = 0n;
  for (let isFull = true; isFull; ) {
    const rows = await store.exportEntries(filter, after, rowsPerPage);
    if (rows.length > 0) yield rows;
    after = rows.at(-1)?.position ?? after;
    isFull = rows.length === rowsPerPage;
  }
}
