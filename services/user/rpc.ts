import { create, fromJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { UserAuditEntrySchema, UserSchema, UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import type { LoggedEvent } from "@lyss/kit/events/event-reader.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { currentContext } from "@lyss/kit/rpc/call-context.ts";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, optionalIdInput, pageInputs, timestampInput } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import { toUserMessage } from "./messages.ts";
import { userFields } from "./model.ts";
import type { UserOps } from "./ops.ts";

const { email, typedEmail, password, name } = userFields;
const role = z.preprocess((given) => given || "member", userFields.role);
const inputs = {
  createUser: { tenantId: idInput, email, password, name, role },
  getUser: { userId: idInput, tenantId: optionalIdInput },
  signIn: { email: typedEmail, password, clientAddress: z.string().max(64) },
  setPassword: { email: typedEmail, password },
  listUserAudit: {
    ...{ userId: idInput, tenantId: optionalIdInput, from: timestampInput, before: timestampInput, ...pageInputs },
    eventTypes: z.array(z.string().max(64)).max(20),
  },
  verifyUserAudit: { userId: idInput, tenantId: optionalIdInput },
} satisfies MethodInputs<typeof UserService>;

/** UserService on the operations. */
export function createUserRpc(ops: UserOps): CheckedRpc<typeof UserService> {
  return createRpc(UserService, inputs, {
    async createUser(request) {
      return create(UserSchema, toUserMessage(await ops.createUser({ ...request, actorId: actorId() })));
    },
    async getUser({ userId, tenantId }) {
      return create(UserSchema, toUserMessage(await ops.getUser({ userId, tenantId: tenantId || undefined })));
    },
    signIn: (request) => ops.signIn(request),
    setPassword: (request) => ops.setPassword({ ...request, actorId: actorId() }),
    async listUserAudit({ from, before, eventTypes, ...request }) {
      const { rows, nextCursor } = await ops.listUserAudit({
        ...toAuditReference(request),
        ...fromPageRequest(request),
        eventTypes: eventTypes.length > 0 ? eventTypes : undefined,
        fromMs: from?.getTime(),
        beforeMs: before?.getTime(),
      });
      return { events: rows.map(toAuditMessage), nextCursor: nextCursor ?? "" };
    },
    async verifyUserAudit(request) {
      const { isIntact, entries, brokenVersion } = await ops.verifyUserAudit(toAuditReference(request));
      return { isIntact, entries: BigInt(entries), brokenVersion: BigInt(brokenVersion) };
    },
  });
}

function actorId(): string | undefined {
  return currentContext()?.caller?.userId;
}

/** A service that asks sees whatever it asks for. */
function toAuditReference({ userId, tenantId }: { readonly userId: string; readonly tenantId: string }) {
  return { userId, tenantId: tenantId || undefined, reader: undefined };
}

function toAuditMessage(row: LoggedEvent) {
  return {
    ...{ eventId: row.id, eventType: row.type, aggregateId: row.key },
    eventData: fromJson(UserAuditEntrySchema, row.data, { ignoreUnknownFields: true }),
    timestamp: timestampFromDate(row.time),
    version: BigInt(row.revision ?? 0),
  };
}
