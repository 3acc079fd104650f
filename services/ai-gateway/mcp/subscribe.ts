import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { RpcParams } from "../servers/json-rpc.ts";
import { type FindDeps, requireResource } from "./find-target.ts";
import { isUri } from "./read-resources.ts";
import { uriOf } from "./resource-uri.ts";

const methods = ["resources/subscribe", "resources/unsubscribe"] as const;
type SubscriptionMethod = (typeof methods)[number];

export function isSubscription(method: string): method is SubscriptionMethod {
  return methods.some((known) => known === method);
}

/**
 * Writes down whether a client wants to hear when a resource changes; its stream tells it. Throws `mcp_resource_not_found` for one that it may
 * not read, `tool_subscription_unavailable` where the server tells nothing, and `tool_subscriptions_exceeded`.
 */
export async function changeSubscription(
  deps: FindDeps & Pick<AiGatewayDeps, "mcpSubscriptions">,
  method: SubscriptionMethod,
  caller: Caller,
  session: string,
  { uri }: RpcParams,
): Promise<void> {
  if (typeof uri !== "string") throw refuseField("uri", "must be a resource's URI", "必须是资源的 URI");
  if (method === "resources/unsubscribe") return deps.mcpSubscriptions.remove(caller, session, uri);
  const { server, own, offer } = await requireResource(deps, caller, uri);
  if (!isUri(own)) throw refuseField("uri", "must be a resource's URI", "必须是资源的 URI");
  if (!offer.has.subscriptions) {
    throw new Failure(toolFailures.tool_subscription_unavailable, { server: server.name });
  }
  await deps.mcpSubscriptions.add(caller, session, uriOf(server, own));
}
