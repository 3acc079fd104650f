import { create, fromJson } from "@bufbuild/protobuf";
import { timestampFromDate, timestampMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { UserAuditEntrySchema, UserSchema, type UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import type { LoggedEvent } from "@lyss/kit/events/event-reader.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { currentContext } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { toUserMessage } from "./messages.ts";
import { userFields } from "./model.ts";
import type { UserOps } from "./ops.ts";

const newUser = z.object({
  tenantId: z.string().min(1).max(64),
  email: userFields.email,
  password: userFields.password,
  name: userFields.name,
  role: userFields.role,
});
const attempt = z.object({
  email: userFields.typedEmail,
  password: userFields.password,
  clientAddress: z.string().max(64),
});
const newPassword = z.object({ email: userFields.typedEmail, password: userFields.password });

/** UserService on the operations. */
export function createUserRpc(ops: UserOps): ServiceImpl<typeof UserService> {
  return {
    async createUser(request) {
      const role = request.role || "member";
      const input = { ...parseInput(newUser, { ...request, role }), actorId: currentContext()?.caller?.userId };
      return create(UserSchema, toUserMessage(await ops.createUser(input)));
    },
    async getUser({ userId, tenantId }) {
      return create(UserSchema, toUserMessage(await ops.getUser({ userId, tenantId: tenantId || undefined })));
    },
    signIn: (request) => ops.signIn(parseInput(attempt, request)),
    setPassword: (request) =>
      ops.setPassword({ ...parseInput(newPassword, request), actorId: currentContext()?.caller?.userId }),
    async listUserAudit(request) {
      const { rows, nextCursor } = await ops.listUserAudit({
        ...toAuditReference(request),
        ...fromPageRequest(request),
        eventTypes: request.eventTypes.length > 0 ? request.eventTypes : undefined,
        fromMs: request.from && timestampMs(request.from),
        beforeMs: request.before && timestampMs(request.before),
      });
      return { events: rows.map(toAuditMessage), nextCursor: nextCursor ?? "" };
    },
    async verifyUserAudit(request) {
      const { isIntact, entries, brokenVersion } = await ops.verifyUserAudit(toAuditReference(request));
      return { isIntact, entries: BigInt(entries), brokenVersion: BigInt(brokenVersion) };
    },
  };
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
