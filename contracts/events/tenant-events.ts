import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { EventType } from "@lyss/kit/events/event.ts";
import {
  agentCalled,
  agentChanged,
  cachePolicyChanged,
  callDefaultsChanged,
  guardrailChanged,
  guardrailFound,
  mcpServerChanged,
  mcpToolCalled,
  providerAccountChanged,
  providerChanged,
  routeChanged,
} from "./ai-gateway.ts";
import { keyCreated, keyRevoked, roleCreated, roleRemoved, roleUpdated } from "./auth.ts";
import {
  balanceLow,
  budgetThresholdReached,
  chargeBackRecorded,
  codeRedeemed,
  creditGranted,
  grantExpired,
  invoiceIssued,
  overdraftEntered,
  overdraftRepaid,
  quotaExceeded,
  topUpCompleted,
} from "./billing.ts";
import { credentialCreated, credentialRevoked, credentialRotated } from "./credential.ts";
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
];
