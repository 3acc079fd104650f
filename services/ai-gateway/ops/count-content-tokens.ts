import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { chooseTarget } from "../call/choose-target.ts";
import { type CountedRequest, counterFor } from "../call/count-tokens.ts";
import { parseBodyExact } from "../call/parse-body.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { readMessage, readOptionalMessage } from "../dialects/gemini/content-fields.ts";
import { readContentToCount } from "../dialects/gemini/content-request.ts";
import { toCountedChat } from "../dialects/gemini/native-count.ts";

/**
 * How many tokens a request of Google's dialect is likely to take, by our own count; no provider is asked and nothing is charged.
 * Throws as reading and choosing do.
 */
export async function countContentTokens(
  deps: AiGatewayDeps,
  { caller, model, body }: { readonly caller: Caller; readonly model: string; readonly body: Buffer },
): Promise<number> {
  const json = parseBodyExact(body);
  const { provider } = chooseTarget(deps, caller, model);
  const counter = await counterFor(provider);
  if (provider.dialect !== "gemini") return counter.estimateInput(readContentToCount(model, json));
  const read = readMessage(json, "");
  const whole = readOptionalMessage(read["generateContentRequest"], "generateContentRequest") ?? read;
  const counted: CountedRequest = { surface: "chat", json: toCountedChat(whole), body };
  return counter.estimateInput(counted);
}
