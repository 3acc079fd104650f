import type { CallRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import { createNativeWire } from "../../providers/native.ts";
import { parseData } from "../../providers/read-answer.ts";
import { responsesWire } from "../../providers/responses/responses.ts";
import type { Wire } from "../../providers/wire.ts";
import type { AnswerFacts, AnswerWriter, ReadCall, ReadingProvider } from "../dialect.ts";
import { parseExact } from "../exact-json.ts";
import { toErrorObject } from "../openai/failure-reply.ts";
import { findFields, setFields, withoutField } from "../openai/json-fields.ts";
import type { SseEvent } from "../openai/sse.ts";
import { fieldOf } from "../openai/usage.ts";
import { type Fields, readText } from "../request-fields.ts";
import { summaryOf, toToldSummary } from "./compaction-item.ts";
import { toCountedChat } from "./native-count.ts";
import { refuseDearer } from "./native-refusals.ts";
import { type ResponseObject, startResponse, toResponseId } from "./response-object.ts";
import type { ResponseRequest } from "./response-request.ts";
import type { KeepResponse } from "./responses.ts";

/** What is ours to say, to the provider and of its answer; everything else stays as it is written. */
const askedFields = new Set(["model", "input", "store", "stream", "max_output_tokens"]);
const ownFields = new Set(["id", "model", "store", "previous_response_id", "background"]);

/** A call of the Responses API as its caller wrote it. */
export interface NativeResponse {
  readonly body: Buffer;
  readonly read: ResponseRequest;
  /** The items of the responses that it goes on from. */
  readonly history: readonly Fields[];
  readonly input: readonly Fields[];
  keeperFor(facts: AnswerFacts): KeepResponse;
}

type Conversation = Pick<NativeResponse, "history" | "input">;

/**
 * A call for a provider that speaks the Responses API: what the caller wrote goes there byte for byte, and what is answered comes back
 * so, but for the model's name, the id, and where the response is kept: here, and not at the provider. Throws `invalid_request` for what
 * decides and is wrong, and for what cannot be shared.
 */
export function readNativeResponse(asked: NativeResponse, provider: ReadingProvider): ReadCall {
  const { read, history, input, keeperFor } = asked;
  refuseDearer(read.json, history, input, provider);
  const request = toCallRequest(asked);
  return {
    request,
    wire: createResponseWire(read, toToldItems(asked)),
    createWriter: (facts) => createNativeWriter(read, facts, keeperFor(facts)),
  };
}

function toCallRequest(asked: NativeResponse): CallRequest {
  const { read, history, input } = asked;
  const { json, isStream, outputLimit } = read;
  const { own, fields } = toOwnBody(asked);
  return {
    ...{ surface: "chat", model: readText(json["model"], "model"), isStream, wantsUsage: true },
    outputLimit: outputLimit === undefined ? undefined : { field: "max_output_tokens", tokens: outputLimit },
    ...{ choices: 1, answers: 1, json: toCountedChat(json, [...history, ...input]), body: own, fields },
  };
}

/** The caller's bytes without what only we go by, and where the fields stand that we say. Throws `invalid_request` where one stands twice. */
export function toOwnBody({ body, history, input }: Conversation & Pick<NativeResponse, "body">) {
  if (history.length + input.length === 0) throw refuseField("input", "must not be empty", "不能为空");
  const own = ["background", "previous_response_id"].reduce<Buffer | undefined>(
    (left, name) => left && withoutField(left, name),
    body,
  );
  const fields = own && findFields(own, askedFields);
  if (fields) return { own, fields };
  throw refuseField(
    "model",
    "each of model, input, store, stream, background, previous_response_id and max_output_tokens may stand only once",
    "model、input、store、stream、background、previous_response_id 和 max_output_tokens 只能各出现一次",
  );
}

/** All that is asked about, where that is more than the request's own input, or something of it can be read only here. */
function toToldItems({ history, input }: Conversation): readonly Fields[] | undefined {
  if (history.length === 0 && !input.some((item) => summaryOf(item) !== undefined)) return undefined;
  return [...history.flatMap(toToldItem), ...input.map(toToldSummary)];
}

/** What a provider is to be told of a conversation that it is not to answer: as it is written, under the provider's name for the model. */
export function toConversationBody(asked: Conversation & Pick<NativeResponse, "body">, upstreamName: string): Buffer {
  const { own, fields } = toOwnBody(asked);
  const items = toToldItems(asked);
  const values = new Map([["model", JSON.stringify(upstreamName)]]);
  if (items) values.set("input", JSON.stringify(items));
  return setFields(own, fields, values);
}

/** What was said before, told again without the ids that it had: thoughts are sealed for the account that had them, and are left out. */
function toToldItem(given: Fields): readonly Fields[] {
  const item = toToldSummary(given);
  const { id: _, status: __, ...told } = item;
  const type = String(item["type"]);
  if (type === "reasoning") return [];
  return [type === "message" || /^(function|custom_tool|tool_search)_(call|output)/.test(type) ? told : item];
}

function createResponseWire(read: ResponseRequest, items: readonly Fields[] | undefined): Wire {
  return createNativeWire(responsesWire, {
    draft: ({ body, fields, model }, { upstreamName }) => ({
      endpoint: "/responses",
      toBody(outputTokens) {
        const values = new Map([["store", "false"]]);
        if (upstreamName !== model) values.set("model", JSON.stringify(upstreamName));
        if (items) values.set("input", JSON.stringify(items));
        if (outputTokens !== undefined) values.set("max_output_tokens", String(outputTokens));
        return setFields(body, fields, values);
      },
    }),
    toRaw: (event, { callId }) => toCallerEvent(event, read, callId),
  });
}

const responseField = new Set(["response"]);

/** Events that show the response show it as ours; all others stay as they are. */
function toCallerEvent({ raw, data }: SseEvent, read: ResponseRequest, callId: string): Buffer {
  if (data === undefined || !data.includes('"response"')) return raw;
  const json = parseData(data);
  const type = fieldOf(json, "type");
  const bytes = Buffer.from(data);
  const range = findFields(bytes, responseField)?.get("response");
  if (!range || typeof type !== "string" || bytes[range.valueStart] !== 0x7b) return raw;
  return Buffer.concat([
    Buffer.from(`event: ${type}\ndata: `),
    bytes.subarray(0, range.valueStart),
    withOwn(bytes.subarray(range.valueStart, range.valueEnd), read, callId),
    bytes.subarray(range.valueEnd),
    Buffer.from("\n\n"),
  ]);
}

function withOwn(response: Buffer, { json, isStored, isBackground }: ResponseRequest, callId: string): Buffer {
  const fields = findFields(response, ownFields);
  if (!fields) return response;
  const own = {
    ...{ id: toResponseId(callId), model: json["model"], store: isStored, background: isBackground },
    previous_response_id: json["previous_response_id"] ?? null,
  };
  return setFields(
    response,
    fields,
    new Map(Object.entries(own).map(([name, value]) => [name, JSON.stringify(value)])),
  );
}

const endings = new Set(["response.completed", "response.incomplete"]);
const storeField = new Set(["store"]);

/** The event in which a response ends waits for the charge, as every stream's end does. */
function createNativeWriter(read: ResponseRequest, facts: AnswerFacts, keep: KeepResponse): AnswerWriter {
  let held: Buffer | undefined;
  let events = 0;

  /** The response as its caller sees it: what could not be kept says so. */
  async function asKept(response: Buffer): Promise<Buffer> {
    const isStored = await keep(parseExact(response.toString("utf8")) as ResponseObject, "");
    if (isStored || !read.isStored) return response;
    const fields = findFields(response, storeField);
    return fields ? setFields(response, fields, new Map([["store", "false"]])) : response;
  }

  return {
    whole: (body) => asKept(withOwn(body, read, facts.callId)),
    event({ raw }) {
      if (raw.length === 0) return undefined;
      if (raw[0] !== 0x3a) events++;
      if (!isEnding(raw)) return raw;
      held = raw;
      return undefined;
    },
    async end() {
      const range = held && findFields(held.subarray(held.indexOf("{")), responseField)?.get("response");
      if (!held || !range) return Buffer.alloc(0);
      const start = held.indexOf("{");
      const response = await asKept(held.subarray(start + range.valueStart, start + range.valueEnd));
      return Buffer.concat([
        ...[held.subarray(0, start + range.valueStart), response, held.subarray(start + range.valueEnd)],
      ]);
    },
    fail(failure, locale) {
      const { code, message } = toErrorObject(failure, locale).error;
      const begun = startResponse(read, facts, "in_progress");
      const response = { ...begun, status: "failed", error: { code: String(code), message: String(message) } };
      const type = "response.failed";
      return Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, response, sequence_number: events })}\n\n`);
    },
  };
}

function isEnding(raw: Buffer): boolean {
  const [, type = ""] = /^event: ([\w.]+)\n/.exec(raw.toString("latin1", 0, 64)) ?? [];
  return endings.has(type);
}
