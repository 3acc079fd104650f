import { parseBody } from "../call/parse-body.ts";
import { toErrorObject } from "../dialects/openai/failure-reply.ts";
import { findFields, setFields } from "../dialects/openai/json-fields.ts";
import { toUpstreamFailure } from "../dialects/openai/upstream-failure.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { toBatchError } from "./batch-object.ts";

/** What came of one request of a batch. */
export interface AnswerLine {
  readonly customId: string;
  /** Undefined for a request that was never made. */
  readonly status: number | undefined;
  /** As its provider has written it, and that parsed. */
  readonly bytes: Buffer;
  readonly body: unknown;
  /** What all that is said of the request takes there, with what ends it. */
  readonly lineBytes: number;
}

const nothing = Buffer.alloc(0);

/** A line of a file of answers (platform.openai.com/docs/api-reference/batch/request-output); undefined for what is no such line. */
export function readAnswerLine(line: Buffer): AnswerLine | undefined {
  const json = parseIfObject(line);
  const customId = fieldOf(json, "custom_id");
  if (typeof customId !== "string") return undefined;
  const response = fieldOf(json, "response");
  const status = fieldOf(response, "status_code");
  const bytes = findAt(line, ["response", "body"]) ?? nothing;
  return {
    ...{ customId, status: typeof status === "number" ? status : undefined },
    ...{ bytes, body: fieldOf(response, "body"), lineBytes: line.length + 1 },
  };
}

/** The bytes of the value at a path of fields. `json` as for `findFields`. */
export function findAt(json: Buffer, [name = "", ...rest]: readonly string[]): Buffer | undefined {
  const range = json[0] === 0x7b ? findFields(json, new Set([name]))?.get(name) : undefined;
  const value = range && json.subarray(range.valueStart, range.valueEnd);
  return value && rest.length > 0 ? findAt(value, rest) : value;
}

const modelAt = ["body", "model"];
const answeredModelAt = ["response", "body", "model"];

/** A line of a file of requests as its owner wrote it: with the model's name here, and where it is sent if the account's lines do not say so. */
export function toOwnRequestLine(line: Buffer, model: string, endpoint?: string): Buffer {
  if (!parseIfObject(line)) return line;
  const own = setAt(line, modelAt, JSON.stringify(model));
  const fields = endpoint === undefined ? undefined : findFields(own, new Set(["custom_id"]));
  const customId = fields?.get("custom_id");
  if (!customId) return own;
  const place = Buffer.from(`,"method":"POST","url":${JSON.stringify(endpoint)}`);
  return Buffer.concat([own.subarray(0, customId.valueEnd), place, own.subarray(customId.valueEnd)]);
}

/** A line of answers as its owner may see it: with the model's name here, and without a provider's own sentences about errors. */
export function toOwnAnswerLine(line: Buffer, model: string): Buffer {
  const json = parseIfObject(line);
  if (!json) return Buffer.from(JSON.stringify({ error: toBatchError({ code: "answer_unreadable" }) }));
  let shown = line;
  if (json["error"]) {
    const { code } = toBatchError(json["error"]);
    shown = setAt(shown, ["error"], JSON.stringify({ code, message: `This request was not answered: ${code}.` }));
  }
  const status = fieldOf(json["response"], "status_code");
  if (status === 200) return setAt(shown, answeredModelAt, JSON.stringify(model));
  if (typeof status !== "number") return shown;
  const body = fieldOf(json["response"], "body");
  const failure = toUpstreamFailure({ model, status, body, retryAfterMs: undefined });
  return setAt(shown, ["response", "body"], JSON.stringify(toErrorObject(failure, "en_US")));
}

export function parseIfObject(line: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    return parseBody(line);
  } catch {
    return undefined;
  }
}

/** `json` with another value at a path of fields, where it has all of them, once each; no other byte is touched. */
function setAt(json: Buffer, [name = "", ...rest]: readonly string[], value: string): Buffer {
  if (json[0] !== 0x7b) return json;
  const fields = findFields(json, new Set([name]));
  const range = fields?.get(name);
  if (!fields || !range) return json;
  if (rest.length === 0) return setFields(json, fields, new Map([[name, value]]));
  const inner = json.subarray(range.valueStart, range.valueEnd);
  return Buffer.concat([json.subarray(0, range.valueStart), setAt(inner, rest, value), json.subarray(range.valueEnd)]);
}
