import { auditFailures } from "@lyss/contracts/failures/audit.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AuditDeps } from "../deps.ts";
import type { ProvenEntry } from "../model.ts";

export interface EntryReference {
  /** The log that it must be in; undefined for whichever. */
  readonly chain: string | undefined;
  readonly entryId: string;
}

/** The entry of that id. Throws `not_found`, also for one of another log. */
export async function getAuditEntry(
  { store }: Pick<AuditDeps, "store">,
  { chain, entryId }: EntryReference,
): Promise<ProvenEntry> {
  const found = await store.findEntry(chain, entryId);
  if (!found) throw new Failure(auditFailures.not_found);
  return found;
}
