import { searchWithin } from "@lyss/kit/db/search-within.ts";
import { decodeSequenceCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import type { AuditDeps } from "../deps.ts";
import type { EntryFilter, ListedEntry } from "../model.ts";

export type ListEntriesInput = EntryFilter & PageRequest;

/** Matching entries, newest first. Throws `kit.search_too_broad`, and `kit.invalid_request` for a cursor that is none. */
export async function listAuditEntries(
  { db, store, searchTimeoutMs }: Pick<AuditDeps, "db" | "store" | "searchTimeoutMs">,
  { limit, cursor, ...filter }: ListEntriesInput,
): Promise<Page<ListedEntry>> {
  const before = decodeSequenceCursor(cursor);
  const rows = await searchWithin(db, searchTimeoutMs, (tx) => store.listEntries(tx, filter, before, limit + 1));
  return toPage(rows, limit, ({ position }) => [String(position)]);
}
