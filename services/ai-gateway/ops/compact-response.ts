import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { serveCall } from "../call/serve-call.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { readText } from "../dialects/request-fields.ts";
import { readCompaction } from "../dialects/responses/compaction.ts";
import { toCountedChat } from "../dialects/responses/native-count.ts";
import { inputOf, readResponseRequest } from "../dialects/responses/response-request.ts";
import { takeWanted } from "../routing/preferences.ts";
import { listHistory } from "./create-response.ts";
import { ownerOf } from "./stored-responses.ts";

/**
 * A conversation told in fewer tokens, as OpenAI's Responses API has it: by the provider where it makes them, else in a summary for which
 * the model is asked; paid for as every call is. It is stored nowhere. Throws a Failure while nothing has been sent to the caller.
 */
export async function compactResponse(deps: AiGatewayDeps, exchange: Exchange): Promise<void> {
  const owner = ownerOf(requireCaller(exchange));
  const { body, ...wanted } = takeWanted({ body: exchange.body, caller: exchange.caller });
  const read = readResponseRequest(body);
  const history = await listHistory(deps, owner, read.previousResponseId);
  const input = inputOf(read, "");
  const call = {
    model: readText(read.json["model"], "model"),
    asked: { surface: "responses compact", body: exchange.body },
    chat: toCountedChat(read.json, [...history, ...input]),
    ...wanted,
  };
  return serveCall(
    deps,
    { ...call, readFor: (provider) => readCompaction({ body, read, history, input }, provider) },
    exchange,
  );
}
