import {
  aiGatewayPersonExported,
  modelLimitChanged,
  providerChanged,
  resilienceOrdered,
  routeChanged,
} from "@lyss/contracts/events/ai-gateway.ts";
import { answerExport } from "@lyss/contracts/events/answer-export.ts";
import { credentialRevoked, credentialRotated } from "@lyss/contracts/events/credential.ts";
import { followDegradation } from "@lyss/contracts/events/follow-degradation.ts";
import { userDeleted } from "@lyss/contracts/events/user.ts";
import { onBroadcast, onEvent, type Subscription } from "@lyss/kit/events/event.ts";
import type { AiGatewayDeps } from "./deps.ts";
import type { AiGatewayOps } from "./ops.ts";

/** What keeps this node's snapshots fresh, and what is to be done for people who are gone or ask what is kept of them. */
export function createAiGatewaySubscriptions(
  ops: AiGatewayOps,
  { credentials, funding, degradation, node, log, outbox, random }: AiGatewayDeps,
): readonly Subscription[] {
  const reload = () => {
    ops.loadTenantProviders().catch((err: unknown) => log.error({ err }, "the providers could not be read again"));
  };
  const reloadRoutes = () => {
    ops.loadTenantRoutes().catch((err: unknown) => log.error({ err }, "the routes could not be read again"));
  };
  const reloadLimits = () => {
    ops.loadModelLimits().catch((err: unknown) => log.error({ err }, "the limits could not be read again"));
  };
  const forget = ({ data }: { readonly data: { readonly credentialId: string } }) =>
    credentials.forget(data.credentialId);
  const forgetAll = () => credentials.forgetAll();
  return [
    onBroadcast("reload-providers", providerChanged, reload, reload),
    onBroadcast("reload-routes", routeChanged, reloadRoutes, reloadRoutes),
    onBroadcast("reload-model-limits", modelLimitChanged, reloadLimits, reloadLimits),
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
    onEvent("forget-person", userDeleted, (tx, { data }) => ops.forgetPerson(tx, data)),
    answerExport({
      ...{ outbox, random, service: "ai-gateway", event: aiGatewayPersonExported },
      collect: (tx, person) => ops.exportPerson(tx, person),
    }),
  ];
}
