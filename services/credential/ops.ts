import type { CredentialDeps } from "./deps.ts";
import { type CreateCredentialInput, createCredential } from "./ops/create-credential.ts";
import { type CredentialReference, getCredential } from "./ops/get-credential.ts";
import { type ListCredentialsInput, listCredentials } from "./ops/list-credentials.ts";
import { getReEncryption, reEncrypt, retireDataKeys } from "./ops/re-encrypt.ts";
import { type RevealCredentialInput, revealCredential } from "./ops/reveal-credential.ts";
import { revokeCredential } from "./ops/revoke-credential.ts";
import { type RotateCredentialInput, rotateCredential } from "./ops/rotate-credential.ts";

/** Binds the operations on credentials to what they need. */
export function createCredentialOps(deps: CredentialDeps) {
  return {
    createCredential: (input: CreateCredentialInput) => createCredential(deps, input),
    rotateCredential: (input: RotateCredentialInput) => rotateCredential(deps, input),
    revokeCredential: (input: CredentialReference) => revokeCredential(deps, input),
    getCredential: (input: CredentialReference) => getCredential(deps, input),
    listCredentials: (input: ListCredentialsInput) => listCredentials(deps, input),
    retireDataKeys: () => retireDataKeys(deps),
    getReEncryption: () => getReEncryption(deps),
    reEncrypt: (signal?: AbortSignal) => reEncrypt(deps, signal),
    revealCredential: (input: RevealCredentialInput) => revealCredential(deps, input),
  };
}

export type CredentialOps = ReturnType<typeof createCredentialOps>;
