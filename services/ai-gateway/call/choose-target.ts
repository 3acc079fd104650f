import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { AskedCall } from "../dialects/dialect.ts";
import { isModelAllowed, type Target } from "../model.ts";

/**
 * Where a call of this model can go, in order: at least one target. Throws `model_not_found`, also for a model that the key may
 * not use, and for a route that has no target for such a call; `invalid_request` where its caller wants none of them.
 */
export async function findTargets(
  { catalog, order }: Pick<AiGatewayDeps, "catalog" | "order">,
  caller: Caller,
  { model, preferences }: Pick<AskedCall, "model" | "preferences">,
  tags: TagsText,
): Promise<readonly [Target, ...Target[]]> {
  const offer = isModelAllowed(caller.models, model) ? catalog.findOffer(caller.tenantId, model) : undefined;
  const { tenantId, userId, keyId } = caller;
  if (offer) await order.prepare(offer, tenantId);
  const targets = offer ? order.orderOf(offer, { tenantId, userId, keyId, tags }) : [];
  const [first, ...others] =
    preferences && targets.length > 0 ? await order.prefer(tenantId, targets, preferences) : targets;
  if (first) return [first, ...others];
  throw new Failure(aiGatewayFailures.model_not_found, { model });
}

/** One to which a call of this model may go; of a route, the first that is well. Throws `model_not_found`. */
export function chooseTarget(
  { failOver, catalog }: Pick<AiGatewayDeps, "catalog" | "failOver">,
  caller: Caller,
  model: string,
): Target {
  const offer = isModelAllowed(caller.models, model) ? catalog.findOffer(caller.tenantId, model) : undefined;
  const target = failOver.first(offer?.targets ?? []);
  if (target) return target;
  throw new Failure(aiGatewayFailures.model_not_found, { model });
}
