import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { CredentialService, CredentialStatus } from "@lyss/contracts/gen/lyss/credential/v1/credential_pb.js";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, pageInputs } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import { type Credential, credentialFields } from "./model.ts";
import type { CredentialOps } from "./ops.ts";

const reference = { tenantId: idInput, credentialId: idInput };
const inputs = {
  createCredential: { tenantId: idInput, ...credentialFields },
  rotateCredential: { ...reference, secret: credentialFields.secret },
  revokeCredential: reference,
  getCredential: reference,
  listCredentials: { tenantId: idInput, ...pageInputs },
  revealCredential: { credentialId: idInput, origin: z.string().min(1).max(300) },
} satisfies MethodInputs<typeof CredentialService>;

/** CredentialService on the operations. */
export function createCredentialRpc(ops: CredentialOps): CheckedRpc<typeof CredentialService> {
  return createRpc(CredentialService, inputs, {
    createCredential: async (request) => ({
      credential: toMessage(await ops.createCredential(request)),
    }),
    rotateCredential: async (request) => ({
      credential: toMessage(await ops.rotateCredential(request)),
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
  });
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
