import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { findOffer } from "../call/choose-target.ts";
import { serveCall } from "../call/serve-call.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { AnswerFacts, AskedCall } from "../dialects/dialect.ts";
import { type Fields, readText } from "../dialects/request-fields.ts";
import { toCountedChat } from "../dialects/responses/native-count.ts";
import { readNativeResponse } from "../dialects/responses/native-response.ts";
import { startResponse, suffixOf, toResponseId, toResponseUsage } from "../dialects/responses/response-object.ts";
import { inputOf, readResponseRequest, toCallRequest, toPlacedItems } from "../dialects/responses/response-request.ts";
import { readTools } from "../dialects/responses/response-tools.ts";
import { createResponseWriter, type KeepResponse } from "../dialects/responses/responses.ts";
import type { ConnectionMemory } from "../responses/connection-memory.ts";
import type { Owner } from "../responses/response-store.ts";
import { takeWanted } from "../routing/preferences.ts";
import { type AskedResponse, serveInBackground } from "./serve-in-background.ts";
import { ownerOf } from "./stored-responses.ts";

/**
 * A model call as OpenAI's Responses API has it: served before its caller, or in the background. What of it is to be stored
 * is kept before it is charged; of what is not, `memory` has the items, and what it remembers may be gone on from. `given` is what it
 * asks, with the texts that a prompt stands for. Throws a Failure while nothing has been sent to the caller.
 */
export async function createResponse(
  deps: AiGatewayDeps,
  exchange: Exchange,
  given: { readonly body: Buffer; readonly prompt?: AskedCall["prompt"] },
  memory?: ConnectionMemory,
): Promise<void> {
  const owner = ownerOf(requireCaller(exchange));
  const { body, ...wanted } = takeWanted({ body: given.body, caller: exchange.caller });
  const read = readResponseRequest(body);
  const { previousResponseId } = read;
  const remembered = previousResponseId === undefined ? undefined : memory?.find(previousResponseId);
  const history = remembered ?? (await listHistory(deps, owner, previousResponseId));
  const input = inputOf(read, "");
  const asked: AskedResponse = {
    ...{ owner, read },
    readFor(provider, keeperFor) {
      if (provider.dialect === "responses") {
        return readNativeResponse({ body, read, history, input, keeperFor }, provider);
      }
      const request = toCallRequest(read, history, input);
      const { told } = readTools(read.json, toPlacedItems(history, input));
      return { request, createWriter: (facts) => createResponseWriter(read, facts, keeperFor(facts), told) };
    },
    call: {
      model: readText(read.json["model"], "model"),
      asked: { surface: "responses", body: exchange.body },
      chat: toCountedChat(read.json, [...history, ...input]),
      ...{ ...wanted, prompt: given.prompt },
    },
    inputOf: (callId: string) => inputOf(read, suffixOf(callId)),
  };
  if (read.isBackground) return serveInBackground(deps, asked, exchange);
  const keeperFor =
    ({ callId }: AnswerFacts): KeepResponse =>
    async (response) => {
      const own = asked.inputOf(callId);
      // What it goes on from is stored nowhere, and so becomes a part of it.
      const kept = remembered
        ? { response, previousResponseId: undefined, input: [...remembered, ...own] }
        : { response, previousResponseId, input: own };
      if (read.isStored && (await deps.responses.keep(owner, kept))) return true;
      memory?.note(toResponseId(callId), [...history, ...own, ...(response.output as readonly Fields[])]);
      return false;
    };
  return serveCall(deps, { ...asked.call, readFor: (provider) => asked.readFor(provider, keeperFor) }, exchange);
}

/** The items that a response goes on from, the oldest first. Throws `response_not_found`, and `invalid_request` for what cannot be gone on from. */
export function listHistory(
  { responses }: Pick<AiGatewayDeps, "responses">,
  owner: Owner,
  previousResponseId: string | undefined,
): Promise<readonly Fields[]> | readonly Fields[] {
  return previousResponseId === undefined ? [] : responses.listItems({ ...owner, responseId: previousResponseId });
}

/**
 * The events of a response without an answer: what it holds is remembered, and the next may go on from it. It costs nothing. Throws as
 * `createResponse` does for a request that is none, and for a model that the caller may not use.
 */
export async function prepareResponse(
  deps: AiGatewayDeps,
  exchange: Exchange,
  given: Buffer,
  memory: ConnectionMemory,
): Promise<readonly string[]> {
  const caller = requireCaller(exchange);
  const { body } = takeWanted({ body: given, caller });
  const read = readResponseRequest(body);
  const { previousResponseId } = read;
  const remembered = previousResponseId === undefined ? undefined : memory.find(previousResponseId);
  const history = remembered ?? (await listHistory(deps, ownerOf(caller), previousResponseId));
  const model = readText(read.json["model"], "model");
  if (!findOffer(deps, caller, model)) throw new Failure(aiGatewayFailures.model_not_found, { model });
  const callId = deps.random.id("call");
  memory.note(toResponseId(callId), [...history, ...inputOf(read, suffixOf(callId))]);
  const begun = { ...startResponse(read, { callId, startedAtMs: deps.clock.nowMs() }, "in_progress"), store: false };
  const usage = toResponseUsage({ inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n });
  return [
    { type: "response.created", response: begun, sequence_number: 0 },
    { type: "response.completed", response: { ...begun, status: "completed", usage }, sequence_number: 1 },
  ].map((event) => JSON.stringify(event));
}
