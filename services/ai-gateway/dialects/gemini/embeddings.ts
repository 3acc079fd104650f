import { parseBodyExact } from "../../call/parse-body.ts";
import { readRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import { embeddingsEndpointOf, geminiWire } from "../../providers/gemini/gemini.ts";
import type { Wire } from "../../providers/wire.ts";
import type { AnswerWriter, AskedCall } from "../dialect.ts";
import { fieldOf } from "../openai/usage.ts";
import { type Fields, readInteger, readList, readOptional, readText, refuseOthers } from "../request-fields.ts";
import { readMessage } from "./content-fields.ts";
import { readInstruction } from "./content-messages.ts";

/** What a text is embedded for and what it is called are hints to Google's own models, which get them. */
const requestFields = new Set(["model", "content", "taskType", "title", "outputDimensionality"]);
const maxTexts = 2_048;
const maxDimensions = 65_536;

/**
 * A call of `embedContent`, or of `batchEmbedContents` for several texts at once. Google gets what its caller wrote, under its own name of the
 * model. Throws as reading a request does.
 */
export function askForEmbeddings(model: string, isBatch: boolean, body: Buffer): AskedCall {
  const json = readMessage(parseBodyExact(body), "");
  const asked = isBatch ? readBatch(json) : [readOne(json, "")];
  const dimensions = new Set(asked.map((one) => one.dimensions));
  if (dimensions.size > 1) {
    throw refuseField(
      "requests[].outputDimensionality",
      "must be the same in all requests of a batch",
      "同一批中的所有请求必须相同",
    );
  }
  const [size] = dimensions;
  const input = asked.map(({ text }) => text);
  const chat = { model, input, encoding_format: "float", ...(size !== undefined && { dimensions: size }) };
  const request = readRequest("embeddings", Buffer.from(JSON.stringify(chat)));
  return {
    model,
    asked: { surface: `${isBatch ? "batchEmbedContents" : "embedContent"} ${model}`, body },
    readFor: ({ dialect }) =>
      dialect === "gemini"
        ? {
            request,
            createWriter: () => ({ ...silent, whole: (answer) => answer }),
            wire: createNativeWire(json, isBatch),
          }
        : { request, createWriter: () => createEmbeddingWriter(isBatch) },
  };
}

function createNativeWire(json: Fields, isBatch: boolean): Wire {
  return {
    ...geminiWire,
    draft(_request, { upstreamName }) {
      const named = (one: Fields) => ({ ...one, model: `models/${upstreamName}` });
      const { requests } = json;
      const asked = Array.isArray(requests)
        ? { requests: requests.map((one) => named(readMessage(one, ""))) }
        : named(json);
      const body = Buffer.from(JSON.stringify(asked));
      const endpoint = embeddingsEndpointOf(upstreamName, isBatch ? "batchEmbedContents" : "embedContent");
      return { endpoint, toBody: () => body };
    },
    toAnswer: (body, answered, facts) => ({ body, json: geminiWire.toAnswer(body, answered, facts).json }),
  };
}

/** Embeddings are never streamed. */
const silent = { event: () => undefined, end: () => Buffer.alloc(0), fail: () => Buffer.alloc(0) };

function readBatch(json: Fields) {
  refuseOthers(json, new Set(["requests"]), "");
  const list = readList(json["requests"], "requests");
  if (list.length === 0 || list.length > maxTexts) {
    throw refuseField("requests", `must be 1 to ${maxTexts} requests`, `必须有 1 到 ${maxTexts} 个请求`);
  }
  return list.map((item, index) => readOne(readMessage(item, `requests[${index}]`), `requests[${index}]`));
}

function readOne(json: Fields, path: string): { readonly text: string; readonly dimensions: number | undefined } {
  refuseOthers(json, requestFields, path);
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  readOptional(json["taskType"], at("taskType"), readText);
  return {
    text: readInstruction(json["content"], at("content")),
    dimensions: readOptional(json["outputDimensionality"], at("outputDimensionality"), (value, where) =>
      readInteger(value, where, 1, maxDimensions),
    ),
  };
}

/** Chat's list of vectors, in their order. */
function createEmbeddingWriter(isBatch: boolean): AnswerWriter {
  return {
    whole(_body, json) {
      const data = fieldOf(json, "data");
      const items = Array.isArray(data) ? data : [];
      const inOrder = items.toSorted((a, b) => Number(fieldOf(a, "index")) - Number(fieldOf(b, "index")));
      const embeddings = inOrder.map((item) => ({ values: toValues(fieldOf(item, "embedding")) }));
      return Buffer.from(JSON.stringify(isBatch ? { embeddings } : { embedding: embeddings[0] }));
    },
    ...silent,
  };
}

/** Numbers; of a provider that answers in base64 all the same, those that are in it (32 bits each, little-endian). */
function toValues(embedding: unknown): unknown {
  if (typeof embedding !== "string") return embedding;
  const bytes = Buffer.from(embedding, "base64");
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.readFloatLE(index * 4));
}
