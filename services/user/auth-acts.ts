import { type Timestamp, timestampMs } from "@bufbuild/protobuf/wkt";
import { sessionStarted } from "@lyss/contracts/events/auth.ts";
import {
  factorAdded,
  factorLocked,
  factorRemoved,
  recoveryCodesCreated,
  recoveryCodeUsed,
} from "@lyss/contracts/events/auth-factors.ts";
import type { SessionStarted } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type {
  FactorAdded,
  FactorLocked,
  FactorRemoved,
  RecoveryCodesCreated,
  RecoveryCodeUsed,
} from "@lyss/contracts/gen/lyss/auth/v1/factor_pb.js";
import type { ReceivedEvent } from "@lyss/kit/events/event.ts";
import type { AuthAct } from "./ops/audit-auth-act.ts";

/** What auth says of sign-ins and second factors. */
export const authActEvents = [
  sessionStarted,
  factorAdded,
  factorRemoved,
  factorLocked,
  recoveryCodesCreated,
  recoveryCodeUsed,
];

/** How each of them stands in a person's audit log. */
const readers: Readonly<Record<string, (event: ReceivedEvent) => AuthAct>> = {
  [sessionStarted.type]: (event) => {
    const data = event.data as SessionStarted;
    return toAct(event, {
      ...data,
      kind: "signedIn",
      actorId: data.userId,
      at: data.startedAt,
      causeId: data.sessionId,
    });
  },
  [factorAdded.type]: (event) => {
    const data = event.data as FactorAdded;
    return toAct(event, { ...data, kind: "factorAdded", subjectId: data.factorId, at: data.addedAt });
  },
  [factorRemoved.type]: (event) => {
    const data = event.data as FactorRemoved;
    return toAct(event, { ...data, kind: "factorRemoved", subjectId: data.factorId, at: data.removedAt });
  },
  [factorLocked.type]: (event) => {
    const data = event.data as FactorLocked;
    return toAct(event, { ...data, kind: "codesLocked", actorId: "", at: data.lockedAt });
  },
  [recoveryCodesCreated.type]: (event) => {
    const data = event.data as RecoveryCodesCreated;
    return toAct(event, { ...data, kind: "recoveryCodesCreated", at: data.createdAt });
  },
  [recoveryCodeUsed.type]: (event) => {
    const data = event.data as RecoveryCodeUsed;
    return toAct(event, { ...data, kind: "recoveryCodeUsed", actorId: data.userId, at: data.usedAt });
  },
};

/** The act that an event tells of; undefined for an event of another kind. */
export function toAuthAct(event: ReceivedEvent): AuthAct | undefined {
  return readers[event.type]?.(event);
}

type Told = Pick<AuthAct, "kind" | "userId" | "tenantId" | "actorId" | "clientAddress"> &
  Partial<Pick<AuthAct, "subjectId" | "causeId">> & { readonly at: Timestamp | undefined };

function toAct({ id, timeMs }: ReceivedEvent, told: Told): AuthAct {
  const { kind, userId, tenantId, actorId, clientAddress, subjectId = "", causeId = id, at } = told;
  const happenedAtMs = at ? timestampMs(at) : timeMs;
  return { kind, userId, tenantId, actorId, clientAddress, subjectId, happenedAtMs, causeId };
}
