import { create } from "@bufbuild/protobuf";
import type { ServiceImpl } from "@connectrpc/connect";
import { UserSchema, type UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
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
      return create(UserSchema, toUserMessage(await ops.createUser(parseInput(newUser, { ...request, role }))));
    },
    async getUser({ userId, tenantId }) {
      return create(UserSchema, toUserMessage(await ops.getUser({ userId, tenantId: tenantId || undefined })));
    },
    signIn: (request) => ops.signIn(parseInput(attempt, request)),
    setPassword: (request) => ops.setPassword(parseInput(newPassword, request)),
  };
}
