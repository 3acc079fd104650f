import { parseBodyExact } from "../call/parse-body.ts";
import { refuseField } from "../call/refuse-field.ts";
import { readMessage, readOptionalMessage } from "../dialects/gemini/content-fields.ts";
import { askInGemini } from "../dialects/gemini/contents.ts";
import { askForEmbeddings } from "../dialects/gemini/embeddings.ts";
import { withoutField } from "../dialects/openai/json-fields.ts";
import { type Fields, isAbsent, readObject, readOptional, readText, refuseOthers } from "../dialects/request-fields.ts";
import { findAt } from "./answer-line.ts";
import { type BatchedRequest, type BatchForm, refuseOurs } from "./batch-form.ts";
import type { BatchRow } from "./batch-row.ts";

const maxNameLength = 128;
const maxMetadataLength = 2_048;
const wholeFields = new Set(["batch", "model"]);
const batchFields = new Set(["displayName", "inputConfig", "model", "priority"]);
const itemFields = new Set(["request", "metadata"]);

const list = { dialect: "gemini", path: ["batch", "inputConfig", "requests", "requests"] } as const;

/** A batch as Google's callers write it (ai.google.dev/api/batch-api), with the model that the path names. */
export function createContentForm(model: string): BatchForm {
  return {
    ...{ ...list, endpoint: "/v1/chat/completions", parameters: "gemini" },
    readRest,
    readItem: (item, index) => readItem(model, item, index),
    ask: ({ body }) => askInGemini({ model, isStream: false, isSse: false }, body),
    askAgain(named, kept) {
      const thinkingConfig = kept["thinkingConfig"];
      const body = {
        contents: [{ role: "user", parts: [{ text: "." }] }],
        ...(thinkingConfig !== undefined && { generationConfig: { thinkingConfig } }),
      };
      return askInGemini({ model: named, isStream: false, isSse: false }, Buffer.from(JSON.stringify(body)));
    },
  };
}

/** The same of texts to be embedded. */
export function createEmbedForm(model: string): BatchForm {
  const ask = (named: string, body: Buffer) => askForEmbeddings(named, false, body);
  return {
    ...{ ...list, endpoint: "/v1/embeddings", parameters: undefined },
    readRest,
    readItem: (item, index) => readItem(model, item, index),
    ask: ({ body }) => ask(model, body),
    askAgain: (named) => ask(named, Buffer.from('{"content":{"parts":[{"text":"."}]}}')),
  };
}

/** The form in which a batch was asked for. */
export function formOf({ model, endpoint }: Pick<BatchRow, "model" | "endpoint">): BatchForm {
  return endpoint === "/v1/embeddings" ? createEmbedForm(model) : createContentForm(model);
}

function readItem(model: string, item: Buffer, index: number): BatchedRequest {
  const json = parseBodyExact(item);
  refuseOthers(json, itemFields, "");
  const request = readMessage(readObject(json["request"], "request"), "request");
  refuseOurs(request);
  const named = readOptional(request["model"], "request.model", readText);
  if (named !== undefined && named.replace(/^models\//, "") !== model) {
    throw refuseField("request.model", "must be the model of the path", "必须与路径中的模型一致");
  }
  // The name is ours, and the path upstream says what it is called there.
  const body = withoutField(findAt(item, ["request"]) ?? Buffer.alloc(0), "model");
  if (!body || body.length === 0) throw refuseField("request", "may stand only once", "只能出现一次");
  return { customId: String(index), place: "request", model, body, kept: toKept(json["metadata"], request) };
}

function readRest(rest: Fields): Readonly<Record<string, string>> | null {
  refuseOthers(rest, wholeFields, "");
  const batch = readMessage(readObject(rest["batch"], "batch"), "batch");
  refuseOthers(batch, batchFields, "batch");
  const input = readMessage(readObject(batch["inputConfig"], "batch.inputConfig"), "batch.inputConfig");
  if (!isAbsent(input["fileName"])) {
    const place = "batch.inputConfig.fileName";
    throw refuseField(place, "is not offered: give the requests themselves", "暂不提供：请直接给出请求内容");
  }
  const displayName = readOptional(batch["displayName"], "batch.displayName", readText) ?? "";
  if (displayName.length <= maxNameLength) return displayName === "" ? null : { displayName };
  throw refuseField("batch.displayName", `must be at most ${maxNameLength} characters`, `最多 ${maxNameLength} 个字符`);
}

/** What is said beside the request comes back with its answer. */
function toKept(said: unknown, request: Fields): Fields | undefined {
  const metadata = readOptional(said, "metadata", readObject);
  if (metadata && JSON.stringify(metadata).length > maxMetadataLength) {
    throw refuseField(
      "metadata",
      `must be at most ${maxMetadataLength} characters of JSON`,
      `JSON 最多 ${maxMetadataLength} 个字符`,
    );
  }
  const config = readOptionalMessage(request["generationConfig"], "request.generationConfig");
  const thinkingConfig = config?.["thinkingConfig"];
  if (!metadata && isAbsent(thinkingConfig)) return undefined;
  return { ...(metadata && { metadata }), ...(!isAbsent(thinkingConfig) && { thinkingConfig }) };
}
