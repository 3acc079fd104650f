import { userAuditEvents } from "@lyss/contracts/events/user.ts";
import type { UserAuditEntry } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { decodeStored } from "@lyss/kit/event-sourcing/upcast.ts";
import { readStream } from "@lyss/kit/events/stream-reader.ts";
import { type ChainEnd, emptyChain, followChain } from "../audit-chain.ts";
import { auditStreamOf } from "../audit-log.ts";
import type { UserDeps } from "../deps.ts";
import { type AuditReference, requireReadable } from "./list-user-audit.ts";

export interface AuditVerdict {
  readonly isIntact: boolean;
  /** Entries that hold together from the first one on. */
  readonly entries: number;
  /** The last entry that may be as it was written; the log is broken there or right behind it. 0 when it is intact. */
  readonly brokenVersion: number;
}

const pageSize = 1_000;

/**
 * Checks a person's audit log: every entry carries the hash of the one before it, none is missing, and the last one is the
 * one that was added last. Throws `not_found` and `kit.permission_denied`.
 */
export async function verifyUserAudit(
  { db, store }: Pick<UserDeps, "db" | "store">,
  reference: AuditReference,
): Promise<AuditVerdict> {
  const { userId } = await requireReadable({ store }, reference);
  const expected = (await store.findAuditEnd(userId)) ?? emptyChain;
  let end: ChainEnd = emptyChain;
  while (end.version < expected.version) {
    const rows = await readStream(db.sql, auditStreamOf(userId), end.version, pageSize);
    const wanted = rows.filter(({ revision }) => Number(revision) <= expected.version);
    if (wanted.length === 0) return broken(end);
    for (const row of wanted) {
      const { id: eventId, type: eventType, data } = decodeStored(row, userAuditEvents, {});
      const entry = { eventId, eventType, version: Number(row.revision), data: data as UserAuditEntry };
      const next = followChain(end, entry);
      if (!next) return broken(end);
      end = next;
    }
  }
  if (!end.hash.equals(expected.hash)) return broken(end);
  return { isIntact: true, entries: end.version, brokenVersion: 0 };
}

function broken({ version }: ChainEnd): AuditVerdict {
  return { isIntact: false, entries: version, brokenVersion: Math.max(1, version) };
}
