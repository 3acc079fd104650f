import type { Tx } from "@lyss/kit/db/database.ts";
import type { UserDeps } from "./deps.ts";
import type { SignOnRule } from "./federation-store.ts";
import type { ErasedPart } from "./model.ts";
import { auditKeyAct, type KeyAct } from "./ops/audit-key-act.ts";
import { type CreateUserInput, createUser } from "./ops/create-user.ts";
import { type DeleteUserInput, deleteUser } from "./ops/delete-user.ts";
import { type EnsureFederatedUserInput, ensureFederatedUser } from "./ops/ensure-federated-user.ts";
import { flushRefusedSignIns } from "./ops/flush-refused-sign-ins.ts";
import { getErasure } from "./ops/get-erasure.ts";
import { type GetUserInput, getUser } from "./ops/get-user.ts";
import { type AuditReference, type ListUserAuditInput, listUserAudit } from "./ops/list-user-audit.ts";
import { type ListUsersInput, listUsers } from "./ops/list-users.ts";
import { type ListUsersByPageInput, listUsersByPage } from "./ops/list-users-by-page.ts";
import { type RefreshInput, refresh } from "./ops/refresh.ts";
import { type SetPasswordInput, setPassword } from "./ops/set-password.ts";
import { type SignInInput, signIn } from "./ops/sign-in.ts";
import { type UpdateUserInput, updateUser } from "./ops/update-user.ts";
import { verifyUserAudit } from "./ops/verify-user-audit.ts";

/** Binds the operations on people to what they need. */
export function createUserOps(deps: UserDeps) {
  return {
    createUser: (input: CreateUserInput) => createUser(deps, input),
    getUser: (input: GetUserInput) => getUser(deps, input),
    listUsers: (input: ListUsersInput) => listUsers(deps, input),
    listUsersByPage: (input: ListUsersByPageInput) => listUsersByPage(deps, input),
    updateUser: (input: UpdateUserInput) => updateUser(deps, input),
    deleteUser: (input: DeleteUserInput) => deleteUser(deps, input),
    ensureFederatedUser: (input: EnsureFederatedUserInput) => ensureFederatedUser(deps, input),
    followSignOnRule: (tx: Tx, rule: SignOnRule) => deps.federation.upsertRule(tx, rule),
    getErasure: (input: { readonly userId: string; readonly tenantId: string | undefined }) => getErasure(deps, input),
    /** A repeat is safe. */
    noteErased: (tx: Tx, userId: string, part: ErasedPart) => deps.people.insertErasedPart(tx, userId, part),
    signIn: (input: SignInInput) => signIn(deps, input),
    refresh: (input: RefreshInput) => refresh(deps, input),
    setPassword: (input: SetPasswordInput) => setPassword(deps, input),
    listUserAudit: (input: ListUserAuditInput) => listUserAudit(deps, input),
    verifyUserAudit: (input: AuditReference) => verifyUserAudit(deps, input),
    auditKeyAct: (tx: Tx, act: KeyAct) => auditKeyAct(deps, tx, act),
    flushRefusedSignIns: () => flushRefusedSignIns(deps),
    sweepFailures: () => deps.guard.sweep(),
  };
}

export type UserOps = ReturnType<typeof createUserOps>;
