import type { Failure, Locale } from "@lyss/kit/errors/failure.ts";
import { readRequest } from "../../call/read-request.ts";
import type { Surface } from "../../surfaces/surface.ts";
import type { AnswerWriter, AskedCall } from "../dialect.ts";
import { toErrorObject } from "./failure-reply.ts";
import { findFields, setFields, withoutField } from "./json-fields.ts";
import { refuseDearer } from "./native-refusals.ts";
import { fieldOf } from "./usage.ts";

const modelField = new Set(["model"]);
/** Ends a stream in OpenAI's dialect. */
export const doneEvent = Buffer.from("data: [DONE]\n\n");

/** A call in the dialect that providers speak: bytes go through as they are. Throws as `readRequest` does. */
export function askInOpenAi(surface: Surface, body: Buffer): AskedCall {
  const request = readRequest(surface, body);
  const { model, wantsUsage } = request;
  return {
    ...{ model, asked: { surface, body } },
    readFor(provider) {
      if (surface === "chat") refuseDearer(request.json, provider);
      return {
        request,
        createWriter({ upstreamModel }) {
          const writer = passThrough(model, upstreamModel, wantsUsage);
          return request.json["encoding_format"] === "base64" ? { ...writer, whole: inBase64(writer.whole) } : writer;
        },
      };
    },
  };
}

/**
 * The provider's bytes; where the model has an alias, the name is the one that the caller used. What is in a stream because usage
 * was asked for is left out where the caller did not: SDKs with schemas refuse a `usage` of null.
 */
export function passThrough(model: string, upstreamModel: string, wantsUsage: boolean): AnswerWriter {
  const isAlias = upstreamModel !== model;
  return {
    whole: (body) => (isAlias ? withModel(body, model) : body),
    event({ raw, data }, json) {
      if (data === undefined) return raw;
      if (isUsageOnly(json) && !wantsUsage) return undefined;
      const hidesUsage = !wantsUsage && fieldOf(json, "usage") === null;
      if (!isAlias && !hidesUsage) return raw;
      if (!isAlias && isOneLine(raw, data)) return withoutField(raw, "usage") ?? raw;
      const said = Buffer.from(data);
      const shown = hidesUsage ? (withoutField(said, "usage") ?? said) : said;
      return Buffer.concat([Buffer.from("data: "), isAlias ? withModel(shown, model) : shown, Buffer.from("\n\n")]);
    },
    end: () => doneEvent,
    fail: toErrorEvent,
  };
}

/** True for an event that is one line of data, whose JSON is the first thing in it that a brace begins. */
function isOneLine(raw: Buffer, data: string): boolean {
  return /^data: ?\{/.test(raw.toString("latin1", 0, 7)) && !data.includes("\n");
}

/** What ends a stream that failed. */
export function toErrorEvent(failure: Failure, locale: Locale): Buffer {
  return Buffer.from(`data: ${JSON.stringify(toErrorObject(failure, locale))}\n\n`);
}

/** The chunk that exists only because usage was asked for: no choices, but a usage. Clients that did not ask stumble over it. */
function isUsageOnly(json: unknown): boolean {
  const choices = fieldOf(json, "choices");
  return Array.isArray(choices) && choices.length === 0 && Boolean(fieldOf(json, "usage"));
}

/** A JSON object in bytes with another text in its `model`, if it has that field once. */
export function withModel(body: Buffer, model: string): Buffer {
  const fields = findFields(body, modelField);
  return fields?.has("model") ? setFields(body, fields, new Map([["model", JSON.stringify(model)]])) : body;
}

/** Vectors as text, as the SDKs ask for them, also of a provider that only has numbers: 32 bits each, little-endian. */
function inBase64(whole: AnswerWriter["whole"]): AnswerWriter["whole"] {
  return (body, json, tokens) => {
    const data = fieldOf(json, "data");
    const isNumbers = Array.isArray(data) && data.some((item) => Array.isArray(fieldOf(item, "embedding")));
    if (!isNumbers) return whole(body, json, tokens);
    const written = data.map((item) => {
      const embedding = fieldOf(item, "embedding");
      return Array.isArray(embedding) ? { ...Object(item), embedding: toBase64(embedding) } : item;
    });
    const converted = { ...Object(json), data: written };
    return whole(Buffer.from(JSON.stringify(converted)), converted, tokens);
  };
}

function toBase64(vector: readonly unknown[]): string {
  const floats = Float32Array.from(vector, Number);
  const bytes = Buffer.alloc(floats.length * 4);
  floats.forEach((value, index) => {
    bytes.writeFloatLE(value, index * 4);
  });
  return bytes.toString("base64");
}
