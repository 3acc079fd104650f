import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { isModelAllowed, type Target } from "../model.ts";

/** Where a call of this model goes. Throws `model_not_found`, also for a model that the key may not use. */
export function chooseTarget({ catalog }: Pick<AiGatewayDeps, "catalog">, caller: Caller, model: string): Target {
  const target = catalog.findTarget(caller.tenantId, model);
  if (target && isModelAllowed(caller.models, model)) return target;
  throw new Failure(aiGatewayFailures.model_not_found, { model });
}
