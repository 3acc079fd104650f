import type { CredentialDeps } from "./deps.ts";
import { type CreateCredentialInput, createCredential } from "./ops/create-credential.ts";
import { getCredential } from "./ops/get-credential.ts";
import { listCredentials } from "./ops/list-credentials.ts";
import { revealCredential } from "./ops/reveal-credential.ts";
import { revokeCredential } from "./ops/revoke-credential.ts";
import { type RotateCredentialInput, rotateCredential } from "./ops/rotate-credential.ts";

/** Binds the operations on credentials to what they need. */
export function createCredentialOps(deps: CredentialDeps) {
  return {
    createCredential: (input: CreateCredentialInput) => createCredential(deps, input),
    rotateCredential: (input: RotateCredentialInput) => rotateCredential(deps, input),
    revokeCredential: (input: Parameters<typeof revokeCredential>[1]) => revokeCredential(deps, input),
    getCredential: (input: Parameters<typeof getCredential>[1]) => getCredential(deps, input),
    listCredentials: (input: Parameters<typeof listCredentials>[1]) => listCredentials(deps, input),
    revealCredential: (input: Parameters<typeof revealCredential>[1]) => revealCredential(deps, input),
  };
}

export type CredentialOps = ReturnType<typeof createCredentialOps>;
