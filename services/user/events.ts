import { timestampMs } from "@bufbuild/protobuf/wkt";
import { keyCreated, keyRevoked } from "@lyss/contracts/events/auth.ts";
import { type KeyCreated, KeyRevocationReason, type KeyRevoked } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { ReceivedEvent, Subscription } from "@lyss/kit/events/event.ts";
import type { UserOps } from "./ops.ts";

/** What user hears: what happens to people's keys, for their audit logs. One subscription, so that it stays in order. */
export function createUserSubscriptions(ops: UserOps): readonly Subscription[] {
  return [
    {
      mode: "durable",
      name: "audit-keys",
      events: [keyCreated, keyRevoked],
      handle: (tx, event) => ops.auditKeyAct(tx, toKeyAct(event)),
    },
  ];
}

function toKeyAct({ id: causeId, type, timeMs, data }: ReceivedEvent) {
  if (type === keyCreated.type) {
    const { keyId, userId, tenantId, createdBy: actorId, clientAddress, createdAt } = data as KeyCreated;
    const happenedAtMs = createdAt ? timestampMs(createdAt) : timeMs;
    return { kind: "keyCreated", keyId, userId, tenantId, actorId, clientAddress, happenedAtMs, causeId } as const;
  }
  const { keyId, userId, tenantId, revokedBy: actorId, clientAddress, reason } = data as KeyRevoked;
  const kind = reason === KeyRevocationReason.ROTATED ? "keyRotated" : "keyRevoked";
  return { kind, keyId, userId, tenantId, actorId, clientAddress, happenedAtMs: timeMs, causeId } as const;
}
