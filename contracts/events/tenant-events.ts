import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { EventType } from "@lyss/kit/events/event.ts";
import {
  agentCalled,
  agentChanged,
  cachePolicyChanged,
  callDefaultsChanged,
  exportFailed,
  guardrailChanged,
  guardrailFound,
  mcpServerChanged,
  mcpToolCalled,
  modelLimitReached,
  providerAccountChanged,
  providerChanged,
  routeChanged,
} from "./ai-gateway.ts";
import { auditChainBroken } from "./audit.ts";
import {
  groupLimitReached,
  groupLimitsChanged,
  keyCreated,
  keyRevoked,
  roleCreated,
  roleRemoved,
  roleUpdated,
  userLimitReached,
  userLimitsChanged,
} from "./auth.ts";
import {
  balanceLow,
  budgetThresholdReached,
  chargeBackRecorded,
  codeRedeemed,
  creditGranted,
  grantExpired,
  integrityFailed,
  invoiceIssued,
  overdraftEntered,
  overdraftRepaid,
  quotaExceeded,
  topUpCompleted,
} from "./billing.ts";
import { credentialCreated, credentialRevoked, credentialRotated } from "./credential.ts";
import { webhookChanged, webhookDisabled } from "./event.ts";
import { ssoConnectionCreated, ssoConnectionDeleted, ssoConnectionUpdated } from "./sso.ts";
import {
  dataPolicyChanged,
  tenantCreated,
  tenantDomainAdded,
  tenantDomainRemoved,
  tenantDomainVerified,
  tenantReactivated,
  tenantSuspended,
  tenantUpdated,
} from "./tenant.ts";
import { userCreated, userFederated } from "./user.ts";

/** An event whose payload says, in `tenantId`, whose it is. Any other is not accepted by the compiler. */
type TenantEvent<Desc extends DescMessage> =
  MessageShape<Desc> extends { readonly tenantId: string } ? EventType<Desc> : never;

function tenantEvent<Desc extends DescMessage>(event: TenantEvent<Desc>): EventType {
  return event;
}

/** The types of which a tenant may see its own events. What is not listed here only operators see. */
export const tenantEvents: readonly EventType[] = [
  tenantEvent(providerChanged),
  tenantEvent(providerAccountChanged),
  tenantEvent(routeChanged),
  tenantEvent(cachePolicyChanged),
  tenantEvent(callDefaultsChanged),
  tenantEvent(exportFailed),
  tenantEvent(guardrailChanged),
  tenantEvent(guardrailFound),
  tenantEvent(agentChanged),
  tenantEvent(agentCalled),
  tenantEvent(mcpServerChanged),
  tenantEvent(mcpToolCalled),
  tenantEvent(keyCreated),
  tenantEvent(keyRevoked),
  tenantEvent(roleCreated),
  tenantEvent(roleUpdated),
  tenantEvent(roleRemoved),
  tenantEvent(groupLimitsChanged),
  tenantEvent(userLimitsChanged),
  tenantEvent(groupLimitReached),
  tenantEvent(userLimitReached),
  tenantEvent(modelLimitReached),
  tenantEvent(balanceLow),
  tenantEvent(budgetThresholdReached),
  tenantEvent(quotaExceeded),
  tenantEvent(invoiceIssued),
  tenantEvent(topUpCompleted),
  tenantEvent(codeRedeemed),
  tenantEvent(creditGranted),
  tenantEvent(grantExpired),
  tenantEvent(chargeBackRecorded),
  tenantEvent(overdraftEntered),
  tenantEvent(overdraftRepaid),
  tenantEvent(credentialCreated),
  tenantEvent(credentialRotated),
  tenantEvent(credentialRevoked),
  tenantEvent(tenantCreated),
  tenantEvent(tenantUpdated),
  tenantEvent(tenantSuspended),
  tenantEvent(tenantReactivated),
  tenantEvent(tenantDomainAdded),
  tenantEvent(tenantDomainVerified),
  tenantEvent(tenantDomainRemoved),
  tenantEvent(dataPolicyChanged),
  tenantEvent(userCreated),
  tenantEvent(userFederated),
  tenantEvent(ssoConnectionCreated),
  tenantEvent(ssoConnectionUpdated),
  tenantEvent(ssoConnectionDeleted),
  tenantEvent(webhookChanged),
  tenantEvent(webhookDisabled),
];

/** Said of each call: whoever wants them has them of its records. */
const byCall = new Set([agentCalled.type, mcpToolCalled.type]);

/** What a tenant may have sent to a webhook. */
export const webhookEvents: readonly EventType[] = tenantEvents.filter(({ type }) => !byCall.has(type));

/** Those that somebody should look at: what a webhook is sent that names no types. */
export const alertEvents: readonly EventType[] = [
  ...[providerAccountChanged, guardrailFound, balanceLow, budgetThresholdReached, quotaExceeded, overdraftEntered],
  ...[chargeBackRecorded, grantExpired, tenantSuspended, exportFailed, webhookDisabled],
  ...[groupLimitReached, userLimitReached, modelLimitReached],
];

/** What the platform's own webhooks are sent: what is nobody's, or the operator's. */
export const platformWebhookEvents: readonly EventType[] = [
  ...[providerAccountChanged, exportFailed, webhookDisabled, integrityFailed, auditChainBroken],
  modelLimitReached,
];
