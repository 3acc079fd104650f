import { refuseField } from "../call/refuse-field.ts";

/** Where a request of any dialect has what is said: its conversation, its instructions, what is to be embedded or ranked. */
const saying: ReadonlySet<string> = new Set([
  ...["messages", "system", "input", "instructions", "contents", "systemInstruction", "system_instruction"],
  ...["prompt", "suffix", "query", "documents"],
]);
/** What names, points or proves and says nothing; what a provider has signed has to stay as it is. */
const notSaid: ReadonlySet<string> = new Set([
  ...["role", "type", "id", "name", "model", "tool_call_id", "tool_use_id", "call_id", "cache_control", "detail"],
  ...["signature", "thoughtSignature", "thought_signature", "encrypted_content", "thinking", "data", "media_type"],
  ...["mimeType", "mime_type", "url", "image_url", "file_data", "file_id", "fileUri", "file_uri", "format"],
]);
/** Below these every text is one that a tool was given or has given. */
const ofTools: ReadonlySet<string> = new Set(["input", "args", "response"]);
const maxDepth = 200;

type Change = (text: string) => string;
type Within = "request" | "said" | "tool";

/**
 * A parsed request with every text that says something as `change` has it; the same object where nothing changes. Numbers that
 * `parseExact` has kept stay.
 */
export function changeTexts(
  json: Readonly<Record<string, unknown>>,
  change: Change,
): Readonly<Record<string, unknown>> {
  return walkObject(json, change, "request", 0);
}

/** The arguments of a tool call: the texts in their JSON, or the text itself where it is none. */
export function changeArguments(text: string, change: Change): string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return change(text);
  }
  const changed = walk(json, change, "tool", 0);
  return changed === json ? text : JSON.stringify(changed);
}

/** Every text below a value of a tool's. */
export function changeAll(value: unknown, change: Change): unknown {
  return walk(value, change, "tool", 0);
}

function walk(value: unknown, change: Change, within: Within, depth: number): unknown {
  if (typeof value === "string") return change(value);
  if (typeof value !== "object" || value === null || isRawNumber(value)) return value;
  if (depth > maxDepth) throw refuseField("messages", "is nested too deeply to be looked at", "嵌套过深，无法检查");
  if (!Array.isArray(value)) return walkObject(value as Record<string, unknown>, change, within, depth);
  const items = value.map((item) => walk(item, change, within, depth + 1));
  return items.every((item, n) => item === value[n]) ? value : items;
}

function walkObject(
  object: Readonly<Record<string, unknown>>,
  change: Change,
  within: Within,
  depth: number,
): Readonly<Record<string, unknown>> {
  let changed: Record<string, unknown> | undefined;
  for (const [name, value] of Object.entries(object)) {
    const next = changeField(object, name, value, change, within, depth);
    if (next === value) continue;
    changed ??= { ...object };
    changed[name] = next;
  }
  return changed ?? object;
}

function changeField(
  object: Readonly<Record<string, unknown>>,
  name: string,
  value: unknown,
  change: Change,
  within: Within,
  depth: number,
): unknown {
  if (within === "tool") return walk(value, change, "tool", depth + 1);
  if (within === "request") return saying.has(name) ? walk(value, change, "said", depth + 1) : value;
  // The text of a document of Anthropic's stands where others have bytes.
  if (name === "data" && object["type"] === "text") return walk(value, change, "said", depth + 1);
  if (name === "arguments" && typeof value === "string") return changeArguments(value, change);
  if (notSaid.has(name)) return value;
  return walk(value, change, ofTools.has(name) ? "tool" : "said", depth + 1);
}

/** A number that a double cannot hold, as `parseExact` keeps it. */
function isRawNumber(value: object): boolean {
  return (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON(value);
}
