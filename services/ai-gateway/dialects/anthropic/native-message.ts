import { type CallRequest, maxOutputLimit } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import { refusePrefill } from "../../providers/anthropic/refuse-prefill.ts";
import { createNativeWire } from "../../providers/native.ts";
import { parseData } from "../../providers/read-answer.ts";
import type { Wire } from "../../providers/wire.ts";
import type { AnswerFacts, AnswerWriter, ReadCall, ReadingProvider } from "../dialect.ts";
import { findFields, setFields } from "../openai/json-fields.ts";
import { withModel } from "../openai/pass-through.ts";
import type { SseEvent } from "../openai/sse.ts";
import { fieldOf } from "../openai/usage.ts";
import { type Fields, readFlag, readInteger, readList, readOptional, readText } from "../request-fields.ts";
import { toErrorBody } from "./failure-reply.ts";
import { pingEvent, toEvent } from "./message-stream.ts";
import { toCountedChat } from "./native-count.ts";
import type { NativePlace } from "./native-places.ts";
import { refuseDearer } from "./native-refusals.ts";

const decidingFields = new Set(["model", "stream", "max_tokens"]);

/** A call of the Messages API as its caller wrote it. */
export interface NativeMessage {
  readonly body: Buffer;
  readonly json: Fields;
  /** Names of `anthropic-beta` that may go upstream. */
  readonly betas: readonly string[];
}

/**
 * A call for a provider that speaks Anthropic's API: what the caller wrote goes there byte for byte, but for the model's name, and
 * what is answered comes back so. Throws `invalid_request` for what decides and is wrong, and for what cannot be shared.
 */
export function readNativeMessage(message: NativeMessage, provider: ReadingProvider, place: NativePlace): ReadCall {
  const { body, json, betas } = message;
  refuseDearer(json, provider);
  const request = toCallRequest(body, json);
  return {
    request,
    wire: createMessageWire(request.model, betas, place),
    createWriter: (facts) => createNativeWriter(request.model, facts),
  };
}

function toCallRequest(body: Buffer, json: Fields): CallRequest {
  const fields = findFields(body, decidingFields);
  if (!fields) {
    throw refuseField(
      "model",
      "each of model, stream and max_tokens may stand only once",
      "model、stream 和 max_tokens 只能各出现一次",
    );
  }
  readList(json["messages"], "messages");
  const tokens = readInteger(json["max_tokens"], "max_tokens", 1, maxOutputLimit);
  return {
    ...{ surface: "chat", model: readText(json["model"], "model") },
    ...{ isStream: readOptional(json["stream"], "stream", readFlag) ?? false, wantsUsage: true },
    ...{ outputLimit: { field: "max_tokens", tokens }, choices: 1, answers: 1 },
    ...{ json: toCountedChat(json), body, fields },
  };
}

function createMessageWire(model: string, betas: readonly string[], place: NativePlace): Wire {
  const { wire, hasBetaHeader } = place;
  return createNativeWire(wire, {
    draft(request, { upstreamName }) {
      // What the system says is no message there, but the first one where it is counted.
      const messages = readList(request.json["messages"], "messages");
      refusePrefill(
        messages.filter((message) => fieldOf(message, "role") !== "system"),
        upstreamName,
      );
      return {
        endpoint: place.endpointOf(upstreamName, request.isStream),
        ...(hasBetaHeader && betas.length > 0 && { headers: { "anthropic-beta": betas.join(",") } }),
        toBody: (outputTokens) => place.toBody(toBody(request, upstreamName, outputTokens), betas),
      };
    },
    toRaw: (event) => toCallerEvent(place.toEvent(event), model),
  });
}

function toBody({ body, fields, model }: CallRequest, upstreamName: string, outputTokens: number | undefined): Buffer {
  const values = new Map<string, string>();
  if (upstreamName !== model) values.set("model", JSON.stringify(upstreamName));
  if (outputTokens !== undefined) values.set("max_tokens", String(outputTokens));
  return values.size === 0 ? body : setFields(body, fields, values);
}

const messageField = new Set(["message"]);

/** The first event names the model: as the caller does. All others stay as they are. */
function toCallerEvent({ raw, data }: SseEvent, model: string): Buffer {
  if (data === undefined || !data.includes('"message_start"')) return raw;
  const json = parseData(data);
  if (fieldOf(json, "type") !== "message_start") return raw;
  const bytes = Buffer.from(data);
  const range = findFields(bytes, messageField)?.get("message");
  if (!range) return raw;
  const message = withModel(bytes.subarray(range.valueStart, range.valueEnd), model);
  return Buffer.concat([
    Buffer.from("event: message_start\ndata: "),
    ...[bytes.subarray(0, range.valueStart), message, bytes.subarray(range.valueEnd)],
    Buffer.from("\n\n"),
  ]);
}

const messageStop = Buffer.from(toEvent("message_stop", {}));

function createNativeWriter(model: string, { requestId }: AnswerFacts): AnswerWriter {
  return {
    keepAlive: pingEvent,
    whole: (body) => withModel(body, model),
    event: ({ raw }) => (raw.length === 0 ? undefined : raw),
    end: () => messageStop,
    fail(failure, locale) {
      const { type, ...rest } = toErrorBody(failure, requestId, locale);
      return Buffer.from(toEvent(type, rest));
    },
  };
}
