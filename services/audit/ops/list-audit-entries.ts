import { decodeSequenceCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { AuditDeps } from "../deps.ts";
import type { EntryFilter, ListedEntry } from "../model.ts";

export type ListEntriesInput = EntryFilter & PageRequest;

/** Matching entries, newest first. Throws `kit.invalid_request` for a cursor that is none. */
export async function listAuditEntries(
  { store }: Pick<AuditDeps, "store">,
  { limit, cursor, ...filter }: ListEntriesInput,
): Promise<Page<ListedEntry>> {
  const rows = await store.listEntries(filter, decodeSequenceCursor(cursor), limit + 1);
  return toPage(rows, limit, ({ position }) => [String(position)]);
}
