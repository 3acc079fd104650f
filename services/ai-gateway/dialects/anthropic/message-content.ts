import {
  type Fields,
  isAbsent,
  readFlag,
  readList,
  readObject,
  readOneOf,
  readOptional,
  readText,
  refuseOthers,
  unsupported,
} from "../request-fields.ts";
import { checkToolChange, isToolChange, toFoundText } from "./tool-changes.ts";

type ChatMessage = Readonly<Record<string, unknown>>;
type Part = Readonly<Record<string, unknown>>;

/** `cache_control` asks for a price, not for another answer: providers of chat cache by themselves. */
const textFields = new Set(["type", "text", "cache_control"]);
const imageFields = new Set(["type", "source", "cache_control"]);
const documentFields = new Set(["type", "source", "title", "cache_control"]);
const toolUseFields = new Set(["type", "id", "name", "input", "cache_control", "caller"]);
const toolResultFields = new Set(["type", "tool_use_id", "content", "is_error", "cache_control"]);

/** A text, or the texts of blocks, a blank line between them. */
export function readBlocksOfText(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  return readList(value, path)
    .map((block, index) => readTextBlock(readObject(block, `${path}[${index}]`), `${path}[${index}]`))
    .join("\n\n");
}

function readTextBlock(block: Fields, path: string): string {
  if (readText(block["type"], `${path}.type`) !== "text") throw unsupported(`${path}.type`);
  refuseOthers(block, textFields, path);
  return readText(block["text"], `${path}.text`);
}

/** What the system says in the middle of a conversation; what it changes of the tools is seen in their list. */
function toSystemMessages(content: unknown, path: string): readonly ChatMessage[] {
  if (!Array.isArray(content)) return [{ role: "system", content: readBlocksOfText(content, path) }];
  const texts: string[] = [];
  for (const [index, value] of content.entries()) {
    const at = `${path}[${index}]`;
    const block = readObject(value, at);
    if (isToolChange(block)) checkToolChange(block, at);
    else texts.push(readTextBlock(block, at));
  }
  return texts.length === 0 ? [] : [{ role: "system", content: texts.join("\n\n") }];
}

/** One message of a conversation as messages of chat: what tools gave back stands in messages of its own. */
export function toChatMessages(value: unknown, path: string): readonly ChatMessage[] {
  const message = readObject(value, path);
  refuseOthers(message, new Set(["role", "content"]), path);
  const role = readOneOf(message["role"], `${path}.role`, ["user", "assistant", "system"]);
  const at = `${path}.content`;
  const { content } = message;
  if (role === "system") return toSystemMessages(content, at);
  if (typeof content === "string") return [{ role, content }];
  const blocks = readList(content, at).map((block, index) => readObject(block, `${at}[${index}]`));
  return role === "user" ? toUserMessages(blocks, at) : [toAssistantMessage(blocks, at)];
}

/** Chat takes no images from tools: they are shown by the user, right after the tools' results. */
function toUserMessages(blocks: readonly Fields[], path: string): readonly ChatMessage[] {
  const results: ChatMessage[] = [];
  const parts: Part[] = [];
  for (const [index, block] of blocks.entries()) {
    const at = `${path}[${index}]`;
    if (block["type"] !== "tool_result") {
      parts.push(toPart(block, at));
      continue;
    }
    const { message, images } = toToolMessage(block, at);
    results.push(message);
    parts.push(...images);
  }
  if (parts.length === 0) return results;
  const [only] = parts;
  const content = parts.length === 1 && only?.["type"] === "text" ? only["text"] : parts;
  return [...results, { role: "user", content }];
}

function toPart(block: Fields, path: string): Part {
  const type = readText(block["type"], `${path}.type`);
  if (type === "text") return { type, text: readTextBlock(block, path) };
  if (type === "image") {
    refuseOthers(block, imageFields, path);
    return { type: "image_url", image_url: { url: readImage(block["source"], `${path}.source`) } };
  }
  if (type === "document") return toDocumentPart(block, path);
  throw unsupported(`${path}.type`);
}

function readImage(value: unknown, path: string): string {
  const source = readObject(value, path);
  const type = readText(source["type"], `${path}.type`);
  if (type === "url") return readText(source["url"], `${path}.url`);
  if (type !== "base64") throw unsupported(`${path}.type`);
  return readDataUrl(source, path);
}

function readDataUrl(source: Fields, path: string): string {
  const mediaType = readText(source["media_type"], `${path}.media_type`);
  return `data:${mediaType};base64,${readText(source["data"], `${path}.data`)}`;
}

function toDocumentPart(block: Fields, path: string): Part {
  refuseOthers(block, documentFields, path);
  const at = `${path}.source`;
  const source = readObject(block["source"], at);
  const type = readText(source["type"], `${at}.type`);
  const title = readOptional(block["title"], `${path}.title`, readText);
  if (type === "text") {
    const text = readText(source["data"], `${at}.data`);
    return { type: "text", text: title === undefined ? text : `${title}\n\n${text}` };
  }
  if (type !== "base64") throw unsupported(`${at}.type`);
  return { type: "file", file: { filename: title ?? "document.pdf", file_data: readDataUrl(source, at) } };
}

function toToolMessage(
  block: Fields,
  path: string,
): { readonly message: ChatMessage; readonly images: readonly Part[] } {
  refuseOthers(block, toolResultFields, path);
  const texts: string[] = [];
  const images: Part[] = [];
  const { content } = block;
  const items = typeof content === "string" ? [{ type: "text", text: content }] : (content ?? []);
  for (const [index, item] of readList(items, `${path}.content`).entries()) {
    const at = `${path}.content[${index}]`;
    const given = readObject(item, at);
    const isFound = given["type"] === "tool_reference";
    const part = isFound ? { type: "text", text: toFoundText(given, at) } : toPart(given, at);
    if (part["type"] === "text") texts.push(String(part["text"]));
    else images.push(part);
  }
  // Chat cannot say that a tool failed, except in words.
  const isError = readOptional(block["is_error"], `${path}.is_error`, readFlag) === true;
  const id = readText(block["tool_use_id"], `${path}.tool_use_id`);
  const message = { role: "tool", tool_call_id: id, content: (isError ? "Error: " : "") + texts.join("\n\n") };
  return { message, images };
}

/**
 * What a model said and called. Its earlier thoughts are left out, as Anthropic itself does: they are bound to the model
 * that had them, and providers of chat refuse or ignore them.
 */
function toAssistantMessage(blocks: readonly Fields[], path: string): ChatMessage {
  const texts: string[] = [];
  const calls: object[] = [];
  for (const [index, block] of blocks.entries()) {
    const at = `${path}[${index}]`;
    switch (readText(block["type"], `${at}.type`)) {
      case "text":
        texts.push(readTextBlock(block, at));
        break;
      case "tool_use":
        calls.push(toToolCall(block, at));
        break;
      case "thinking":
      case "redacted_thinking":
        break;
      default:
        throw unsupported(`${at}.type`);
    }
  }
  const content = texts.length === 0 && calls.length > 0 ? null : texts.join("");
  return { role: "assistant", content, ...(calls.length > 0 && { tool_calls: calls }) };
}

function toToolCall(block: Fields, path: string): object {
  refuseOthers(block, toolUseFields, path);
  const input = isAbsent(block["input"]) ? {} : readObject(block["input"], `${path}.input`);
  const name = readText(block["name"], `${path}.name`);
  const id = readText(block["id"], `${path}.id`);
  return { id, type: "function", function: { name, arguments: JSON.stringify(input) } };
}
