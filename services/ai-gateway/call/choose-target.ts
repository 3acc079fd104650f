import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { isModelAllowed, type Target } from "../model.ts";

/**
 * Where a call of this model can go, in order: at least one target. Throws `model_not_found`, also for a model that the key may
 * not use.
 */
export function findTargets(
  { catalog }: Pick<AiGatewayDeps, "catalog">,
  caller: Caller,
  model: string,
): readonly [Target, ...Target[]] {
  const [first, ...others] = catalog.findTargets(caller.tenantId, model);
  if (first && isModelAllowed(caller.models, model)) return [first, ...others];
  throw new Failure(aiGatewayFailures.model_not_found, { model });
}

/** The one to which it would go first. Throws as `findTargets` does. */
export function chooseTarget(
  { failOver, ...deps }: Pick<AiGatewayDeps, "catalog" | "failOver">,
  caller: Caller,
  model: string,
): Target {
  const targets = findTargets(deps, caller, model);
  return failOver.first(targets) ?? targets[0];
}
