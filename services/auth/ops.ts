import type { ExportedPerson } from "@lyss/contracts/events/answer-export.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { createClientOps } from "./clients/client-ops.ts";
import type { AuthDeps } from "./deps.ts";
import { createFactorOps } from "./factors/factor-ops.ts";
import { type ChangeLimitsInput, changeLimits } from "./limits/change-limits.ts";
import { type GetLimitsInput, getLimits } from "./limits/get-limits.ts";
import { type NoteLimitReachedInput, noteLimitReached } from "./limits/note-limit-reached.ts";
import { type CheckPermissionInput, checkPermission } from "./ops/check-permission.ts";
import { checkSession } from "./ops/check-session.ts";
import { countAccess } from "./ops/count-access.ts";
import { type CreateEphemeralKeyInput, createEphemeralKey } from "./ops/create-ephemeral-key.ts";
import { type CreateKeyInput, createKey } from "./ops/create-key.ts";
import { type CreateResourceTokenInput, createResourceToken } from "./ops/create-resource-token.ts";
import { type EndSessionsInput, endSessions } from "./ops/end-sessions.ts";
import { erasePerson } from "./ops/erase-person.ts";
import { exportPerson } from "./ops/export-person.ts";
import { flushLastSeen } from "./ops/flush-last-seen.ts";
import { flushLastUsed } from "./ops/flush-last-used.ts";
import { followGroup, followPolicy, type GroupFact } from "./ops/follow-group.ts";
import { getJwks } from "./ops/get-jwks.ts";
import { getKey, type KeyReference } from "./ops/get-key.ts";
import { getServerMetadata } from "./ops/get-server-metadata.ts";
import { type ListKeysInput, listKeys } from "./ops/list-keys.ts";
import { type ListSessionsInput, listSessions } from "./ops/list-sessions.ts";
import { readToken } from "./ops/read-token.ts";
import { type RefreshSessionInput, refreshSession } from "./ops/refresh-session.ts";
import { type ReportLeakedKeysInput, reportLeakedKeys } from "./ops/report-leaked-keys.ts";
import { type RequirePersonInput, requirePerson } from "./ops/require-person.ts";
import { type RevokeKeyInput, revokeKey } from "./ops/revoke-key.ts";
import { type RevokeTokenInput, revokeToken } from "./ops/revoke-token.ts";
import { type RotateKeyInput, rotateKey } from "./ops/rotate-key.ts";
import { setPrincipal, setPrincipalIn } from "./ops/set-principal.ts";
import { type StartImpersonationInput, startImpersonation } from "./ops/start-impersonation.ts";
import { type StartSessionInput, startSession } from "./ops/start-session.ts";
import { sweepSessions } from "./ops/sweep-sessions.ts";
import { type UpdateKeyInput, updateKey } from "./ops/update-key.ts";
import { verifyKey } from "./ops/verify-key.ts";
import { createRoleOps } from "./roles/role-ops.ts";
import type { Principal } from "./session-model.ts";

/** Binds the operations on sessions, keys and tokens to what they need. */
export function createAuthOps(deps: AuthDeps) {
  return {
    checkPermission: (input: CheckPermissionInput) => checkPermission(deps, input),
    followGroup: (tx: Tx, fact: GroupFact) => followGroup(deps, tx, fact),
    followPolicy: (tx: Tx, input: Parameters<typeof followPolicy>[2]) => followPolicy(deps, tx, input),
    changeLimits: (input: ChangeLimitsInput) => changeLimits(deps, input),
    noteLimitReached: (input: NoteLimitReachedInput) => noteLimitReached(deps, input),
    getLimits: (input: GetLimitsInput) => getLimits(deps, input),
    ...createFactorOps(deps),
    ...createClientOps(deps),
    ...createRoleOps(deps),
    startSession: (input: StartSessionInput) => startSession(deps, input),
    startImpersonation: (input: StartImpersonationInput) => startImpersonation(deps, input),
    refreshSession: (input: RefreshSessionInput) => refreshSession(deps, input),
    checkSession: (input: { sessionId: string }) => checkSession(deps, input),
    createResourceToken: (input: CreateResourceTokenInput) => createResourceToken(deps, input),
    endSessions: (input: EndSessionsInput) => endSessions(deps, input),
    erasePerson: (tx: Tx, person: { readonly tenantId: string; readonly userId: string }) =>
      erasePerson(deps, tx, person),
    exportPerson: (tx: Tx, person: ExportedPerson) => exportPerson(deps, tx, person),
    setPrincipal: (input: Principal) => setPrincipal(deps, input),
    setPrincipalIn: (tx: Tx, input: Principal) => setPrincipalIn(deps, tx, input),
    listSessions: (input: ListSessionsInput) => listSessions(deps, input),
    readToken: (input: { token: Secret }) => readToken(deps, input),
    revokeToken: (input: RevokeTokenInput) => revokeToken(deps, input),
    countAccess: () => countAccess(deps),
    keepSigningKeys: () => deps.signingKeys.keep(),
    sweepSessions: () => sweepSessions(deps),
    flushLastSeen: () => flushLastSeen(deps),
    getServerMetadata: () => getServerMetadata(deps),
    getJwks: () => getJwks(deps),
    createKey: (input: CreateKeyInput) => createKey(deps, input),
    requirePerson: (input: RequirePersonInput) => requirePerson(deps, input),
    getKey: (input: KeyReference) => getKey(deps, input),
    listKeys: (input: ListKeysInput) => listKeys(deps, input),
    revokeKey: (input: RevokeKeyInput) => revokeKey(deps, input),
    rotateKey: (input: RotateKeyInput) => rotateKey(deps, input),
    updateKey: (input: UpdateKeyInput) => updateKey(deps, input),
    reportLeakedKeys: (input: ReportLeakedKeysInput) => reportLeakedKeys(deps, input),
    createEphemeralKey: (input: CreateEphemeralKeyInput) => createEphemeralKey(deps, input),
    verifyKey: (input: { secret: Secret }) => verifyKey(deps, input),
    flushLastUsed: () => flushLastUsed(deps),
  };
}

export type AuthOps = ReturnType<typeof createAuthOps>;
