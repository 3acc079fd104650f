import { byteAt, closeBracket, nextItem, notJson, openList, skipValue, toJsonBytes } from "../scan/json-bytes.ts";
import { type Fields, isFields } from "./request-json.ts";

/** Who says what a conversation is about before anybody asks. */
const instructing = new Set<unknown>(["system", "developer"]);
/** Where dialects put instructions apart from messages, and where they put messages. */
const instructionFields = ["system", "instructions", "systemInstruction", "system_instruction"];
const messageFields = ["messages", "contents", "input"];
const maxDepth = 4;

/**
 * What a conversation begins with, in any dialect: its instructions and its first message that is none, as text. It stays the same
 * while the conversation grows, whatever marks for caches its parts carry by then. Undefined where there is no message.
 */
export function openingOf(request: unknown): string | undefined {
  if (!isFields(request)) return undefined;
  const said = instructionFields.map((field) => textOf(request[field], 0));
  const messages = messagesOf(request);
  if (typeof messages === "string") return [...said, messages].join("\n");
  if (!Array.isArray(messages) || messages.length === 0) return undefined;
  const first = messages.findIndex((message) => !isInstruction(message));
  const opening = first < 0 ? messages : messages.slice(0, first + 1);
  return [...said, ...opening.map((message) => textOf(message, 0))].join("\n");
}

/** The same of a chat request whose list of messages begins at `start`, of which nothing else is read. */
export function openingAt(body: Buffer, start: number): string | undefined {
  const json = toJsonBytes(body);
  const messages: unknown[] = [];
  let at = openList(json, start);
  while (at !== notJson && byteAt(json, at) !== closeBracket) {
    const end = skipValue(json, at);
    if (end === notJson) return undefined;
    const message: unknown = JSON.parse(body.toString("utf8", at, end));
    messages.push(message);
    if (!isInstruction(message)) break;
    at = nextItem(json, end);
  }
  return openingOf({ messages });
}

/** The messages of a request in any dialect: a list, or one text. */
export function messagesOf(request: Fields): unknown {
  return messageFields.map((field) => request[field]).find((value) => value !== undefined);
}

function isInstruction(message: unknown): boolean {
  return isFields(message) && instructing.has(message["role"]);
}

/** The texts within a message or a list of parts. */
export function textOf(value: unknown, depth: number): string {
  if (typeof value === "string") return value;
  if (depth > maxDepth) return "";
  if (Array.isArray(value)) return value.map((part) => textOf(part, depth + 1)).join("\n");
  if (!isFields(value)) return "";
  return textOf(value["content"] ?? value["parts"] ?? value["text"], depth + 1);
}
