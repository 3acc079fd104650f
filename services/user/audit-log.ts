import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { userAudit } from "@lyss/contracts/events/user.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { currentOperatorId } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { hashEntry } from "./audit-chain.ts";
import type { UserStore } from "./store.ts";

/** One act on a person, or of theirs. Never a secret. */
export interface AuditAct {
  readonly event: (typeof userAudit)[keyof typeof userAudit];
  /** The person whose log it goes to. */
  readonly userId: string;
  readonly tenantId: string;
  /** Who did it; empty for the platform itself. */
  readonly actorId: string;
  /** Empty when it is not known. */
  readonly clientAddress: string;
  /** What it was done to, such as a key's id; the person when left out. */
  readonly subjectId?: string;
  /** What changed to what, or why; at most some hundred characters. */
  readonly detail?: string;
  /** Now when left out. */
  readonly happenedAtMs?: number;
  /** Unique in the log: a repeat with the same id adds nothing. */
  readonly eventId?: string;
}

/** The stream of a person's audit log. */
export function auditStreamOf(userId: string): { readonly source: "user"; readonly stream: string } {
  return { source: "user", stream: `user-audit/${userId}` };
}

export interface AuditLogDeps {
  readonly store: UserStore;
  readonly outbox: Outbox;
  readonly clock: Clock;
  readonly random: Random;
}

/** Adds to people's audit logs. Every entry carries the hash of the one before it. */
export function createAuditLog({ store, outbox, clock, random }: AuditLogDeps) {
  return {
    /** Adds an entry that is there when `tx` commits, and never if it does not. Entries of one person wait for each other. */
    async append(tx: Tx, act: AuditAct): Promise<void> {
      const { event, userId, tenantId, actorId, clientAddress, happenedAtMs = clock.nowMs() } = act;
      const { subjectId = "", detail = "" } = act;
      const end = await store.lockAuditEnd(tx, userId);
      const data = create(event.schema, {
        ...{ userId, tenantId, actorId, clientAddress, subjectId, detail, previousHash: end.hash },
        operatorId: currentOperatorId(),
        happenedAt: timestampFromDate(new Date(happenedAtMs)),
      });
      const eventId = act.eventId ?? random.id("evt");
      const { stream } = auditStreamOf(userId);
      const version = await outbox.append(tx, event, data, { stream, expectedRevision: end.version, id: eventId });
      // What was added before has an earlier number.
      if (version <= end.version) return;
      const hash = hashEntry({ eventId, eventType: event.type, version, data });
      await store.updateAuditEnd(tx, userId, { version, hash });
    },
  };
}

export type AuditLog = ReturnType<typeof createAuditLog>;
