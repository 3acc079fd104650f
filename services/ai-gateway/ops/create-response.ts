import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure, isFailure, type Locale } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { findOffer } from "../call/choose-target.ts";
import { serveCall } from "../call/serve-call.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { AnswerFacts, AskedCall, ReadCall, ReadingProvider } from "../dialects/dialect.ts";
import { toErrorObject } from "../dialects/openai/failure-reply.ts";
import { type Fields, readText } from "../dialects/request-fields.ts";
import { toCountedChat } from "../dialects/responses/native-count.ts";
import { readNativeResponse } from "../dialects/responses/native-response.ts";
import {
  type ResponseObject,
  startResponse,
  suffixOf,
  toResponseId,
  toResponseUsage,
} from "../dialects/responses/response-object.ts";
import {
  inputOf,
  type ResponseRequest,
  readResponseRequest,
  toCallRequest,
  toPlacedItems,
} from "../dialects/responses/response-request.ts";
import { readTools } from "../dialects/responses/response-tools.ts";
import { createResponseWriter, type KeepResponse } from "../dialects/responses/responses.ts";
import type { ConnectionMemory } from "../responses/connection-memory.ts";
import type { Owner } from "../responses/response-store.ts";
import { createSink } from "../responses/sink.ts";
import { takeWanted } from "../routing/preferences.ts";
import { ownerOf } from "./stored-responses.ts";

/** What a response is made from, whatever way it is served. */
interface Asked {
  readonly owner: Owner;
  readonly read: ResponseRequest;
  /** Reads it for the provider that serves it; `keeperFor` gives what keeps the response. */
  readFor(provider: ReadingProvider, keeperFor: (facts: AnswerFacts) => KeepResponse): ReadCall;
  readonly call: Pick<AskedCall, "model" | "asked" | "chat" | "preferences">;
  /** The request's own items; their ids depend on the call's. */
  inputOf(callId: string): readonly Fields[];
}

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
  const asked: Asked = {
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

/**
 * Answers the caller when the call's money is set aside, and goes on without. What fails before that is the caller's to
 * hear; what fails later becomes the response's error.
 */
async function serveInBackground(deps: AiGatewayDeps, asked: Asked, exchange: Exchange): Promise<void> {
  const { owner, read } = asked;
  const res = createSink();
  const begun = Promise.withResolvers<void>();
  let response: ResponseObject | undefined;
  const served = serveCall(
    deps,
    {
      ...asked.call,
      readFor: (provider) => asked.readFor(provider, () => (whole) => deps.responses.end(owner, whole)),
      detached: {
        res,
        async begin(callId, record) {
          // Nobody would ever hear the response's id.
          if (exchange.res.destroyed && !record) throw new Failure(kitFailures.canceled);
          const queued = startResponse(read, { callId, startedAtMs: deps.clock.nowMs() }, "queued");
          const kept = { response: queued, input: asked.inputOf(callId), previousResponseId: read.previousResponseId };
          await deps.responses.begin(owner, kept, () => res.destroy());
          response = queued;
          const bytes = Buffer.from(JSON.stringify(queued));
          record?.add(bytes);
          await record?.keep("application/json");
          reply(exchange, callId, bytes);
          begun.resolve();
          await deps.responses.markInProgress(toResponseId(callId));
        },
        fail: (err) => endFailed(deps, owner, response, exchange.context.locale, err),
      },
    },
    exchange,
  );
  // Either it has begun, or it was answered for an earlier call, or it failed before. How it ends later is `fail`'s to hear.
  await Promise.race([begun.promise, served]);
}

function reply({ res, requestId }: Exchange, callId: string, bytes: Buffer): void {
  if (res.destroyed) return;
  res.writeHead(200, {
    "content-type": "application/json",
    "content-length": bytes.length,
    "cache-control": "no-store",
    "x-request-id": requestId,
    "lyss-call-id": callId,
  });
  res.end(bytes);
}

async function endFailed(
  { responses, log }: AiGatewayDeps,
  owner: Owner,
  response: ResponseObject | undefined,
  locale: Locale,
  err: unknown,
): Promise<void> {
  if (!response) return;
  const isExpected = isFailure(err);
  if (!isExpected)
    log.error({ err, response_id: response.id }, "a response in the background failed in an unexpected way");
  const { code, message } = isExpected
    ? toErrorObject(err, locale).error
    : { code: "server_error", message: "The server had an error." };
  const error = { code: String(code), message: String(message) };
  await responses.end(owner, { ...response, status: "failed", error }).catch((cause: unknown) => {
    log.warn({ err: cause, response_id: response.id }, "how a response failed cannot be written; it counts as lost");
  });
}
