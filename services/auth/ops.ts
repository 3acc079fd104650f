import type { Secret } from "@lyss/kit/config/secret.ts";
import type { AuthDeps } from "./deps.ts";
import { type CreateKeyInput, createKey } from "./ops/create-key.ts";
import { flushLastUsed } from "./ops/flush-last-used.ts";
import { getJwks } from "./ops/get-jwks.ts";
import { getKey, type KeyReference } from "./ops/get-key.ts";
import { type IssueTokenInput, issueToken } from "./ops/issue-token.ts";
import { type ListKeysInput, listKeys } from "./ops/list-keys.ts";
import { type ReportLeakedKeysInput, reportLeakedKeys } from "./ops/report-leaked-keys.ts";
import { type RevokeKeyInput, revokeKey } from "./ops/revoke-key.ts";
import { type RotateKeyInput, rotateKey } from "./ops/rotate-key.ts";
import { type UpdateKeyInput, updateKey } from "./ops/update-key.ts";
import { verifyKey } from "./ops/verify-key.ts";

/** Binds the operations on keys and tokens to what they need. */
export function createAuthOps(deps: AuthDeps) {
  return {
    issueToken: (input: IssueTokenInput) => issueToken(deps, input),
    getJwks: () => getJwks(deps),
    createKey: (input: CreateKeyInput) => createKey(deps, input),
    getKey: (input: KeyReference) => getKey(deps, input),
    listKeys: (input: ListKeysInput) => listKeys(deps, input),
    revokeKey: (input: RevokeKeyInput) => revokeKey(deps, input),
    rotateKey: (input: RotateKeyInput) => rotateKey(deps, input),
    updateKey: (input: UpdateKeyInput) => updateKey(deps, input),
    reportLeakedKeys: (input: ReportLeakedKeysInput) => reportLeakedKeys(deps, input),
    verifyKey: (input: { secret: Secret }) => verifyKey(deps, input),
    flushLastUsed: () => flushLastUsed(deps),
  };
}

export type AuthOps = ReturnType<typeof createAuthOps>;
