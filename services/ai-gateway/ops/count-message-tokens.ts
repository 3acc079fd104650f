import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { chooseTarget } from "../call/choose-target.ts";
import { counterFor } from "../call/count-tokens.ts";
import { parseBodyExact } from "../call/parse-body.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { readRequestToCount } from "../dialects/anthropic/message-request.ts";
import { toCountedChat } from "../dialects/anthropic/native-count.ts";
import { readText } from "../dialects/request-fields.ts";

/**
 * How many tokens the input of a message is likely to take, by our own count; no provider is asked and nothing is charged.
 * Throws as reading and choosing do.
 */
export async function countMessageTokens(
  deps: AiGatewayDeps,
  { caller, body }: { readonly caller: Caller; readonly body: Buffer },
): Promise<number> {
  const json = parseBodyExact(body);
  const model = readText(json["model"], "model");
  const { provider } = chooseTarget(deps, caller, model);
  // What goes there as it is need not be sayable in chat.
  const request =
    provider.dialect === "anthropic"
      ? { ...({ surface: "chat", model } as const), json: toCountedChat(json), body }
      : readRequestToCount(json);
  return (await counterFor(provider)).estimateInput(request);
}
