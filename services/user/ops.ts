import type { ExportedPerson } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { deleteExpired } from "@lyss/kit/db/delete-expired.ts";
import type { PersonReference } from "./change-person.ts";
import type { UserDeps } from "./deps.ts";
import { endOtherSessions } from "./end-sessions.ts";
import { downloadExport } from "./exports/download-export.ts";
import type { ExportPart } from "./exports/export-model.ts";
import { exportPerson } from "./exports/export-person.ts";
import { getExport } from "./exports/get-export.ts";
import { noteExported } from "./exports/note-exported.ts";
import { type RequestExportInput, requestExport } from "./exports/request-export.ts";
import type { SignOnRule } from "./federation-store.ts";
import type { ErasedPart } from "./model.ts";
import { type AcceptInvitationInput, acceptInvitation } from "./ops/accept-invitation.ts";
import { alertBudget, type BudgetAlert } from "./ops/alert-budget.ts";
import { type AuthAct, auditAuthAct } from "./ops/audit-auth-act.ts";
import { auditKeyAct, type KeyAct } from "./ops/audit-key-act.ts";
import { removeAvatar, type SetAvatarInput, setAvatar } from "./ops/change-avatar.ts";
import { type ChangeEmailInput, changeEmail } from "./ops/change-email.ts";
import { type ChangePasswordInput, changePassword } from "./ops/change-password.ts";
import { confirmEmail } from "./ops/confirm-email.ts";
import { type ConfirmRegistrationInput, confirmRegistration } from "./ops/confirm-registration.ts";
import { type CreateClientTokenInput, createClientToken } from "./ops/create-client-token.ts";
import { type CreateInvitationInput, createInvitation } from "./ops/create-invitation.ts";
import { type CreateUserInput, createUser } from "./ops/create-user.ts";
import { type DeleteUserInput, deleteUser } from "./ops/delete-user.ts";
import { type EnsureFederatedUserInput, ensureFederatedUser } from "./ops/ensure-federated-user.ts";
import { flushRefusedSignIns } from "./ops/flush-refused-sign-ins.ts";
import { type FollowFederatedRoleInput, followFederatedRole } from "./ops/follow-federated-role.ts";
import { getAvatar } from "./ops/get-avatar.ts";
import { getErasure } from "./ops/get-erasure.ts";
import { getProfile, type ProfileReference } from "./ops/get-profile.ts";
import { type GetQuotaInput, getQuota } from "./ops/get-quota.ts";
import { getStats } from "./ops/get-stats.ts";
import { type GetUserInput, getUser } from "./ops/get-user.ts";
import { type ImpersonateUserInput, impersonateUser } from "./ops/impersonate-user.ts";
import { type ListTenantMembersInput, listTenantMembers } from "./ops/list-tenant-members.ts";
import { type AuditReference, type ListUserAuditInput, listUserAudit } from "./ops/list-user-audit.ts";
import { type ListUsersInput, listUsers } from "./ops/list-users.ts";
import { type ListUsersByPageInput, listUsersByPage } from "./ops/list-users-by-page.ts";
import {
  type InvitationReference,
  listInvitations,
  resendInvitation,
  revokeInvitation,
} from "./ops/manage-invitation.ts";
import { type RefreshInput, refresh } from "./ops/refresh.ts";
import { type RegisterInput, register } from "./ops/register.ts";
import { requestEmailVerification } from "./ops/request-email-verification.ts";
import { type RequestPasswordResetInput, requestPasswordReset } from "./ops/request-password-reset.ts";
import { type ResetFactorsInput, resetFactors } from "./ops/reset-factors.ts";
import { type ResetPasswordInput, resetPassword } from "./ops/reset-password.ts";
import { type SetPasswordInput, setPassword } from "./ops/set-password.ts";
import { type SignInInput, signIn } from "./ops/sign-in.ts";
import { type StepUpByPasswordInput, stepUpByPassword } from "./ops/step-up-by-password.ts";
import { type UpdateProfileInput, updateProfile } from "./ops/update-profile.ts";
import { type UpdateUserInput, updateUser } from "./ops/update-user.ts";
import { verifyUserAudit } from "./ops/verify-user-audit.ts";
import { createRegistrationSteps } from "./registration-steps.ts";

/** Binds the operations on people to what they need. */
export function createUserOps(deps: UserDeps) {
  return {
    createUser: (input: CreateUserInput) => createUser(deps, input),
    getUser: (input: GetUserInput) => getUser(deps, input),
    listTenantMembers: (input: ListTenantMembersInput) => listTenantMembers(deps, input),
    listUsers: (input: ListUsersInput) => listUsers(deps, input),
    listUsersByPage: (input: ListUsersByPageInput) => listUsersByPage(deps, input),
    getStats: () => getStats(deps),
    updateUser: (input: UpdateUserInput) => updateUser(deps, input),
    deleteUser: (input: DeleteUserInput) => deleteUser(deps, input),
    getProfile: (input: ProfileReference) => getProfile(deps, input),
    updateProfile: (input: UpdateProfileInput) => updateProfile(deps, input),
    getAvatar: (input: ProfileReference) => getAvatar(deps, input),
    setAvatar: (input: SetAvatarInput) => setAvatar(deps, input),
    removeAvatar: (input: PersonReference) => removeAvatar(deps, input),
    getQuota: (input: GetQuotaInput) => getQuota(deps, input),
    alertBudget: (tx: Tx, alert: BudgetAlert) => alertBudget(deps, tx, alert),
    ensureFederatedUser: (input: EnsureFederatedUserInput) => ensureFederatedUser(deps, input),
    followFederatedRole: (input: FollowFederatedRoleInput) => followFederatedRole(deps, input),
    followSignOnRule: (tx: Tx, rule: SignOnRule) => deps.federation.upsertRule(tx, rule),
    getErasure: (input: { readonly userId: string; readonly tenantId: string | undefined }) => getErasure(deps, input),
    /** A repeat is safe. */
    noteErased: (tx: Tx, userId: string, part: ErasedPart) => deps.people.insertErasedPart(tx, userId, part),
    resetFactors: (input: ResetFactorsInput) => resetFactors(deps, input),
    requestExport: (input: RequestExportInput) => requestExport(deps, input),
    getExport: (input: PersonReference) => getExport(deps, input),
    downloadExport: (input: RequestExportInput) => downloadExport(deps, input),
    noteExported: (tx: Tx, exportId: string, part: Omit<ExportPart, "receivedAt">) =>
      noteExported(deps, tx, exportId, part),
    exportPerson: (tx: Tx, person: ExportedPerson) => exportPerson(deps, tx, person),
    impersonateUser: (input: ImpersonateUserInput) => impersonateUser(deps, input),
    signIn: (input: SignInInput) => signIn(deps, input),
    createClientToken: (input: CreateClientTokenInput) => createClientToken(deps, input),
    refresh: (input: RefreshInput) => refresh(deps, input),
    stepUpByPassword: (input: StepUpByPasswordInput) => stepUpByPassword(deps, input),
    setPassword: (input: SetPasswordInput) => setPassword(deps, input),
    requestPasswordReset: (input: RequestPasswordResetInput) => requestPasswordReset(deps, input),
    resetPassword: (input: ResetPasswordInput) => resetPassword(deps, input),
    changePassword: (input: ChangePasswordInput) => changePassword(deps, input),
    changeEmail: (input: ChangeEmailInput) => changeEmail(deps, input),
    confirmEmail: (input: Parameters<typeof confirmEmail>[1]) => confirmEmail(deps, input),
    requestEmailVerification: (input: Parameters<typeof requestEmailVerification>[1]) =>
      requestEmailVerification(deps, input),
    register: (input: RegisterInput) => register(deps, input),
    confirmRegistration: (input: ConfirmRegistrationInput) => confirmRegistration(deps, input),
    createInvitation: (input: CreateInvitationInput) => createInvitation(deps, input),
    listInvitations: (input: Parameters<typeof listInvitations>[1]) => listInvitations(deps, input),
    revokeInvitation: (input: InvitationReference) => revokeInvitation(deps, input),
    resendInvitation: (input: Parameters<typeof resendInvitation>[1]) => resendInvitation(deps, input),
    acceptInvitation: (input: AcceptInvitationInput) => acceptInvitation(deps, input),
    /** For the saga. */
    registration: createRegistrationSteps(deps),
    listUserAudit: (input: ListUserAuditInput) => listUserAudit(deps, input),
    verifyUserAudit: (input: AuditReference) => verifyUserAudit(deps, input),
    auditAuthAct: (tx: Tx, act: AuthAct) => auditAuthAct(deps, tx, act),
    auditKeyAct: (tx: Tx, act: KeyAct) => auditKeyAct(deps, tx, act),
    flushRefusedSignIns: () => flushRefusedSignIns(deps),
    /** Tells auth again of sessions that were to end while it was away. */
    flushSessionEnds: () => endOtherSessions.flush(deps),
    async sweepAccounts(): Promise<void> {
      const expired = { now: new Date(deps.clock.nowMs()), limit: 10_000 };
      await deleteExpired(deps.db, "account_token", expired);
      await deleteExpired(deps.db, "mail_request", expired);
      await deleteExpired(deps.db, "person_export", expired);
      // One that is under way ends before: it has been confirmed, and takes two minutes at most.
      await deleteExpired(deps.db, "registration", { ...expired, now: new Date(deps.clock.nowMs() - 3_600_000) });
    },
    sweepFailures: () => deps.guard.sweep(),
  };
}

export type UserOps = ReturnType<typeof createUserOps>;
