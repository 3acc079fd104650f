import { type CallRequest, maxOutputLimit } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import { endpointOf, geminiWire } from "../../providers/gemini/gemini.ts";
import { createNativeWire } from "../../providers/native.ts";
import { vertexWire } from "../../providers/vertex/vertex.ts";
import type { Wire } from "../../providers/wire.ts";
import type { AnswerFacts, AnswerWriter, ReadCall, ReadingProvider } from "../dialect.ts";
import { listFinished } from "../openai/delivered-text.ts";
import { type FieldRange, findFields, setFields } from "../openai/json-fields.ts";
import type { SseEvent } from "../openai/sse.ts";
import { type Fields, isAbsent, readInteger, readOptional } from "../request-fields.ts";
import { readMessage, readOptionalMessage } from "./content-fields.ts";
import { createFrames } from "./content-frames.ts";
import { toErrorBody } from "./failure-reply.ts";
import { toCountedChat } from "./native-count.ts";
import { refuseDearer } from "./native-refusals.ts";

const configNames = new Set(["generationConfig", "generation_config"]);
const limitNames = new Set(["maxOutputTokens", "max_output_tokens"]);
const maxCandidates = 8;

/** A call of `generateContent` as its caller wrote it. */
export interface NativeContent {
  readonly model: string;
  readonly isStream: boolean;
  readonly isSse: boolean;
  readonly body: Buffer;
  readonly json: Fields;
}

/**
 * A call for a provider that speaks Google's API: what the caller wrote goes there byte for byte, and what is answered comes back so,
 * but for the model's name. Throws `invalid_request` for what decides and is wrong, and for what cannot be shared.
 */
export function readNativeContent(content: NativeContent, provider: ReadingProvider): ReadCall {
  const { model, isSse } = content;
  refuseDearer(readMessage(content.json, ""), provider);
  const request = toCallRequest(content);
  return {
    request,
    wire:
      provider.dialect === "vertex"
        ? createContentWire(model, vertexWire, "/publishers/google")
        : createContentWire(model),
    createWriter: (facts) => createNativeWriter({ model, isSse, answers: request.answers }, facts),
  };
}

function toCallRequest({ model, isStream, body, json }: NativeContent): CallRequest {
  const read = readMessage(json, "");
  if (isAbsent(read["contents"])) throw refuseField("contents", "is missing", "为必填项");
  const config = readOptionalMessage(read["generationConfig"], "generationConfig") ?? {};
  const choices = readOptional(config["candidateCount"], "generationConfig.candidateCount", (value, path) =>
    readInteger(value, path, 1, maxCandidates),
  );
  const limit = readOptional(config["maxOutputTokens"], "generationConfig.maxOutputTokens", (value, path) =>
    readInteger(value, path, 1, maxOutputLimit),
  );
  const fields = findFields(body, configNames);
  if (!fields) throw refuseField("generationConfig", "may stand only once", "只能出现一次");
  return {
    ...{ surface: "chat", model, isStream, wantsUsage: true },
    outputLimit: limit === undefined ? undefined : { field: "maxOutputTokens", tokens: limit },
    ...{ choices: choices ?? 1, answers: choices ?? 1 },
    ...{ json: toCountedChat(read), body, fields },
  };
}

/** `place` is where Google's models stand below the base URL. */
function createContentWire(model: string, wire: Wire = geminiWire, place = ""): Wire {
  return createNativeWire(wire, {
    draft: (request, { upstreamName }) => ({
      endpoint: place + endpointOf(upstreamName, request.isStream),
      toBody: (outputTokens) => (outputTokens === undefined ? request.body : withLimit(request, outputTokens)),
    }),
    toRaw: ({ data }: SseEvent) => (data === undefined ? Buffer.alloc(0) : withModelVersion(Buffer.from(data), model)),
  });
}

/** The limit that money allows, written where Google reads it. */
function withLimit({ body, fields }: CallRequest, outputTokens: number): Buffer {
  const [named] = fields;
  if (!named) return setFields(body, new Map(), new Map([["generationConfig", `{"maxOutputTokens":${outputTokens}}`]]));
  const [name, { valueStart, valueEnd }] = named;
  const config = body.subarray(valueStart, valueEnd);
  const isObject = config[0] === 0x7b;
  const limits = (isObject && findFields(config, limitNames)) || new Map<string, FieldRange>();
  const [limitName = "maxOutputTokens"] = limits.keys();
  const limited = isObject
    ? setFields(config, limits, new Map([[limitName, String(outputTokens)]])).toString()
    : `{"maxOutputTokens":${outputTokens}}`;
  return setFields(body, fields, new Map([[name, limited.replace(/,\s*}$/, "}")]]));
}

const versionField = new Set(["modelVersion"]);

function withModelVersion(body: Buffer, model: string): Buffer {
  if (body[0] !== 0x7b) return body;
  const fields = findFields(body, versionField);
  return fields?.has("modelVersion")
    ? setFields(body, fields, new Map([["modelVersion", JSON.stringify(model)]]))
    : body;
}

/** The event in which the last candidate ends waits for the charge, as every stream's end does. */
function createNativeWriter(
  { model, isSse, answers }: { readonly model: string; readonly isSse: boolean; readonly answers: number },
  { requestId }: AnswerFacts,
): AnswerWriter {
  const frames = createFrames(isSse);
  const finished = new Set<number>();
  const held: Buffer[] = [];
  return {
    streamContentType: frames.contentType,
    keepAlive: frames.keepAlive,
    whole: (body) => withModelVersion(body, model),
    event({ raw }, json) {
      for (const index of listFinished(json)) finished.add(index);
      if (raw.length === 0) return undefined;
      if (finished.size < answers) return frames.frame(raw);
      held.push(raw);
      return undefined;
    },
    end: () => Buffer.concat([...held.map((json) => frames.frame(json)), frames.end()]),
    fail: (failure, locale) =>
      Buffer.concat([frames.frame(JSON.stringify(toErrorBody(failure, requestId, locale))), frames.end()]),
  };
}
