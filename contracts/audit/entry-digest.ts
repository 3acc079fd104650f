import { createHash } from "node:crypto";

/** What an entry of an audit log says, as everybody who may read it sees it. */
export interface AuditEntryFacts {
  /** Whose log: a tenant's id, or `platform`. */
  readonly chain: string;
  /** Its number in the log, from 1 on without gaps. */
  readonly sequence: number;
  readonly entryId: string;
  /** Id of the event that told it. */
  readonly eventId: string;
  /** What was done, such as `key.revoked`. */
  readonly act: string;
  /** Who did it; empty for the platform itself. */
  readonly actorId: string;
  /** The operator who acted in the actor's name; empty for the actor alone. */
  readonly operatorId: string;
  /** What kind of thing it was done to, such as `key`. */
  readonly subjectKind: string;
  readonly subjectId: string;
  /** `commitAddress` of where the actor's connection came from, in hex; empty when that is not known. */
  readonly addressDigest: string;
  readonly happenedAtMs: number;
  readonly recordedAtMs: number;
  /** More of it, flat or nested plain data. */
  readonly details: Readonly<Record<string, unknown>>;
  /** Digest of the entry before it, in hex; empty in the first one. */
  readonly previousDigest: string;
}

const format = 1;

/**
 * SHA-256 in hex over a JSON array of everything that an entry says, the digest of the one before it included. Whoever has an
 * export computes the same: the address of a connection is in it by its commitment alone, so that it can be forgotten.
 */
export function digestEntry(entry: AuditEntryFacts): string {
  const fields = [
    ...[format, entry.chain, entry.sequence, entry.entryId, entry.eventId, entry.act],
    ...[entry.actorId, entry.operatorId, entry.subjectKind, entry.subjectId, entry.addressDigest],
    ...[entry.happenedAtMs, entry.recordedAtMs, sortFields(entry.details), entry.previousDigest],
  ];
  return createHash("sha256").update(JSON.stringify(fields)).digest("hex");
}

/** SHA-256 in hex over a salt and an address: says nothing of the address once the salt is gone. */
export function commitAddress(salt: Buffer, address: string): string {
  return createHash("sha256").update(salt).update(address).digest("hex");
}

/** The same data with the fields of every object in one order. */
function sortFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortFields);
  if (typeof value !== "object" || value === null) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return fields.map(([name, field]) => [name, sortFields(field)]);
}
