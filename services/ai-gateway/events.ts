import {
  agentChanged,
  aiGatewayPersonExported,
  cachePolicyChanged,
  callDefaultsChanged,
  dataPolicyApplied,
  guardrailChanged,
  mcpCallCanceled,
  mcpServerChanged,
  modelLimitChanged,
  providerAccountChanged,
  providerChanged,
  requestBodyPolicyChanged,
  resilienceOrdered,
  routeChanged,
} from "@lyss/contracts/events/ai-gateway.ts";
import { answerExport } from "@lyss/contracts/events/answer-export.ts";
import { credentialRevoked, credentialRotated } from "@lyss/contracts/events/credential.ts";
import { followDegradation } from "@lyss/contracts/events/follow-degradation.ts";
import { dataPolicyChanged } from "@lyss/contracts/events/tenant.ts";
import { userDeleted } from "@lyss/contracts/events/user.ts";
import { onBroadcast, onEvent, type Subscription } from "@lyss/kit/events/event.ts";
import type { AiGatewayDeps } from "./deps.ts";
import { loadAccounts } from "./ops/load-accounts.ts";
import type { AiGatewayOps } from "./ops.ts";
import { isAccountState } from "./routing/target-health.ts";

/** What keeps this node's snapshots fresh, and what is to be done for people who are gone or ask what is kept of them. */
export function createAiGatewaySubscriptions(ops: AiGatewayOps, deps: AiGatewayDeps): readonly Subscription[] {
  const { credentials, funding, degradation, health, node, log, outbox, random } = deps;
  const reload = () => {
    ops.loadTenantProviders().catch((err: unknown) => log.error({ err }, "the providers could not be read again"));
  };
  const reloadRoutes = () => {
    ops.loadTenantRoutes().catch((err: unknown) => log.error({ err }, "the routes could not be read again"));
  };
  const reloadMcpServers = () => {
    ops.loadTenantMcpServers().catch((err: unknown) => log.error({ err }, "the tool servers could not be read again"));
  };
  const reloadAgents = () => {
    ops.loadTenantAgents().catch((err: unknown) => log.error({ err }, "the agents could not be read again"));
  };
  const reloadLimits = () => {
    ops.loadModelLimits().catch((err: unknown) => log.error({ err }, "the limits could not be read again"));
  };
  const reloadPolicies = () => {
    ops.loadCachePolicies().catch((err: unknown) => log.error({ err }, "who uses the cache could not be read again"));
  };
  const reloadDefaults = () => {
    deps.callDefaults
      .load()
      .catch((err: unknown) => log.error({ err }, "what calls say by default could not be read again"));
  };
  const reloadGuardrails = () => {
    deps.guardrails.load().catch((err: unknown) => log.error({ err }, "the guardrails could not be read again"));
  };
  const reloadBodyPolicies = () => {
    ops.loadBodyPolicies().catch((err: unknown) => log.error({ err }, "what is to be kept could not be read again"));
  };
  const forget = ({ data }: { readonly data: { readonly credentialId: string } }) =>
    credentials.forget(data.credentialId);
  const forgetAll = () => credentials.forgetAll();
  return [
    onBroadcast("reload-providers", providerChanged, reload, reload),
    onBroadcast(
      "follow-accounts",
      providerAccountChanged,
      ({ data: { node: by, providerId, state, status } }) => {
        if (by !== node && isAccountState(state)) health.follow(providerId, state, status);
      },
      () => {
        loadAccounts(deps).catch((err: unknown) => log.error({ err }, "the accounts could not be read again"));
      },
    ),
    onBroadcast("reload-routes", routeChanged, reloadRoutes, reloadRoutes),
    onBroadcast(
      "end-mcp-call",
      mcpCallCanceled,
      ({ data }) => deps.serverCalls.get(data.call)?.abort(),
      () => {},
    ),
    onBroadcast("reload-mcp-servers", mcpServerChanged, reloadMcpServers, reloadMcpServers),
    onBroadcast("reload-agents", agentChanged, reloadAgents, reloadAgents),
    onBroadcast("reload-model-limits", modelLimitChanged, reloadLimits, reloadLimits),
    onBroadcast("reload-cache-policies", cachePolicyChanged, reloadPolicies, reloadPolicies),
    onBroadcast("reload-call-defaults", callDefaultsChanged, reloadDefaults, reloadDefaults),
    onBroadcast("reload-guardrails", guardrailChanged, reloadGuardrails, reloadGuardrails),
    onBroadcast("reload-body-policies", requestBodyPolicyChanged, reloadBodyPolicies, reloadBodyPolicies),
    onBroadcast("reload-data-policies", dataPolicyApplied, reloadBodyPolicies, reloadBodyPolicies),
    onBroadcast(
      "drop-bodies-of-person",
      userDeleted,
      ({ data }) => deps.requestBodies.log.forgetPerson(data.userId),
      () => {},
    ),
    onBroadcast("forget-rotated-secret", credentialRotated, forget, forgetAll),
    onBroadcast("forget-revoked-secret", credentialRevoked, forget, forgetAll),
    onBroadcast(
      "follow-breakers",
      resilienceOrdered,
      ({ data }) => {
        if (data.node !== node && data.order.case === "breaker") ops.followBreakerOrder(data.order.value);
      },
      () => {},
    ),
    followDegradation(degradation, node),
    ...funding.subscriptions,
    onEvent("follow-data-policy", dataPolicyChanged, (tx, { data }) => ops.followDataPolicy(tx, data)),
    onEvent("forget-person", userDeleted, (tx, { data }) => ops.forgetPerson(tx, data)),
    answerExport({
      ...{ outbox, random, service: "ai-gateway", event: aiGatewayPersonExported },
      collect: (tx, person) => ops.exportPerson(tx, person),
    }),
  ];
}
