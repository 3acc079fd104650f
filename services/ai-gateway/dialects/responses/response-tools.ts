import { toFunctionTool } from "../function-tool.ts";
import {
  type Fields,
  readFlag,
  readList,
  readObject,
  readOneOf,
  readOptional,
  readText,
  refuseOthers,
  unsupported,
} from "../request-fields.ts";

/** How a call of a tool is told to a caller to whom it is more than a function with a name of its own. */
export interface ToldTool {
  readonly type: "function_call" | "custom_tool_call" | "tool_search_call";
  readonly name: string;
  readonly namespace: string | undefined;
}
/** By the names that the tools have in chat. */
export type ToldTools = ReadonlyMap<string, ToldTool>;

export interface PlacedItem {
  readonly item: Fields;
  readonly path: string;
}

/** The tools of a request: as chat has them, and how their calls are told. */
export interface ReadTools {
  readonly chat: readonly object[];
  readonly told: ToldTools;
}

interface ReadTool extends ToldTool {
  readonly chat: object;
  /** Shown to the model only once a search has found it. */
  readonly isDeferred: boolean;
}

const searchName = "tool_search";

/** The name in chat of a function of a namespace. No function of OpenAI's has a point in its name, and providers that take none are given another. */
export function toChatName(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}.${name}`;
}

/** Where a conversation brings tools of its own. */
export function bringsTools(item: Fields): boolean {
  return item["type"] === "additional_tools" || item["type"] === "tool_search_output";
}

/**
 * The tools that a model is shown: those of the request and of its conversation, and of the deferred ones those that were found.
 * Throws `invalid_request` naming a tool that runs at OpenAI.
 */
export function readTools(json: Fields, items: readonly PlacedItem[]): ReadTools {
  const shown = new Map<string, ReadTool>();
  for (const tool of readToolList(json["tools"], "tools")) if (!tool.isDeferred) shown.set(chatNameOf(tool), tool);
  for (const { item, path } of items) {
    if (!bringsTools(item)) continue;
    const isFound = item["type"] === "tool_search_output";
    for (const tool of readToolList(item["tools"], `${path}.tools`)) {
      if (isFound || !tool.isDeferred) shown.set(chatNameOf(tool), tool);
    }
  }
  const told = [...shown].filter(([, { type, namespace }]) => type !== "function_call" || namespace !== undefined);
  return { chat: [...shown.values()].map(({ chat }) => chat), told: new Map(told) };
}

function chatNameOf({ name, namespace }: ToldTool): string {
  return toChatName(name, namespace);
}

function readToolList(value: unknown, path: string): readonly ReadTool[] {
  const tools = readOptional(value, path, readList) ?? [];
  return tools.flatMap((tool, index) => readTool(readObject(tool, `${path}[${index}]`), `${path}[${index}]`));
}

function readTool(tool: Fields, path: string): readonly ReadTool[] {
  switch (readText(tool["type"], `${path}.type`)) {
    case "namespace":
      return readNamespace(tool, path);
    case "tool_search":
      return [readSearch(tool, path)];
    default:
      return [readCallable(tool, path)];
  }
}

function readCallable(tool: Fields, path: string, namespace?: string, about?: string): ReadTool {
  const type = readText(tool["type"], `${path}.type`);
  if (type !== "function" && type !== "custom") throw unsupported(`${path}.type`);
  const name = readText(tool["name"], `${path}.name`);
  const described = readOptional(tool["description"], `${path}.description`, readText);
  const description = [about, described].filter((text) => text !== undefined && text !== "").join("\n\n") || described;
  const isDeferred = readOptional(tool["defer_loading"], `${path}.defer_loading`, readFlag) ?? false;
  const own = { name, namespace, isDeferred };
  const chatName = toChatName(name, namespace);
  if (type === "custom") {
    return { ...own, type: "custom_tool_call", chat: toTextTool(tool, path, chatName, description) };
  }
  const fields = ["type", "name", "description", "parameters", "strict", "defer_loading", "output_schema"];
  refuseOthers(tool, new Set(fields), path);
  const parameters = readOptional(tool["parameters"], `${path}.parameters`, readObject);
  const strict = readOptional(tool["strict"], `${path}.strict`, readFlag);
  return {
    ...own,
    type: "function_call",
    chat: toFunctionTool({ name: chatName, description, parameters, strict }),
  };
}

/** A tool that is given a text: a function whose one argument that is. What the text has to be is said, for chat cannot hold it to that. */
function toTextTool(tool: Fields, path: string, name: string, described: string | undefined): object {
  refuseOthers(tool, new Set(["type", "name", "description", "format", "defer_loading"]), path);
  const format = readOptional(tool["format"], `${path}.format`, readObject) ?? { type: "text" };
  const isGrammar = readOneOf(format["type"], `${path}.format.type`, ["text", "grammar"]) === "grammar";
  const grammar = isGrammar
    ? `Its input keeps to this ${readText(format["syntax"], `${path}.format.syntax`)} grammar:\n${readText(format["definition"], `${path}.format.definition`)}`
    : undefined;
  return toFunctionTool({
    name,
    description: [described, grammar].filter((text) => text !== undefined).join("\n\n") || undefined,
    parameters: {
      type: "object",
      properties: { input: { type: "string", description: "The whole input of the tool, as it is." } },
      required: ["input"],
      additionalProperties: false,
    },
    strict: undefined,
  });
}

/** What a namespace is about stands with its first tool: chat has no other place for it. */
function readNamespace(tool: Fields, path: string): readonly ReadTool[] {
  refuseOthers(tool, new Set(["type", "name", "description", "tools"]), path);
  const namespace = readText(tool["name"], `${path}.name`);
  const about = readOptional(tool["description"], `${path}.description`, readText);
  return readList(tool["tools"], `${path}.tools`).map((inner, index) => {
    const at = `${path}.tools[${index}]`;
    return readCallable(readObject(inner, at), at, namespace, index === 0 ? about : undefined);
  });
}

/** A search that the caller runs; OpenAI's own is not to be had elsewhere. */
function readSearch(tool: Fields, path: string): ReadTool {
  refuseOthers(tool, new Set(["type", "execution", "description", "parameters"]), path);
  readOneOf(tool["execution"], `${path}.execution`, ["client"]);
  const chat = toFunctionTool({
    name: searchName,
    description: readOptional(tool["description"], `${path}.description`, readText),
    parameters: readOptional(tool["parameters"], `${path}.parameters`, readObject),
    strict: undefined,
  });
  return { type: "tool_search_call", name: searchName, namespace: undefined, isDeferred: false, chat };
}

/** A call that an item tells, as chat has it; undefined for an item that tells none. */
export function toToolCall(item: Fields, path: string): object | undefined {
  const said = readCall(item, path);
  if (!said) return undefined;
  const call = { name: said.name, arguments: said.text };
  return { id: readText(item["call_id"], `${path}.call_id`), type: "function", function: call };
}

function readCall(item: Fields, path: string): { readonly name: string; readonly text: string } | undefined {
  const own = ["type", "call_id", "id", "status"];
  const readName = () =>
    toChatName(readText(item["name"], `${path}.name`), readOptional(item["namespace"], `${path}.namespace`, readText));
  switch (item["type"]) {
    case "function_call":
      refuseOthers(item, new Set([...own, "name", "namespace", "arguments"]), path);
      return { name: readName(), text: readText(item["arguments"], `${path}.arguments`) };
    case "custom_tool_call":
      refuseOthers(item, new Set([...own, "name", "namespace", "input"]), path);
      return { name: readName(), text: JSON.stringify({ input: readText(item["input"], `${path}.input`) }) };
    case "tool_search_call":
      refuseOthers(item, new Set([...own, "execution", "arguments"]), path);
      return { name: searchName, text: JSON.stringify(item["arguments"] ?? {}) };
    default:
      return undefined;
  }
}

/** What a search found, as its result: the tools themselves are among those that may be called from then on. */
export function toFoundText(item: Fields, path: string): string {
  refuseOthers(item, new Set(["type", "call_id", "id", "status", "execution", "tools"]), path);
  const names = readToolList(item["tools"], `${path}.tools`).map(chatNameOf);
  return names.length === 0 ? "No tool was found." : `These tools can be called now: ${names.join(", ")}`;
}

/** What an item says of a call besides its ids: the fields in which its kind has what was written as a function's arguments. */
export function toCallFields({ type, name, namespace }: ToldTool, text: string): object {
  const named = { name, ...(namespace !== undefined && { namespace }) };
  if (type === "function_call") return { ...named, arguments: text };
  if (type === "custom_tool_call") return { ...named, input: toInput(text) };
  return { execution: "client", arguments: parseObject(text) ?? {} };
}

/** The text that a tool is given. A model that wrote no such argument is taken at its word. */
export function toInput(text: string): string {
  const input = parseObject(text)?.["input"];
  return typeof input === "string" ? input : text;
}

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
  } catch {
    return undefined;
  }
}
