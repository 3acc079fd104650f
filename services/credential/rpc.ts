import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import { type CredentialService, CredentialStatus } from "@lyss/contracts/gen/lyss/credential/v1/credential_pb.js";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { z } from "zod";
import { type Credential, credentialFields } from "./model.ts";
import type { CredentialOps } from "./ops.ts";

const tenantId = z.string().min(1).max(64);
const newCredential = z.object({ tenantId, ...credentialFields });
const newSecret = z.object({ tenantId, credentialId: z.string(), secret: credentialFields.secret });

/** CredentialService on the operations. */
export function createCredentialRpc(ops: CredentialOps): ServiceImpl<typeof CredentialService> {
  return {
    createCredential: async (request) => ({
      credential: toMessage(await ops.createCredential(parseInput(newCredential, request))),
    }),
    rotateCredential: async (request) => ({
      credential: toMessage(await ops.rotateCredential(parseInput(newSecret, request))),
    }),
    revokeCredential: async (request) => ({ credential: toMessage(await ops.revokeCredential(request)) }),
    getCredential: async (request) => ({ credential: toMessage(await ops.getCredential(request)) }),
    async listCredentials(request) {
      const page = await ops.listCredentials({ tenantId: request.tenantId, ...fromPageRequest(request) });
      return { credentials: page.rows.map(toMessage), nextCursor: page.nextCursor ?? "" };
    },
    async revealCredential(request) {
      const { secret, version } = await ops.revealCredential(request);
      return { secret: secret.reveal(), version };
    },
  };
}

function toMessage(credential: Credential) {
  const { credentialId, tenantId, name, version, fingerprint, lastFour, allowedOrigins } = credential;
  return {
    ...{ credentialId, tenantId, name, version, fingerprint, lastFour, allowedOrigins: [...allowedOrigins] },
    status: credential.revokedAt ? CredentialStatus.REVOKED : CredentialStatus.ACTIVE,
    createdAt: timestampFromDate(credential.createdAt),
    updatedAt: timestampFromDate(credential.updatedAt),
  };
}
