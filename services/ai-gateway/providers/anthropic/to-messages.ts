import { refuseField } from "../../call/refuse-field.ts";
import {
  type Fields,
  isAbsent,
  readList,
  readObject,
  readOneOf,
  readText,
  refuseOthers,
  unsupported,
} from "../../dialects/request-fields.ts";
import { readDataUrl } from "../data-url.ts";
import { readArguments } from "../read-chat.ts";

type Block = Readonly<Record<string, unknown>>;
type Role = "user" | "assistant";

interface Turn {
  readonly role: Role;
  readonly content: Block[];
}

const textPart = new Set(["type", "text", "cache_control"]);
const imagePart = new Set(["type", "image_url", "cache_control"]);
const filePart = new Set(["type", "file", "cache_control"]);

/**
 * Messages of chat as turns, which go by turns: what one side says at once, and all results of the tools it called, stand in one.
 * What the system says stands above them, wherever it stood.
 */
export function toMessages(value: unknown): { readonly system?: readonly Block[]; readonly messages: readonly Turn[] } {
  const system: Block[] = [];
  const turns: Turn[] = [];
  const add = (role: Role, blocks: readonly Block[]) => {
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else if (blocks.length > 0) turns.push({ role, content: [...blocks] });
  };
  for (const [index, item] of readList(value, "messages").entries()) {
    const path = `messages[${index}]`;
    const message = readObject(item, path);
    const role = readOneOf(message["role"], `${path}.role`, ["system", "developer", "user", "assistant", "tool"]);
    const at = `${path}.content`;
    if (role === "system" || role === "developer") system.push(...toTexts(message["content"], at));
    else if (role === "user") add("user", toParts(message["content"], at));
    else if (role === "tool") add("user", [toToolResult(message, path)]);
    else add("assistant", toAssistantBlocks(message, path));
  }
  return { ...(system.length > 0 && { system }), messages: turns };
}

/** Empty texts are refused there, and say nothing. */
function toTexts(value: unknown, path: string): readonly Block[] {
  return toParts(value, path).map((block, index) => {
    if (block["type"] !== "text") throw unsupported(`${path}[${index}].type`);
    return block;
  });
}

function toParts(value: unknown, path: string): readonly Block[] {
  if (typeof value === "string") return value === "" ? [] : [{ type: "text", text: value }];
  return readList(value, path).flatMap((part, index) => {
    const at = `${path}[${index}]`;
    const block = toPart(readObject(part, at), at);
    return block["text"] === "" ? [] : [block];
  });
}

function toPart(part: Fields, path: string): Block {
  const type = readText(part["type"], `${path}.type`);
  const cache = isAbsent(part["cache_control"])
    ? {}
    : { cache_control: readObject(part["cache_control"], `${path}.cache_control`) };
  if (type === "text") {
    refuseOthers(part, textPart, path);
    return { type, text: readText(part["text"], `${path}.text`), ...cache };
  }
  if (type === "image_url") {
    refuseOthers(part, imagePart, path);
    const url = readText(readObject(part["image_url"], `${path}.image_url`)["url"], `${path}.image_url.url`);
    return { type: "image", source: toSource(url, `${path}.image_url.url`), ...cache };
  }
  if (type !== "file") throw unsupported(`${path}.type`);
  refuseOthers(part, filePart, path);
  return { ...toDocument(readObject(part["file"], `${path}.file`), `${path}.file`), ...cache };
}

function toSource(url: string, path: string): Block {
  if (/^https?:/.test(url)) return { type: "url", url };
  const read = readDataUrl(url);
  if (!read) {
    throw refuseField(
      path,
      "must be an http or https URL, or data in base64",
      "必须是 http 或 https 的 URL，或 base64 数据",
    );
  }
  return { type: "base64", media_type: read.mediaType, data: read.data };
}

function toDocument(file: Fields, path: string): Block {
  refuseOthers(file, new Set(["filename", "file_data"]), path);
  const source = toSource(readText(file["file_data"], `${path}.file_data`), `${path}.file_data`);
  const title = file["filename"];
  return { type: "document", source, ...(!isAbsent(title) && { title: readText(title, `${path}.filename`) }) };
}

function toToolResult(message: Fields, path: string): Block {
  const id = readText(message["tool_call_id"], `${path}.tool_call_id`);
  return { type: "tool_result", tool_use_id: id, content: toParts(message["content"], `${path}.content`) };
}

/** What it thought is left out: thoughts are signed there, and chat has no place for the signature. */
function toAssistantBlocks(message: Fields, path: string): readonly Block[] {
  const { content, refusal, tool_calls: calls } = message;
  const texts = isAbsent(content) ? [] : toAssistantTexts(content, `${path}.content`);
  const refused = isAbsent(refusal) ? [] : toTexts(refusal, `${path}.refusal`);
  const called = isAbsent(calls) ? [] : readList(calls, `${path}.tool_calls`);
  return [
    ...texts,
    ...refused,
    ...called.map((call, n) => toToolUse(readObject(call, `${path}.tool_calls[${n}]`), `${path}.tool_calls[${n}]`)),
  ];
}

function toAssistantTexts(value: unknown, path: string): readonly Block[] {
  if (typeof value === "string") return toTexts(value, path);
  const parts = readList(value, path).map((part, index) => {
    const { type, refusal, ...rest } = readObject(part, `${path}[${index}]`);
    return type === "refusal" ? { type: "text", text: refusal, ...rest } : part;
  });
  return toTexts(parts, path);
}

function toToolUse(call: Fields, path: string): Block {
  const called = readObject(call["function"], `${path}.function`);
  const id = readText(call["id"], `${path}.id`);
  const name = readText(called["name"], `${path}.function.name`);
  return { type: "tool_use", id, name, input: readArguments(called["arguments"], `${path}.function.arguments`) };
}
