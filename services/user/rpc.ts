import { create, fromJson } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  ListUsersResponseSchema,
  UserAuditEntrySchema,
  UserSchema,
  UserService,
  UserStatus,
} from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import type { LoggedEvent } from "@lyss/kit/events/event-reader.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { currentContext } from "@lyss/kit/rpc/call-context.ts";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, optionalIdInput, orEmpty, pageInputs, timestampInput } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import { fromStatusMessage, toUserMessage } from "./messages.ts";
import { isOwner, userFields } from "./model.ts";
import type { UserOps } from "./ops.ts";

const { email, typedEmail, password, name } = userFields;
const role = z.preprocess((given) => given || "member", userFields.role);
/** Owners and operators are made by people. */
const federatedRole = userFields.role.refine(
  (given) => !isOwner(given),
  inBothLanguages("must be a role other than owner and operator", "不能是 owner 或 operator"),
);
const statusWanted = inBothLanguages(
  "must be USER_STATUS_ACTIVE, USER_STATUS_INACTIVE or USER_STATUS_SUSPENDED",
  "必须是 USER_STATUS_ACTIVE、USER_STATUS_INACTIVE 或 USER_STATUS_SUSPENDED",
);
const clientAddress = z.string().max(64);
const statusMessage = z.enum(UserStatus);
const expectedVersion = z
  .bigint()
  .min(0n)
  .max(1n << 53n);
// Checked before it is brought into lower case: there a Kelvin sign is a k.
const plainEmail = z
  .string()
  .max(254)
  .regex(/^[\x21-\x7e]+$/, inBothLanguages("must be plain ASCII", "必须是纯 ASCII 字符"))
  .pipe(z.email());
const inputs = {
  createUser: { tenantId: optionalIdInput, email, password, name, role },
  getUser: { userId: idInput, tenantId: optionalIdInput },
  updateUser: {
    ...{ userId: idInput, tenantId: optionalIdInput, name: orEmpty(name), role: orEmpty(userFields.role) },
    ...{ status: statusMessage, expectedVersion, clientAddress },
  },
  deleteUser: { userId: idInput, tenantId: optionalIdInput, expectedVersion, clientAddress },
  listUsers: {
    page: z.int().min(0).max(10_000),
    pageSize: z.int().min(0).max(200),
    filter: z.string().max(200),
    tenantId: optionalIdInput,
  },
  setUserStatus: {
    ...{ userId: idInput, tenantId: optionalIdInput, clientAddress },
    status: statusMessage.refine((status) => status !== UserStatus.UNSPECIFIED, statusWanted),
    reason: z.string().trim().max(200),
  },
  signIn: { email: typedEmail, password, clientAddress, userAgent: z.string().max(300) },
  setPassword: { email: typedEmail, password },
  ensureFederatedUser: {
    ...{ tenantId: idInput, connectionId: idInput, subject: z.string().min(1).max(255), email: orEmpty(plainEmail) },
    ...{ isEmailVerified: z.boolean(), isDomainTrusted: z.boolean(), name: orEmpty(name), mayCreate: z.boolean() },
    ...{ role: orEmpty(federatedRole), clientAddress, provisionedBy: orEmpty(idInput) },
  },
  followFederatedRole: {
    ...{ tenantId: idInput, userId: idInput, connectionId: idInput, clientAddress },
    ...{ role: orEmpty(federatedRole), defaultRole: orEmpty(federatedRole) },
  },
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
      const tenantId = request.tenantId || currentContext()?.caller?.tenantId;
      return create(UserSchema, toUserMessage(await ops.createUser({ ...request, tenantId, actorId: actorId() })));
    },
    async getUser({ userId, tenantId }) {
      return create(UserSchema, toUserMessage(await ops.getUser({ userId, tenantId: tenantId || undefined })));
    },
    async updateUser({ tenantId, status, expectedVersion: version, ...request }) {
      const change = { ...toReference(tenantId, version), ...request, status: fromStatusMessage(status) };
      return create(UserSchema, toUserMessage(await ops.updateUser(change)));
    },
    async deleteUser({ tenantId, expectedVersion: version, ...request }) {
      await ops.deleteUser({ ...toReference(tenantId, version), ...request });
      return {};
    },
    async listUsers(request) {
      const [page, pageSize] = [request.page || 1, request.pageSize || 50];
      const { filter, tenantId } = request;
      const wanted = { page, pageSize, filter, tenantId: tenantId || undefined };
      const { users, totalCount } = await ops.listUsersByPage(wanted);
      return create(ListUsersResponseSchema, { users: users.map(toUserMessage), totalCount, page, pageSize });
    },
    async setUserStatus({ tenantId, status, ...request }) {
      const change = { ...toReference(tenantId, 0n), ...request, status: fromStatusMessage(status) };
      return create(UserSchema, toUserMessage(await ops.updateUser(change)));
    },
    signIn: (request) => ops.signIn(request),
    setPassword: (request) => ops.setPassword({ ...request, actorId: actorId() }),
    async ensureFederatedUser(request) {
      const { user, isNew } = await ops.ensureFederatedUser(request);
      return { user: toUserMessage(user), isNew };
    },
    async followFederatedRole(request) {
      return { user: toUserMessage(await ops.followFederatedRole(request)) };
    },
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

/** A person is changed within what the caller may do; where there is none, it is the platform itself. */
function toReference(tenantId: string, expectedVersion: bigint) {
  return {
    tenantId: tenantId || undefined,
    expectedVersion: expectedVersion === 0n ? undefined : Number(expectedVersion),
    actor: currentContext()?.caller,
  };
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
