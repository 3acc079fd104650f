import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { chooseTarget } from "../call/choose-target.ts";
import { counterFor } from "../call/count-tokens.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { readRequestToCount } from "../dialects/anthropic/message-request.ts";

/**
 * How many tokens the input of a message is likely to take, by our own count; no provider is asked and nothing is charged.
 * Throws as reading and choosing do.
 */
export async function countMessageTokens(
  deps: AiGatewayDeps,
  { caller, body }: { readonly caller: Caller; readonly body: Buffer },
): Promise<number> {
  const request = readRequestToCount(body);
  const { provider } = chooseTarget(deps, caller, request.model);
  return (await counterFor(provider)).estimateInput(request);
}
