import {
  type Fields,
  isAbsent,
  readList,
  readObject,
  readOneOf,
  readOptional,
  readText,
  refuseOthers,
  unsupported,
} from "../request-fields.ts";

import { toToldSummary } from "./compaction-item.ts";
import { bringsTools, type PlacedItem, toFoundText, toToolCall } from "./response-tools.ts";

type ChatMessage = Readonly<Record<string, unknown>>;
type Part = Readonly<Record<string, unknown>>;

const messageFields = new Set(["type", "role", "content", "id", "status", "phase"]);
const outputTypes: ReadonlySet<string> = new Set([
  "function_call_output",
  "custom_tool_call_output",
  "tool_search_output",
]);
/** A tool that gave a text may be named in its result. */
const outputFields = new Set(["type", "call_id", "output", "id", "status", "name"]);

/** The items of a request's `input`, as they are listed: each with a type, an id of its own or made from `prefix`, and parts. */
export function readInputItems(value: unknown, prefix: string): readonly Fields[] {
  const items = typeof value === "string" ? [{ role: "user", content: value }] : readList(value, "input");
  return items.map((value, index) => {
    const item = readObject(value, `input[${index}]`);
    const { content } = item;
    const type = item["type"] ?? "message";
    const textType = item["role"] === "assistant" ? "output_text" : "input_text";
    return {
      ...item,
      type,
      id: isAbsent(item["id"]) ? `${idPrefixOf(type)}_${prefix}_${index}` : item["id"],
      ...(typeof content === "string" && { content: [{ type: textType, text: content }] }),
    };
  });
}

const idPrefixes: Readonly<Record<string, string>> = {
  ...{ function_call: "fc", function_call_output: "fco", custom_tool_call: "ctc", custom_tool_call_output: "ctco" },
  ...{ tool_search_call: "tsc", tool_search_output: "tso", additional_tools: "at" },
};

function idPrefixOf(type: unknown): string {
  return idPrefixes[String(type)] ?? "msg";
}

/** Items of a conversation as messages of chat. `paths` name the items in refusals. */
export function toChatMessages(items: readonly PlacedItem[]): ChatMessage[] {
  const messages: ChatMessage[] = [];
  /** Chat takes no images from tools: they are shown by the user, after the results of all tools. */
  let shown: Part[] = [];
  const showImages = () => {
    if (shown.length > 0) messages.push({ role: "user", content: shown });
    shown = [];
  };
  for (const { item: given, path } of items) {
    const { internal_chat_message_metadata_passthrough: _, ...item } = toToldSummary(given);
    const type = readText(item["type"], `${path}.type`);
    if (outputTypes.has(type)) {
      const { message, images } =
        type === "tool_search_output" ? toFoundMessage(item, path) : toToolMessage(item, path);
      messages.push(message);
      shown.push(...images);
      continue;
    }
    showImages();
    const call = toToolCall(item, path);
    if (type === "message") addMessage(messages, item, path);
    else if (call) addCall(messages, call);
    // What a model thought is bound to that model; chat has no place for it. Tools are read where all of them are.
    else if (type !== "reasoning" && !bringsTools(item)) throw unsupported(`${path}.type`);
  }
  showImages();
  return messages;
}

function addMessage(messages: ChatMessage[], item: Fields, path: string): void {
  refuseOthers(item, messageFields, path);
  const role = readOneOf(item["role"], `${path}.role`, ["user", "assistant", "system", "developer"]);
  const content = toContent(item["content"], `${path}.content`, role === "assistant");
  const last = messages.at(-1);
  // Results have to follow calls at once, so what is said between them belongs to the calls.
  if (role === "assistant" && last?.["tool_calls"] !== undefined) {
    messages[messages.length - 1] = { ...last, content: String(last["content"] ?? "") + content };
  } else messages.push({ role, content });
}

/** Calls of one turn, and what was said before them, are one message. */
function addCall(messages: ChatMessage[], call: object): void {
  const last = messages.at(-1);
  if (last?.["role"] !== "assistant") {
    messages.push({ role: "assistant", content: null, tool_calls: [call] });
    return;
  }
  const calls = (last["tool_calls"] ?? []) as readonly object[];
  messages[messages.length - 1] = { ...last, tool_calls: [...calls, call] };
}

function toContent(value: unknown, path: string, isAssistant: boolean): unknown {
  if (typeof value === "string") return value;
  const parts = readList(value, path).map((part, index) =>
    toPart(readObject(part, `${path}[${index}]`), `${path}[${index}]`),
  );
  const [only] = parts;
  if (isAssistant) return parts.map(({ text }) => text ?? "").join("");
  return parts.length === 1 && only?.["type"] === "text" ? only["text"] : parts;
}

function toPart(part: Fields, path: string): Part {
  const type = readText(part["type"], `${path}.type`);
  switch (type) {
    case "input_text":
    case "output_text":
      refuseOthers(part, new Set(["type", "text", "annotations", "logprobs"]), path);
      return { type: "text", text: readText(part["text"], `${path}.text`) };
    case "refusal":
      refuseOthers(part, new Set(["type", "refusal"]), path);
      return { type: "text", text: readText(part["refusal"], `${path}.refusal`) };
    case "input_image":
      return toImagePart(part, path);
    case "input_file":
      refuseOthers(part, new Set(["type", "file_data", "filename"]), path);
      return {
        type: "file",
        file: {
          filename: readOptional(part["filename"], `${path}.filename`, readText) ?? "file",
          file_data: readText(part["file_data"], `${path}.file_data`),
        },
      };
    default:
      throw unsupported(`${path}.type`);
  }
}

function toImagePart(part: Fields, path: string): Part {
  refuseOthers(part, new Set(["type", "image_url", "detail"]), path);
  const url = readText(part["image_url"], `${path}.image_url`);
  const detail = readOptional(part["detail"], `${path}.detail`, readText);
  return { type: "image_url", image_url: { url, ...(detail !== undefined && { detail }) } };
}

interface ToolMessage {
  readonly message: ChatMessage;
  readonly images: readonly Part[];
}

function toFoundMessage(item: Fields, path: string): ToolMessage {
  const call = readText(item["call_id"], `${path}.call_id`);
  return { message: { role: "tool", tool_call_id: call, content: toFoundText(item, path) }, images: [] };
}

function toToolMessage(item: Fields, path: string): ToolMessage {
  refuseOthers(item, outputFields, path);
  const { output } = item;
  const at = `${path}.output`;
  const parts =
    typeof output === "string"
      ? []
      : readList(output, at).map((part, index) => toPart(readObject(part, `${at}[${index}]`), `${at}[${index}]`));
  const texts =
    typeof output === "string" ? [output] : parts.flatMap(({ type, text }) => (type === "text" ? [text] : []));
  const message = {
    role: "tool",
    tool_call_id: readText(item["call_id"], `${path}.call_id`),
    content: texts.join("\n\n"),
  };
  return { message, images: parts.filter(({ type }) => type !== "text") };
}
