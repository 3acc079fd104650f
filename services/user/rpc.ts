import { create } from "@bufbuild/protobuf";
import { UserSchema, UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, optionalIdInput } from "@lyss/kit/rpc/field-inputs.ts";
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
} satisfies MethodInputs<typeof UserService>;

/** UserService on the operations. */
export function createUserRpc(ops: UserOps): CheckedRpc<typeof UserService> {
  return createRpc(UserService, inputs, {
    createUser: async (request) => create(UserSchema, toUserMessage(await ops.createUser(request))),
    async getUser({ userId, tenantId }) {
      return create(UserSchema, toUserMessage(await ops.getUser({ userId, tenantId: tenantId || undefined })));
    },
    signIn: (request) => ops.signIn(request),
    setPassword: (request) => ops.setPassword(request),
  });
}
