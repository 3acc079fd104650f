import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";

/**
 * For calls that guardrails cannot look into. Throws `call_unguarded` where one is for calls of the model, by whatever name: nothing is let
 * through unseen.
 */
export function requireUnguarded(
  { guardrails, callDefaults }: Pick<AiGatewayDeps, "callDefaults" | "guardrails">,
  caller: Caller,
  { model, tags }: { readonly model: string; readonly tags: TagsText },
): void {
  const names = [model, callDefaults.modelOf(caller, model)];
  if (guardrails.rulesFor(caller, names, tags).length > 0)
    throw new Failure(aiGatewayFailures.call_unguarded, { model });
}
