import { providerChanged, resilienceOrdered } from "@lyss/contracts/events/ai-gateway.ts";
import { credentialRevoked, credentialRotated } from "@lyss/contracts/events/credential.ts";
import { followDegradation } from "@lyss/contracts/events/follow-degradation.ts";
import { onBroadcast, type Subscription } from "@lyss/kit/events/event.ts";
import type { AiGatewayDeps } from "./deps.ts";
import type { AiGatewayOps } from "./ops.ts";

/** What keeps this node's snapshots fresh. */
export function createAiGatewaySubscriptions(
  ops: AiGatewayOps,
  { credentials, funding, degradation, node, log }: AiGatewayDeps,
): readonly Subscription[] {
  const reload = () => {
    ops.loadTenantProviders().catch((err: unknown) => log.error({ err }, "the providers could not be read again"));
  };
  const forget = ({ data }: { readonly data: { readonly credentialId: string } }) =>
    credentials.forget(data.credentialId);
  const forgetAll = () => credentials.forgetAll();
  return [
    onBroadcast("reload-providers", providerChanged, reload, reload),
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
  ];
}
