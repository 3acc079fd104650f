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
import { readReasoningDetails } from "../reasoning-details.ts";

type Block = Readonly<Record<string, unknown>>;
type Role = "user" | "assistant";

interface Turn {
  readonly role: Role;
  readonly content: Block[];
}

/** docs.aws.amazon.com/bedrock/latest/APIReference: ImageBlock and DocumentBlock. */
const imageFormats: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpeg",
  "image/gif": "gif",
  "image/webp": "webp",
};
const documentFormats: Readonly<Record<string, string>> = {
  "application/pdf": "pdf",
  "text/csv": "csv",
  "application/msword": "doc",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/vnd.ms-excel": "xls",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "text/html": "html",
  "text/plain": "txt",
  "text/markdown": "md",
};

/**
 * Messages of chat as turns, which go by turns: what one side says at once, and all results of the tools it called, stand in one.
 * What the system says stands above them, wherever it stood.
 */
export function toConversation(value: unknown): {
  readonly system?: readonly Block[];
  readonly messages: readonly Turn[];
} {
  const system: Block[] = [];
  const messages: Turn[] = [];
  const add = (role: Role, blocks: readonly Block[]) => {
    const last = messages.at(-1);
    if (last?.role === role) last.content.push(...blocks);
    else if (blocks.length > 0) messages.push({ role, content: [...blocks] });
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
  return { ...(system.length > 0 && { system }), messages };
}

/** Where a cache may end, after what it stands at; an hour where that is asked for. */
export function toCachePoint(value: unknown, path: string): readonly Block[] {
  if (isAbsent(value)) return [];
  const { ttl } = readObject(value, path);
  return [
    { cachePoint: { type: "default", ...(!isAbsent(ttl) && { ttl: readOneOf(ttl, `${path}.ttl`, ["5m", "1h"]) }) } },
  ];
}

function toTexts(value: unknown, path: string): readonly Block[] {
  return toParts(value, path).map((block, index) => {
    if (block["text"] === undefined && block["cachePoint"] === undefined) throw unsupported(`${path}[${index}].type`);
    return block;
  });
}

/** Empty texts are refused there, and say nothing. */
function toParts(value: unknown, path: string): readonly Block[] {
  if (typeof value === "string") return value === "" ? [] : [{ text: value }];
  return readList(value, path).flatMap((item, index) => {
    const at = `${path}[${index}]`;
    const part = readObject(item, at);
    const block = toPart(part, at);
    return block["text"] === "" ? [] : [block, ...toCachePoint(part["cache_control"], `${at}.cache_control`)];
  });
}

function toPart(part: Fields, path: string): Block {
  const type = readText(part["type"], `${path}.type`);
  refuseOthers(part, new Set(["type", type, "cache_control"]), path);
  if (type === "text") return { text: readText(part["text"], `${path}.text`) };
  if (type === "image_url") {
    const at = `${path}.image_url.url`;
    const { mediaType, data } = toData(readText(readObject(part["image_url"], `${path}.image_url`)["url"], at), at);
    return { image: { format: formatOf(imageFormats, mediaType, at), source: { bytes: data } } };
  }
  if (type !== "file") throw unsupported(`${path}.type`);
  const file = readObject(part["file"], `${path}.file`);
  refuseOthers(file, new Set(["filename", "file_data"]), `${path}.file`);
  const at = `${path}.file.file_data`;
  const { mediaType, data } = toData(readText(file["file_data"], at), at);
  const name = isAbsent(file["filename"]) ? "document" : readText(file["filename"], `${path}.file.filename`);
  return {
    document: { format: formatOf(documentFormats, mediaType, at), name: toDocumentName(name), source: { bytes: data } },
  };
}

function toData(url: string, path: string) {
  const data = readDataUrl(url);
  if (data) return data;
  throw refuseField(path, "must be data in base64 for this model", "对此模型必须是 base64 数据");
}

function formatOf(formats: Readonly<Record<string, string>>, mediaType: string, path: string): string {
  const format = Object.hasOwn(formats, mediaType) ? formats[mediaType] : undefined;
  if (format !== undefined) return format;
  const names = Object.keys(formats).join(", ");
  throw refuseField(path, `must be one of ${names} for this model`, `对此模型必须是以下类型之一：${names}`);
}

/** Letters, digits, single spaces, hyphens, parentheses and brackets alone are taken. */
function toDocumentName(name: string): string {
  const allowed = name.replace(/\.[A-Za-z0-9]{1,5}$/, "").replace(/[^A-Za-z0-9\s\-()[\]]/g, "-");
  return allowed.replace(/\s+/g, " ").trim().slice(0, 200) || "document";
}

function toToolResult(message: Fields, path: string): Block {
  const toolUseId = readText(message["tool_call_id"], `${path}.tool_call_id`);
  const content = toParts(message["content"], `${path}.content`).filter((block) => block["cachePoint"] === undefined);
  return { toolResult: { toolUseId, content: content.length === 0 ? [{ text: " " }] : content } };
}

/** What it thought comes first, as it was thought and signed. */
function toAssistantBlocks(message: Fields, path: string): readonly Block[] {
  const { content, refusal, tool_calls: calls, reasoning_details: details } = message;
  const thoughts = readReasoningDetails(details, `${path}.reasoning_details`).map((detail): Block => {
    if (detail.type === "reasoning.encrypted") return { reasoningContent: { redactedContent: detail.data } };
    return { reasoningContent: { reasoningText: { text: detail.text, signature: detail.signature } } };
  });
  const texts = isAbsent(content) ? [] : toTexts(content, `${path}.content`);
  const refused = isAbsent(refusal) ? [] : toTexts(refusal, `${path}.refusal`);
  const called = isAbsent(calls) ? [] : readList(calls, `${path}.tool_calls`);
  return [
    ...[...thoughts, ...texts, ...refused],
    ...called.map((call, n) => toToolUse(readObject(call, `${path}.tool_calls[${n}]`), `${path}.tool_calls[${n}]`)),
  ];
}

function toToolUse(call: Fields, path: string): Block {
  const called = readObject(call["function"], `${path}.function`);
  const toolUseId = readText(call["id"], `${path}.id`);
  const name = readText(called["name"], `${path}.function.name`);
  return { toolUse: { toolUseId, name, input: readArguments(called["arguments"], `${path}.function.arguments`) } };
}
