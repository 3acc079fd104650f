import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";

/** The log of what belongs to no tenant. */
export const platformChain = "platform";

/** An entry of a log, without what proves it. */
export interface AuditEntry {
  readonly entryId: string;
  /** A tenant's id, or `platform`. */
  readonly chain: string;
  readonly sequence: number;
  readonly eventId: string;
  readonly act: string;
  readonly actorId: string;
  readonly operatorId: string;
  readonly subjectKind: string;
  readonly subjectId: string;
  /** Null when it is not known or was forgotten. */
  readonly clientAddress: string | null;
  readonly happenedAt: Date;
  readonly recordedAt: Date;
  /** JSON. */
  readonly details: string;
  readonly digest: string;
}

/** An entry with all that proves it. */
export interface ProvenEntry extends AuditEntry {
  readonly addressSalt: Buffer | null;
  readonly addressDigest: string;
  readonly previousDigest: string;
  readonly seal: Buffer;
}

/** A row of a list, with its place in it. */
export interface ListedEntry extends AuditEntry {
  readonly position: bigint;
}

/** Where a log ends and begins. */
export interface Chain {
  readonly chain: string;
  /** Number and digest of the last entry; 0 and empty where there is none. */
  readonly sequence: number;
  readonly digest: string;
  /** Number and digest of the last entry that was deleted for its age; 0 and empty where none was. */
  readonly baseSequence: number;
  readonly baseDigest: string;
  readonly seal: Buffer | null;
  readonly anchoredSequence: number;
}

/** Which entries are wanted; what is undefined does not restrict. */
export interface EntryFilter {
  readonly chain?: string | undefined;
  /** Exact, or with `*` at the end. */
  readonly acts?: readonly string[] | undefined;
  readonly actorId?: string | undefined;
  readonly subjectId?: string | undefined;
  readonly clientAddress?: string | undefined;
  readonly fromMs?: number | undefined;
  readonly beforeMs?: number | undefined;
  readonly text?: string | undefined;
}

/** Bounds of what callers may enter. */
export const auditFields = {
  act: z
    .string()
    .min(1)
    .max(100)
    .regex(
      /^[a-z0-9_.]+\*?$/,
      inBothLanguages("must be an act such as 'key.revoked', or 'key.*'", "必须是操作名，例如 key.revoked 或 key.*"),
    ),
  id: z.string().min(1).max(200),
  address: z.string().min(1).max(64),
  text: z.string().trim().min(2).max(100),
  sequence: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
};
