import { createHash } from "node:crypto";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { UserAuditEntry } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";

/** An entry with its place in the log. */
export interface ChainedEntry {
  readonly eventId: string;
  readonly eventType: string;
  /** 1 for the first. */
  readonly version: number;
  readonly data: UserAuditEntry;
}

/** The end of a log; version 0 and an empty hash where there is none. */
export interface ChainEnd {
  readonly version: number;
  readonly hash: Buffer;
}

export const emptyChain: ChainEnd = { version: 0, hash: Buffer.alloc(0) };

/** SHA-256 over everything that an entry says, the hash of the one before it included, as one JSON array. */
export function hashEntry({ eventId, eventType, version, data }: ChainedEntry): Buffer {
  const { userId, tenantId, actorId, clientAddress, subjectId, happenedAt, previousHash, detail, operatorId } = data;
  const happenedAtMs = happenedAt ? timestampMs(happenedAt) : null;
  const previous = Buffer.from(previousHash).toString("hex");
  const fields = [
    eventId,
    eventType,
    version,
    userId,
    tenantId,
    actorId,
    clientAddress,
    subjectId,
    happenedAtMs,
    previous,
    // Entries from before there were details and operators keep their hashes.
    ...(operatorId !== "" ? [detail, operatorId] : detail === "" ? [] : [detail]),
  ];
  return createHash("sha256").update(JSON.stringify(fields)).digest();
}

/**
 * The end of a log after its next entry, or undefined when that is not what can follow: another number, or a hash that is
 * not the one of the entry before.
 */
export function followChain(end: ChainEnd, entry: ChainedEntry): ChainEnd | undefined {
  if (entry.version !== end.version + 1 || !end.hash.equals(entry.data.previousHash)) return undefined;
  return { version: entry.version, hash: hashEntry(entry) };
}
