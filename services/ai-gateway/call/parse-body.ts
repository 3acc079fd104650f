import { isUtf8 } from "node:buffer";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { isInexact, toExactNumber } from "../dialects/exact-json.ts";
import { buildJson, type JsonSource, placeOf } from "../scan/build-json.ts";
import { type Apart, findExcess, type JsonExcess, jsonLimits } from "../scan/json-size.ts";

const tooMuch: Readonly<Record<JsonExcess, readonly [en_US: string, zh_CN: string]>> = {
  levels: [`it is nested deeper than ${jsonLimits.levels} levels`, `嵌套超过 ${jsonLimits.levels} 层`],
  names: [`it names more than ${jsonLimits.names} fields`, `字段名超过 ${jsonLimits.names} 个`],
  names_in_one: [
    `it names more than ${jsonLimits.names_in_one} fields in one object`,
    `同一对象中的字段名超过 ${jsonLimits.names_in_one} 个`,
  ],
  different_names: [
    `it holds fields of more than ${jsonLimits.different_names} different names`,
    `不同的字段名超过 ${jsonLimits.different_names} 个`,
  ],
  lists: [`it holds more than ${jsonLimits.lists} lists and objects`, `列表和对象超过 ${jsonLimits.lists} 个`],
  texts: [`it holds more than ${jsonLimits.texts} texts`, `文本超过 ${jsonLimits.texts} 个`],
  values: [`it holds more than ${jsonLimits.values} values`, `包含超过 ${jsonLimits.values} 个值`],
  long_numbers: [
    `it holds more than ${jsonLimits.long_numbers} numbers with an exponent or of more than 15 characters`,
    `带指数或超过 15 个字符的数字超过 ${jsonLimits.long_numbers} 个`,
  ],
  escapes: [
    `its texts are escaped in more than ${jsonLimits.escapes} places (send text as UTF-8)`,
    `文本中的转义超过 ${jsonLimits.escapes} 处（请以 UTF-8 直接发送文本）`,
  ],
  escaped_bytes: [
    `more than ${jsonLimits.escaped_bytes} of its bytes are escapes (send text as UTF-8)`,
    `转义序列超过 ${jsonLimits.escaped_bytes} 字节（请以 UTF-8 直接发送文本）`,
  ],
  loose_bytes: [
    `more than ${jsonLimits.loose_bytes} of its bytes are outside of texts (send it without indentation)`,
    `文本之外的内容超过 ${jsonLimits.loose_bytes} 字节（请去掉缩进）`,
  ],
  work: [
    "its fields, texts, lists and numbers are more together than one call may hold",
    "字段、文本、列表和数字合计超过一次调用的上限",
  ],
};

/** Throws `invalid_json` for a body that holds more than may be parsed (`jsonLimits`); otherwise says what of it may be built apart. */
export function requireJsonSize(body: Uint8Array): readonly Apart[] {
  const apart: Apart[] = [];
  const excess = findExcess(body, apart);
  if (excess) throw invalidJson(...tooMuch[excess]);
  return apart;
}

/** The JSON object in a request's body. Throws `invalid_json`, which tells the place and quotes nothing. */
export function parseBody(body: Buffer): Readonly<Record<string, unknown>> {
  return readBody(body, () => undefined);
}

/** As `parseBody`, except that a number which a double cannot hold stays as it is written (`parseExact`). */
export function parseBodyExact(body: Buffer): Readonly<Record<string, unknown>> {
  return readBody(body, (source) => (isInexact(source) ? toExactNumber(source) : undefined));
}

function readBody(body: Buffer, numberOf: JsonSource["numberOf"]): Readonly<Record<string, unknown>> {
  if (!isUtf8(body)) throw invalidJson("it is not UTF-8", "不是 UTF-8 编码");
  const apart = requireJsonSize(body);
  let json: unknown;
  try {
    json = buildJson({ body, apart, numberOf });
  } catch (cause) {
    throw toJsonFailure(cause);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw invalidJson("it is not an object", "不是对象");
  }
  return json as Readonly<Record<string, unknown>>;
}

/** Only the place: V8's message quotes the body, which may hold anything. */
function toJsonFailure(cause: unknown): Failure {
  const position = cause instanceof SyntaxError ? placeOf(cause) : undefined;
  if (position !== undefined) {
    return invalidJson(`syntax error at character ${position}`, `第 ${position} 个字符处有语法错误`, cause);
  }
  return cause instanceof RangeError
    ? invalidJson("it is nested too deeply", "嵌套过深", cause)
    : invalidJson("it ends too early or is empty", "内容为空或不完整", cause);
}

function invalidJson(reason: string, reason_zh_CN: string, cause?: unknown): Failure {
  return new Failure(aiGatewayFailures.invalid_json, { reason, reason_zh_CN }, { cause });
}
