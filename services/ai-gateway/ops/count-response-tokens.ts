import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { chooseTarget } from "../call/choose-target.ts";
import { counterFor } from "../call/count-tokens.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { readText } from "../dialects/request-fields.ts";
import { toCountedChat } from "../dialects/responses/native-count.ts";
import { refuseDearer } from "../dialects/responses/native-refusals.ts";
import { toConversationBody } from "../dialects/responses/native-response.ts";
import { inputOf, readResponseRequest, toCallRequest } from "../dialects/responses/response-request.ts";
import { countAtProvider } from "../responses/count-at-provider.ts";
import { listHistory } from "./create-response.ts";
import { ownerOf } from "./stored-responses.ts";

/**
 * How many tokens the input of a response is likely to take: as its provider counts them, where that speaks the Responses API and says so
 * at once, else by our own count. Calls no model and costs nothing. Throws as reading and choosing do.
 */
export async function countResponseTokens(
  deps: AiGatewayDeps,
  { caller, body }: { readonly caller: Caller; readonly body: Buffer },
): Promise<number> {
  const read = readResponseRequest(body);
  const model = readText(read.json["model"], "model");
  const history = await listHistory(deps, ownerOf(caller), read.previousResponseId);
  const input = inputOf(read, "");
  const target = chooseTarget(deps, caller, model);
  const { provider } = target;
  const counter = await counterFor(provider);
  // What does not go there as it is has to be sayable in chat.
  if (provider.dialect !== "responses") return counter.estimateInput(toCallRequest(read, history, input));
  refuseDearer(read.json, history, input, provider);
  const native = toConversationBody({ body, history, input }, target.model.upstreamName);
  const counted = await countAtProvider(deps, target, caller, native);
  const json = toCountedChat(read.json, [...history, ...input]);
  return counted ?? counter.estimateInput({ surface: "chat", json, body });
}
