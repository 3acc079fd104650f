import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  agentCalled,
  agentChanged,
  cachePolicyChanged,
  callDefaultsChanged,
  exportChanged,
  guardrailChanged,
  mcpServerChanged,
  mcpToolCalled,
  modelLimitChanged,
  promptChanged,
  providerChanged,
  requestBodyPolicyChanged,
  requestBodyRead,
  requestBodyRemoved,
  resilienceOrdered,
  routeChanged,
} from "@lyss/contracts/events/ai-gateway.ts";
import { auditChainBroken } from "@lyss/contracts/events/audit.ts";
import {
  groupLimitsChanged,
  impersonationStarted,
  keyCreated,
  keyRevoked,
  keyUpdated,
  roleCreated,
  roleRemoved,
  roleUpdated,
  serviceClientCreated,
  serviceClientRemoved,
  serviceClientUpdated,
  sessionEnded,
  sessionStarted,
  userLimitsChanged,
} from "@lyss/contracts/events/auth.ts";
import {
  factorAdded,
  factorLocked,
  factorRemoved,
  recoveryCodesCreated,
  recoveryCodeUsed,
} from "@lyss/contracts/events/auth-factors.ts";
import {
  chargeBackRecorded,
  codeRedeemed,
  creditGranted,
  creditLimitChanged,
  integrityFailed,
  pricesChanged,
  refundCompleted,
  refundFailed,
  topUpCompleted,
  walletAdjusted,
} from "@lyss/contracts/events/billing.ts";
import { credentialCreated, credentialRevoked, credentialRotated } from "@lyss/contracts/events/credential.ts";
import { webhookChanged } from "@lyss/contracts/events/event.ts";
import {
  groupArchived,
  groupCreated,
  groupMemberAdded,
  groupMemberRemoved,
  groupMemberRoleChanged,
  groupMoved,
  groupPermissionsChanged,
  groupUpdated,
} from "@lyss/contracts/events/group.ts";
import {
  ssoClientCreated,
  ssoClientDeleted,
  ssoClientUpdated,
  ssoConnectionCreated,
  ssoConnectionDeleted,
  ssoConnectionUpdated,
  ssoConsentGiven,
  ssoScimGroupCreated,
  ssoScimGroupDeleted,
  ssoScimGroupUpdated,
  ssoScimTokenCreated,
  ssoScimTokenRevoked,
  ssoScimUserCreated,
  ssoScimUserDeleted,
  ssoScimUserUpdated,
} from "@lyss/contracts/events/sso.ts";
import {
  dataPolicyChanged,
  tenantCreated,
  tenantDomainAdded,
  tenantDomainRemoved,
  tenantDomainVerified,
  tenantReactivated,
  tenantSuspended,
  tenantUpdated,
} from "@lyss/contracts/events/tenant.ts";
import { userAudit, userFederated } from "@lyss/contracts/events/user.ts";
import type { EventType } from "@lyss/kit/events/event.ts";

/** How an event becomes an entry: which of its fields say what. */
export interface AuditRule {
  readonly event: EventType;
  readonly act: string;
  readonly tenant: string | undefined;
  readonly actor: string | undefined;
  readonly address: string | undefined;
  readonly happenedAt: string | undefined;
  readonly subject: { readonly kind: string; readonly field: string | undefined };
  /** Fields that the entry repeats. Never a secret, never what names a person. */
  readonly details: readonly string[];
}

type FieldOf<Desc extends DescMessage> = Exclude<keyof MessageShape<Desc>, "$typeName" | "$unknown"> & string;

interface Fields<Desc extends DescMessage> {
  /** The event's type when left out. */
  readonly act?: string;
  /** What it was done to, and the field with its id. */
  readonly subject: readonly [kind: string, field?: FieldOf<Desc>];
  /** The platform's own when left out. */
  readonly tenant?: FieldOf<Desc>;
  readonly actor?: FieldOf<Desc>;
  readonly address?: FieldOf<Desc>;
  /** The event's own time when left out. */
  readonly happenedAt?: FieldOf<Desc>;
  readonly details?: readonly FieldOf<Desc>[];
}

function audited<Desc extends DescMessage>(event: EventType<Desc>, fields: Fields<Desc>): AuditRule {
  const { act = event.type, tenant, actor, address, happenedAt, subject, details = [] } = fields;
  const [kind, field] = subject;
  return { event, act, tenant, actor, address, happenedAt, subject: { kind, field }, details };
}

const ofTenant = { tenant: "tenantId" } as const;
const ofGroup = { ...ofTenant, subject: ["group", "groupId"] } as const;
const ofMember = { ...ofTenant, subject: ["user", "userId"] } as const;
const ofLimits = {
  ...ofTenant,
  actor: "changedBy",
  address: "clientAddress",
  happenedAt: "changedAt",
  details: ["limits", "limitsBefore"],
} as const;
const ofCredential = {
  ...ofTenant,
  actor: "actorId",
  subject: ["credential", "credentialId"],
  details: ["name"],
} as const;
const ofPerson = {
  ...ofTenant,
  subject: ["user", "userId"],
  actor: "actorId",
  address: "clientAddress",
  happenedAt: "happenedAt",
} as const;
/** Whoever shows wrong codes is not known to be the person. */
const byStranger = { ...ofTenant, subject: ["user", "userId"], address: "clientAddress" } as const;
const ofTenantItself = {
  ...ofTenant,
  actor: "actorId",
  address: "clientAddress",
  subject: ["tenant", "tenantId"],
} as const;
const ofDomain = { ...ofTenantItself, happenedAt: "changedAt", details: ["domain"] } as const;

const ofConnection = {
  ...ofTenant,
  subject: ["sso_connection", "connectionId"],
  actor: "actorId",
  address: "clientAddress",
} as const;
const ofChangedConnection = {
  ...ofConnection,
  details: ["name", "kind", "isEnabled", "isEnforced", "domains", "roles"],
} as const;

const ofClient = { ...ofTenant, subject: ["sso_client", "clientId"], address: "clientAddress" } as const;
const ofChangedClient = {
  ...ofClient,
  actor: "actorId",
  details: ["name", "isConfidential", "redirectUris", "scopes", "isRotated", "backchannelLogoutUri"],
} as const;
const ofServiceClient = {
  ...ofTenant,
  subject: ["service_client", "clientId"],
  address: "clientAddress",
} as const;
const ofRole = { ...ofTenant, subject: ["role", "name"], actor: "actorId", address: "clientAddress" } as const;
const ofScim = { ...ofTenant, actor: "actorId", address: "clientAddress", happenedAt: "changedAt" } as const;
const ofScimUser = {
  ...ofScim,
  subject: ["user", "userId"],
  details: ["connectionId", "resourceId", "isActive"],
} as const;
const ofScimGroup = { ...ofScim, subject: ["scim_group", "resourceId"], details: ["connectionId"] } as const;
const ofScimToken = {
  ...ofScim,
  subject: ["scim_token", "tokenId"],
  details: ["prefix", "connectionId", "expiresAt"],
} as const;

/** Every event that is about security, money that people move, or who may do what. */
export const auditRules: readonly AuditRule[] = [
  audited(userAudit.created, { ...ofPerson, act: "user.created" }),
  audited(userAudit.signInRefused, { ...ofPerson, act: "user.sign_in_refused" }),
  audited(userAudit.updated, { ...ofPerson, act: "user.updated" }),
  audited(userAudit.statusChanged, { ...ofPerson, act: "user.status_changed", details: ["detail"] }),
  audited(userAudit.roleChanged, { ...ofPerson, act: "user.role_changed", details: ["detail"] }),
  audited(userAudit.deleted, { ...ofPerson, act: "user.deleted" }),
  audited(userFederated, { ...ofPerson, happenedAt: "federatedAt", details: ["connectionId", "isNew"] }),
  audited(userAudit.passwordSet, { ...ofPerson, act: "user.password_set" }),
  audited(userAudit.passwordReset, { ...ofPerson, act: "user.password_reset" }),
  audited(userAudit.factorsReset, { ...ofPerson, act: "user.factors_reset", details: ["detail"] }),
  audited(userAudit.exportRequested, { ...ofPerson, act: "user.export_requested" }),
  audited(userAudit.exportDownloaded, { ...ofPerson, act: "user.export_downloaded" }),
  audited(userAudit.emailVerified, { ...ofPerson, act: "user.email_verified" }),
  audited(userAudit.emailChanged, { ...ofPerson, act: "user.email_changed" }),
  audited(factorAdded, { ...ofPerson, happenedAt: "addedAt", details: ["factorId", "kind"] }),
  audited(factorRemoved, { ...ofPerson, happenedAt: "removedAt", details: ["factorId", "kind"] }),
  audited(factorLocked, { ...byStranger, happenedAt: "lockedAt", details: ["failures"] }),
  audited(recoveryCodesCreated, { ...ofPerson, happenedAt: "createdAt" }),
  audited(recoveryCodeUsed, { ...byStranger, actor: "userId", happenedAt: "usedAt", details: ["remaining"] }),
  audited(keyCreated, {
    ...{ ...ofTenant, subject: ["key", "keyId"], actor: "createdBy", address: "clientAddress" },
    ...{ happenedAt: "createdAt", details: ["userId"] },
  }),
  audited(keyRevoked, {
    ...{ ...ofTenant, subject: ["key", "keyId"], actor: "revokedBy", address: "clientAddress" },
    details: ["userId", "reason", "effectiveAt"],
  }),
  audited(keyUpdated, {
    ...{ ...ofTenant, subject: ["key", "keyId"], actor: "updatedBy", address: "clientAddress" },
    ...{ happenedAt: "updatedAt", details: ["userId", "changedFields", "limits", "limitsBefore"] },
  }),
  audited(serviceClientCreated, {
    ...{ ...ofServiceClient, actor: "createdBy", happenedAt: "createdAt", details: ["name", "permissions"] },
  }),
  audited(serviceClientUpdated, {
    ...{ ...ofServiceClient, actor: "updatedBy", happenedAt: "updatedAt" },
    details: ["name", "permissions", "changedFields", "isDisabled"],
  }),
  audited(serviceClientRemoved, {
    ...{ ...ofServiceClient, actor: "removedBy", happenedAt: "removedAt", details: ["name"] },
  }),
  audited(roleCreated, { ...ofRole, happenedAt: "changedAt", details: ["title", "permissions"] }),
  audited(roleUpdated, { ...ofRole, happenedAt: "changedAt", details: ["title", "permissions", "changedFields"] }),
  audited(roleRemoved, { ...ofRole, happenedAt: "removedAt" }),
  audited(impersonationStarted, {
    ...{ ...ofMember, actor: "operatorId", address: "clientAddress", happenedAt: "startedAt" },
    details: ["sessionId", "reason", "expiresAt"],
  }),
  audited(sessionStarted, {
    // Whoever signs in, by whatever means, gets a session: that is the one entry of it.
    ...{ ...ofMember, act: "user.signed_in", actor: "userId", address: "clientAddress" },
    ...{ happenedAt: "startedAt", details: ["sessionId", "methods"] },
  }),
  audited(sessionEnded, {
    ...{ ...ofTenant, subject: ["session", "sessionId"], actor: "endedBy", address: "clientAddress" },
    ...{ happenedAt: "endedAt", details: ["userId", "reason"] },
  }),
  audited(tenantCreated, { ...ofTenantItself, happenedAt: "createdAt", details: ["name", "plan", "status"] }),
  audited(tenantUpdated, {
    ...{ ...ofTenantItself, happenedAt: "updatedAt", details: ["name", "plan", "status", "settings"] },
  }),
  audited(tenantSuspended, { ...ofTenantItself, happenedAt: "suspendedAt", details: ["reason"] }),
  audited(tenantReactivated, { ...ofTenantItself, happenedAt: "reactivatedAt" }),
  audited(tenantDomainAdded, { ...ofDomain }),
  audited(tenantDomainVerified, { ...ofDomain }),
  audited(tenantDomainRemoved, { ...ofDomain }),
  audited(ssoConnectionCreated, ofChangedConnection),
  audited(ssoConnectionUpdated, ofChangedConnection),
  audited(ssoConnectionDeleted, { ...ofConnection, happenedAt: "deletedAt" }),
  audited(ssoClientCreated, ofChangedClient),
  audited(ssoClientUpdated, ofChangedClient),
  audited(ssoClientDeleted, { ...ofClient, actor: "actorId", happenedAt: "deletedAt" }),
  audited(ssoConsentGiven, { ...ofClient, actor: "userId", happenedAt: "givenAt", details: ["scopes"] }),
  audited(ssoScimUserCreated, ofScimUser),
  audited(ssoScimUserUpdated, ofScimUser),
  audited(ssoScimUserDeleted, ofScimUser),
  audited(ssoScimGroupCreated, ofScimGroup),
  audited(ssoScimGroupUpdated, ofScimGroup),
  audited(ssoScimGroupDeleted, ofScimGroup),
  audited(ssoScimTokenCreated, ofScimToken),
  audited(ssoScimTokenRevoked, ofScimToken),
  audited(dataPolicyChanged, {
    ...{ ...ofTenantItself, happenedAt: "changedAt", details: ["retentionDays", "storeBodies", "redact"] },
  }),
  audited(groupCreated, { ...ofGroup, actor: "createdBy", happenedAt: "createdAt", details: ["name"] }),
  audited(groupUpdated, { ...ofGroup, actor: "updatedBy", happenedAt: "updatedAt", details: ["name"] }),
  audited(groupArchived, { ...ofGroup, actor: "archivedBy", happenedAt: "archivedAt" }),
  audited(groupMoved, {
    ...ofGroup,
    actor: "movedBy",
    happenedAt: "movedAt",
    details: ["parentId", "previousParentId"],
  }),
  audited(groupPermissionsChanged, {
    ...ofGroup,
    ...{ actor: "changedBy", happenedAt: "changedAt", details: ["permissions"] },
  }),
  audited(groupLimitsChanged, { subject: ["group", "subjectId"], ...ofLimits }),
  audited(userLimitsChanged, { subject: ["user", "subjectId"], ...ofLimits }),
  audited(groupMemberAdded, { ...ofMember, actor: "addedBy", happenedAt: "addedAt", details: ["groupId", "role"] }),
  audited(groupMemberRemoved, { ...ofMember, actor: "removedBy", happenedAt: "removedAt", details: ["groupId"] }),
  audited(groupMemberRoleChanged, {
    ...{ ...ofMember, actor: "changedBy", happenedAt: "changedAt", details: ["groupId", "role", "previousRole"] },
  }),
  audited(credentialCreated, { ...ofCredential }),
  audited(credentialRotated, { ...ofCredential, details: ["name", "version"] }),
  audited(credentialRevoked, { ...ofCredential }),
  audited(guardrailChanged, { ...ofTenant, actor: "actorId", subject: ["guardrail", "name"], details: ["version"] }),
  audited(promptChanged, { ...ofTenant, actor: "actorId", subject: ["prompt", "name"], details: ["version", "label"] }),
  audited(mcpServerChanged, { ...ofTenant, actor: "actorId", subject: ["mcp_server", "name"] }),
  audited(mcpToolCalled, {
    ...{ ...ofTenant, actor: "actorId", subject: ["tool", "tool"] },
    details: ["server", "method", "callId", "outcome", "failure", "keyId"],
  }),
  audited(agentChanged, { ...ofTenant, actor: "actorId", subject: ["agent", "name"] }),
  audited(agentCalled, {
    ...{ ...ofTenant, actor: "actorId", subject: ["agent", "agent"] },
    details: ["method", "taskId", "callId", "outcome", "failure", "keyId"],
  }),
  audited(routeChanged, { ...ofTenant, actor: "actorId", subject: ["route", "name"] }),
  audited(providerChanged, { ...ofTenant, actor: "actorId", subject: ["provider", "name"] }),
  audited(pricesChanged, { ...ofTenant, actor: "actorId", subject: ["prices"] }),
  audited(walletAdjusted, {
    ...{ ...ofTenant, subject: ["wallet", "walletId"] },
    details: ["adjustmentId", "currency", "amountNanos", "reason"],
  }),
  audited(creditLimitChanged, {
    ...{ ...ofTenant, subject: ["wallet", "walletId"] },
    details: ["currency", "limitNanos", "beforeNanos", "reason"],
  }),
  audited(creditGranted, {
    ...{ ...ofTenant, subject: ["wallet", "walletId"] },
    details: ["grantId", "currency", "amountNanos", "expiresAtMs"],
  }),
  audited(codeRedeemed, {
    ...{ ...ofTenant, subject: ["wallet", "walletId"] },
    details: ["redemptionId", "batchId", "currency", "amountNanos"],
  }),
  audited(topUpCompleted, {
    ...{ ...ofTenant, subject: ["order", "orderId"] },
    details: ["walletId", "provider", "currency", "amountNanos"],
  }),
  audited(refundCompleted, {
    ...{ ...ofTenant, subject: ["refund", "refundId"] },
    details: ["walletId", "currency", "amountNanos", "callId", "orderId"],
  }),
  audited(refundFailed, {
    ...{ ...ofTenant, subject: ["refund", "refundId"] },
    details: ["walletId", "currency", "amountNanos", "orderId"],
  }),
  audited(chargeBackRecorded, {
    ...{ ...ofTenant, subject: ["order", "orderId"] },
    details: ["reversalId", "walletId", "currency", "amountNanos", "isWon"],
  }),
  audited(integrityFailed, { subject: ["journal", "runId"], details: ["findingCount"] }),
  audited(callDefaultsChanged, { ...ofTenant, actor: "actorId", subject: ["call_defaults", "keyId"] }),
  audited(cachePolicyChanged, { ...ofTenant, actor: "actorId", subject: ["cache", "tenantId"] }),
  audited(exportChanged, { ...ofTenant, actor: "actorId", subject: ["export", "name"], details: ["change"] }),
  audited(webhookChanged, { ...ofTenant, actor: "actorId", subject: ["webhook", "name"], details: ["change"] }),
  audited(requestBodyPolicyChanged, {
    ...{ ...ofTenant, actor: "actorId", subject: ["request_body_policy", "tenantId"], details: ["change"] },
  }),
  audited(requestBodyRead, { ...ofTenant, actor: "actorId", subject: ["request_body", "callId"] }),
  audited(requestBodyRemoved, { ...ofTenant, actor: "actorId", subject: ["request_body", "callId"] }),
  audited(modelLimitChanged, { subject: ["model_limit", "name"], actor: "actorId" }),
  audited(resilienceOrdered, { subject: ["node", "node"], actor: "userId", details: ["order"] }),
  audited(auditChainBroken, { subject: ["audit_log", "chain"], details: ["brokenSequence", "reason"] }),
];
