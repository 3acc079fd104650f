import { parseBody } from "../../call/parse-body.ts";
import type { CallRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import {
  isAbsent,
  readInteger,
  readList,
  readOneOf,
  readOptional,
  readText,
  refuseOthers,
} from "../../dialects/request-fields.ts";
import type { Model } from "../../model.ts";

const known = new Set(["model", "input", "dimensions", "encoding_format", "user", "input_type", "truncate"]);
const inputTypes = ["search_document", "search_query", "classification", "clustering"] as const;
const maxTexts = 96;

/**
 * A request for embeddings as one of Embed. What the texts are for is Cohere's own field `input_type`, a document unless given. Vectors come as
 * numbers, whatever the caller asked for. Throws `invalid_request` for tokens, which are another model's.
 */
export function toEmbedRequest({ body }: CallRequest, { upstreamName }: Model): object {
  const json = parseBody(body);
  refuseOthers(json, known, "");
  readOptional(json["encoding_format"], "encoding_format", (value, path) =>
    readOneOf(value, path, ["float", "base64"]),
  );
  const dimensions = readOptional(json["dimensions"], "dimensions", (value, path) =>
    readInteger(value, path, 1, 65_536),
  );
  const inputType = readOptional(json["input_type"], "input_type", (value, path) => readOneOf(value, path, inputTypes));
  const truncate = isAbsent(json["truncate"])
    ? undefined
    : readOneOf(json["truncate"], "truncate", ["NONE", "START", "END"]);
  return {
    model: upstreamName,
    texts: readTexts(json["input"]),
    input_type: inputType ?? "search_document",
    embedding_types: ["float"],
    ...(dimensions !== undefined && { output_dimension: dimensions }),
    ...(truncate !== undefined && { truncate }),
  };
}

function readTexts(input: unknown): readonly string[] {
  const texts = typeof input === "string" ? [input] : readList(input, "input");
  if (texts.length > maxTexts) {
    throw refuseField("input", `must be at most ${maxTexts} texts for this model`, `对此模型最多 ${maxTexts} 条文本`);
  }
  return texts.map((text, index) => readText(text, `input[${index}]`));
}
