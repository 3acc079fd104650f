import { parseBody } from "../../call/parse-body.ts";
import type { CallRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
import {
  readInteger,
  readList,
  readOneOf,
  readOptional,
  readText,
  refuseOthers,
} from "../../dialects/request-fields.ts";
import type { Model } from "../../model.ts";
import { countOf } from "../read-answer.ts";
import type { WireFacts } from "../wire.ts";

const known = new Set(["model", "input", "dimensions", "encoding_format", "user", "task_type"]);
/** What the API is known to take at once. */
const maxTexts = 100;

/** A text of `batchEmbedContents`; by itself it is one of `embedContent`, and of a batch. */
export interface EmbedContent {
  readonly model: string;
  readonly content: object;
  readonly [field: string]: unknown;
}

/**
 * A request for embeddings as texts that are each asked for by themselves (ai.google.dev/api/embeddings). What they are for is Google's own
 * field `task_type`. Vectors come as numbers, whatever the caller asked for. Throws `invalid_request` for tokens, which are another model's.
 */
export function toEmbedContents({ body }: CallRequest, { upstreamName }: Model): readonly EmbedContent[] {
  const json = parseBody(body);
  refuseOthers(json, known, "");
  readOptional(json["encoding_format"], "encoding_format", (value, path) =>
    readOneOf(value, path, ["float", "base64"]),
  );
  const dimensions = readOptional(json["dimensions"], "dimensions", (value, path) =>
    readInteger(value, path, 1, 65_536),
  );
  const taskType = readOptional(json["task_type"], "task_type", readText);
  return readTexts(json["input"]).map((text) => ({
    model: `models/${upstreamName}`,
    content: { parts: [{ text }] },
    ...(taskType !== undefined && { taskType }),
    ...(dimensions !== undefined && { outputDimensionality: dimensions }),
  }));
}

/** The one text of a request, as a batch has it. Throws `invalid_request` for several: each is a request of its own there. */
export function toEmbedContent(request: CallRequest, model: Model): EmbedContent {
  const [one, ...more] = toEmbedContents(request, model);
  if (one && more.length === 0) return one;
  throw refuseField("input", "must be one text in a batch of this model", "对此模型的批处理必须是一个文本");
}

function readTexts(input: unknown): readonly string[] {
  const texts = typeof input === "string" ? [input] : readList(input, "input");
  if (texts.length > maxTexts) {
    throw refuseField("input", `must be at most ${maxTexts} texts for this model`, `对此模型最多 ${maxTexts} 条文本`);
  }
  return texts.map((text, index) => readText(text, `input[${index}]`));
}

/** What was answered, for one text or several, as a list of vectors; undefined for what is none. Not every model says what it used. */
export function toEmbeddingList(json: unknown, { upstreamModel }: WireFacts): object | undefined {
  const one = fieldOf(json, "embedding");
  const vectors = one === undefined ? fieldOf(json, "embeddings") : [one];
  if (!Array.isArray(vectors)) return undefined;
  const tokens = countOf(fieldOf(json, "usageMetadata"), "promptTokenCount");
  return {
    object: "list",
    data: vectors.map((vector, index) => ({ object: "embedding", index, embedding: fieldOf(vector, "values") })),
    model: upstreamModel,
    ...(tokens !== undefined && { usage: { prompt_tokens: tokens, total_tokens: tokens } }),
  };
}
