import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { parseBody } from "../call/parse-body.ts";
import { type CallRequest, readRequest } from "../call/read-request.ts";
import { takeTurn } from "../call/take-turn.ts";
import type { Parameters } from "../call-defaults/parameters.ts";
import { withDefaults } from "../call-defaults/with-defaults.ts";
import { findFields, setFields } from "../dialects/openai/json-fields.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import type { Surface } from "../surfaces/surface.ts";
import type { NumberedLine } from "./cut-lines.ts";

/** What may be asked in batches, by the path as a line names it. */
export const batchEndpoints = {
  "/v1/chat/completions": "chat",
  "/v1/completions": "completions",
  "/v1/embeddings": "embeddings",
} as const satisfies Readonly<Record<string, Surface>>;
export type BatchEndpoint = keyof typeof batchEndpoints;

/** A request in a file (platform.openai.com/docs/guides/batch, "Prepare your batch file"). */
export interface RequestLine {
  readonly number: number;
  readonly customId: string;
  readonly endpoint: BatchEndpoint;
  readonly request: CallRequest;
  /** The same line with another body. */
  withBody(body: Buffer): Buffer;
}

const knownFields = new Set(["custom_id", "method", "url", "body"]);
const maxCustomIdLength = 256;
/** Fields of ours that mean something else, or nothing, where no call is made. */
const ourFields = ["provider"];

/** Reads a line; a conversation gets those parameters of which it says nothing. Throws `batch_file_invalid`, which names it. */
export async function readRequestLine(
  { number, bytes }: NumberedLine,
  parameters: Parameters | undefined,
): Promise<RequestLine> {
  try {
    const json = parseBody(bytes);
    const unknown = Object.keys(json).find((name) => !knownFields.has(name));
    if (unknown !== undefined) {
      const shown = unknown.slice(0, 64);
      throw refuseLine(number, `there is no field '${shown}' in a line`, `行中没有“${shown}”字段`);
    }
    const { custom_id: customId, method, url, body } = json;
    if (typeof customId !== "string" || customId === "" || customId.length > maxCustomIdLength) {
      const reason = `custom_id must be a text of 1 to ${maxCustomIdLength} characters`;
      throw refuseLine(number, reason, `custom_id 必须是 1 到 ${maxCustomIdLength} 个字符的文本`);
    }
    if (method !== "POST") throw refuseLine(number, "method must be POST", "method 必须是 POST");
    if (typeof url !== "string" || !Object.hasOwn(batchEndpoints, url)) {
      const endpoints = Object.keys(batchEndpoints).join(", ");
      throw refuseLine(number, `url must be one of ${endpoints}`, `url 必须是以下之一：${endpoints}`);
    }
    await takeTurn(bytes.length);
    const fields = findFields(bytes, knownFields);
    const range = fields?.get("body");
    if (!fields || !range)
      throw refuseLine(
        number,
        "each field must stand there once, and body must be an object",
        "每个字段必须出现且只出现一次，且 body 必须是对象",
      );
    const endpoint = url as BatchEndpoint;
    const surface = batchEndpoints[endpoint];
    const said = bytes.subarray(range.valueStart, range.valueEnd);
    await takeTurn(bytes.length);
    const whole = parameters && surface === "chat" ? withDefaults(parameters, surface, said) : said;
    await takeTurn(bytes.length);
    const request = readRequest(surface, whole);
    refuseOurs(number, body);
    if (fieldOf(body, "stream") === true) throw refuseLine(number, "a batch has no streams", "批处理不支持流式输出");
    const withBody = (other: Buffer) => setFields(bytes, fields, new Map([["body", other.toString("utf8")]]));
    return { number, customId, endpoint, request, withBody };
  } catch (err) {
    throw toLineFailure(number, err);
  }
}

export function refuseLine(line: number, reason: string, reason_zh_CN: string): Failure {
  return new Failure(batchFailures.batch_file_invalid, { line, reason, reason_zh_CN, param: "file" });
}

function refuseOurs(number: number, body: unknown): void {
  const ours = ourFields.find((name) => fieldOf(body, name) !== undefined);
  if (ours !== undefined) throw refuseLine(number, `'${ours}' has no place in a batch`, `批处理中不能使用“${ours}”`);
}

/** What an ordinary call would be told, with its line. */
function toLineFailure(line: number, err: unknown): unknown {
  if (isFailure(err, aiGatewayFailures.invalid_json)) {
    return refuseLine(line, `no JSON: ${err.details["reason"]}`, `不是 JSON：${err.details["reason_zh_CN"]}`);
  }
  if (!isFailure(err, aiGatewayFailures.invalid_request)) return err;
  const { param, reason, reason_zh_CN } = err.details;
  return refuseLine(line, `body.${param} ${reason}`, `body.${param} ${reason_zh_CN}`);
}
