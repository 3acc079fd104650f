import { commitAddress, digestEntry } from "@lyss/contracts/audit/entry-digest.ts";
import type { ProvenEntry } from "./model.ts";
import type { Sealer } from "./seal.ts";

/** Why a log is broken. */
export type BreakReason =
  | "entry_altered"
  | "entry_missing"
  | "seal_wrong"
  | "address_altered"
  | "end_wrong"
  | "anchor_wrong";

/** A place in a log: the number and the digest of an entry. */
export interface ChainPlace {
  readonly sequence: number;
  readonly digest: string;
}

/** What is wrong with an entry that stands behind that place; undefined when it can follow. */
export function findBreak(place: ChainPlace, entry: ProvenEntry, sealer: Sealer): BreakReason | undefined {
  if (entry.sequence !== place.sequence + 1) return "entry_missing";
  const { happenedAt, recordedAt, details } = entry;
  const facts = {
    ...entry,
    happenedAtMs: happenedAt.getTime(),
    recordedAtMs: recordedAt.getTime(),
    details: parseDetails(details),
  };
  if (entry.previousDigest !== place.digest || digestEntry(facts) !== entry.digest) return "entry_altered";
  if (!sealer.isEntrySeal(entry.seal, entry.digest)) return "seal_wrong";
  if (!isAddressTrue(entry)) return "address_altered";
  return undefined;
}

function parseDetails(details: string): Record<string, unknown> {
  try {
    return JSON.parse(details);
  } catch {
    // Somebody wrote into the table: no digest is that of such details.
    return { unreadable: details };
  }
}

/** An address that was forgotten is true; one that is there is the one that was written. */
function isAddressTrue({ clientAddress, addressSalt, addressDigest }: ProvenEntry): boolean {
  if (clientAddress === null && addressSalt === null) return true;
  return clientAddress !== null && addressSalt !== null && commitAddress(addressSalt, clientAddress) === addressDigest;
}
