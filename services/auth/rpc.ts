import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import type { AuthService, Grantor as GrantorMessage } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { currentContext } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { z } from "zod";
import { toKeyMessage, toVerdictMessage } from "./messages.ts";
import { type Grantor, type Key, keyFields } from "./model.ts";
import type { AuthOps } from "./ops.ts";

const newKey = z.object({
  tenantId: z.string().min(1).max(64),
  userId: z.string().max(64),
  name: keyFields.name,
  permissions: keyFields.permissions,
  models: keyFields.models,
});
const grace = z.object({ graceSeconds: keyFields.graceSeconds });

/** AuthService on the operations. */
export function createAuthRpc(ops: AuthOps, clock: Clock): ServiceImpl<typeof AuthService> {
  const toMessage = (key: Key) => toKeyMessage(key, clock.nowMs());
  return {
    issueToken: (request) => ops.issueToken(request),
    async getJwks() {
      const { keys, issuer, audience } = ops.getJwks();
      return { keys: [...keys], issuer, audience };
    },
    async createKey(request) {
      const expiresAt = request.expiresAt ? timestampDate(request.expiresAt) : null;
      const grantor = toGrantor(request.grantor);
      const { key, secret } = await ops.createKey({ ...parseInput(newKey, request), expiresAt, grantor });
      return { key: toMessage(key), secret: secret.reveal() };
    },
    getKey: async (request) => ({ key: toMessage(await ops.getKey(toReference(request))) }),
    async listKeys({ tenantId, userId, ...request }) {
      const page = await ops.listKeys({ tenantId, userId: userId || undefined, ...fromPageRequest(request) });
      return { keys: page.rows.map(toMessage), nextCursor: page.nextCursor ?? "" };
    },
    async revokeKey(request) {
      const author = { userId: currentContext()?.caller?.userId ?? "", clientAddress: "" };
      return { key: toMessage(await ops.revokeKey({ ...toReference(request), author })) };
    },
    async rotateKey(request) {
      const { graceSeconds } = parseInput(grace, request);
      const grantor = toGrantor(request.grantor);
      const { key, secret } = await ops.rotateKey({ ...toReference(request), graceSeconds, grantor });
      return { key: toMessage(key), secret: secret.reveal() };
    },
    verifyKey: async ({ secret }) => ({
      result: toVerdictMessage(await ops.verifyKey({ secret: new Secret(secret) })),
    }),
  };
}

function toReference({ tenantId, keyId, userId }: { tenantId: string; keyId: string; userId: string }) {
  return { tenantId, keyId, userId: userId || undefined };
}

/** A grantor that is left out holds nothing. */
function toGrantor(grantor: GrantorMessage | undefined): Grantor {
  return grantor ?? { userId: "", permissions: [], models: [] };
}
