import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { FactorKind as Kind } from "@lyss/contracts/gen/lyss/auth/v1/factor_pb.js";
import type { Actor, Factor } from "./factor-model.ts";

const kinds = { totp: Kind.TOTP, passkey: Kind.PASSKEY } as const;

/** What `factor.added` says. */
export function toFactorAdded({ factorId, kind }: Factor, actor: Actor, addedAt: Date) {
  return { factorId, kind: kinds[kind], ...toActorFields(actor), addedAt: timestampFromDate(addedAt) };
}

/** What `factor.removed` says. */
export function toFactorRemoved(
  { factorId, kind, tenantId, userId }: Factor,
  actor: Omit<Actor, "tenantId">,
  removedAt: Date,
) {
  const { userId: actorId, clientAddress } = actor;
  const names = { factorId, tenantId, userId, actorId, clientAddress };
  return { ...names, kind: kinds[kind], removedAt: timestampFromDate(removedAt) };
}

/** What `recovery_codes.created` says. */
export function toRecoveryCodesCreated(actor: Actor, createdAt: Date) {
  return { ...toActorFields(actor), createdAt: timestampFromDate(createdAt) };
}

function toActorFields({ tenantId, userId, clientAddress }: Actor) {
  return { tenantId, userId, actorId: userId, clientAddress };
}
