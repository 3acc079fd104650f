import { createSseReader } from "../dialects/openai/sse.ts";
import { fieldOf } from "../dialects/openai/usage.ts";

type Json = Record<string, unknown>;

const maxEventBytes = 67_108_864;

/**
 * An answer as its caller would have got it whole: what was not streamed is parsed, of a stream the pieces are put together in the
 * form of its dialect. Undefined for what says nothing, or nothing that is known.
 */
export function assembleAnswer(bytes: Buffer): unknown {
  const text = bytes.toString("utf8");
  if (/^\s*[[{]/.test(text)) {
    const json = parse(text);
    return Array.isArray(json) && json.every((it) => fieldOf(it, "candidates") !== undefined)
      ? assemble(json as Json[])
      : json;
  }
  const reader = createSseReader(maxEventBytes);
  const last = [...reader.push(bytes), reader.flush()];
  const events = last.flatMap((event) => {
    const json = event?.data === undefined ? undefined : parse(event.data);
    return typeof json === "object" && json !== null ? [json as Json] : [];
  });
  return assemble(events);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The dialect shows in what the events hold. */
function assemble(events: readonly Json[]): unknown {
  if (events.length === 0) return undefined;
  if (events.some(({ type }) => type === "message_start")) return assembleMessage(events);
  if (events.some(({ type }) => String(type).startsWith("response."))) return assembleResponse(events);
  if (events.some(({ candidates }) => Array.isArray(candidates))) return assembleContent(events);
  if (events.some(({ choices }) => Array.isArray(choices))) return assembleChat(events);
  return events.at(-1);
}

function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter((it) => typeof it === "object" && it !== null) : [];
}

function errorIn(events: readonly Json[]): Json {
  const failed = events.find(({ error }) => typeof error === "object" && error !== null);
  return failed ? { error: failed["error"] } : {};
}

/** OpenAI's chat and completions. */
function assembleChat(events: readonly Json[]): Json {
  const choices = new Map<unknown, Json>();
  let head: Json = {};
  let usage: unknown;
  for (const { choices: parts, usage: said, ...rest } of events) {
    if (parts !== undefined && Object.keys(head).length === 0) head = rest;
    usage = said ?? usage;
    for (const { delta, ...part } of listOf(parts)) {
      const choice = choices.get(part["index"]) ?? {};
      choices.set(part["index"], choice);
      mergePiece(choice, part);
      if (typeof delta === "object" && delta !== null) {
        const message = (choice["message"] ?? {}) as Json;
        mergePiece(message, delta as Json);
        choice["message"] = message;
      }
    }
  }
  const object = head["object"] === "chat.completion.chunk" ? { object: "chat.completion" } : {};
  return { ...head, ...object, choices: [...choices.values()], ...(usage ? { usage } : {}), ...errorIn(events) };
}

/** What is said once, however often it comes. */
const saidOnce: ReadonlySet<string> = new Set(["role", "id", "type", "name", "index", "finish_reason", "stop_reason"]);

/** Adds a piece of a message: texts go on, lists by their `index`, and all else is what came last. */
function mergePiece(whole: Json, piece: Json): void {
  for (const [name, value] of Object.entries(piece)) {
    const before = whole[name];
    if (value === null || value === undefined) whole[name] ??= value;
    else if (typeof value === "string" && !saidOnce.has(name))
      whole[name] = typeof before === "string" ? before + value : value;
    else if (Array.isArray(value)) whole[name] = mergeLists(Array.isArray(before) ? before : [], value);
    else if (typeof value === "object" && typeof before === "object" && before !== null)
      mergePiece(before as Json, value as Json);
    else whole[name] = value;
  }
}

function mergeLists(before: unknown[], pieces: readonly unknown[]): unknown[] {
  for (const piece of pieces) {
    const index = fieldOf(piece, "index");
    const known = index === undefined ? undefined : before.find((it) => fieldOf(it, "index") === index);
    if (known) mergePiece(known as Json, piece as Json);
    else before.push(typeof piece === "object" && piece !== null ? structuredClone(piece) : piece);
  }
  return before;
}

const deltaTexts: Readonly<Record<string, string>> = {
  text_delta: "text",
  thinking_delta: "thinking",
  signature_delta: "signature",
};

/** Anthropic's messages. */
function assembleMessage(events: readonly Json[]): Json {
  const message: Json = {};
  const blocks = new Map<unknown, Json>();
  const inputs = new Map<unknown, string>();
  for (const event of events) {
    const index = event["index"];
    const delta = (event["delta"] ?? {}) as Json;
    if (event["type"] === "message_start") Object.assign(message, event["message"]);
    else if (event["type"] === "content_block_start") blocks.set(index, { ...(event["content_block"] as Json) });
    else if (event["type"] === "message_delta") {
      Object.assign(message, delta);
      message["usage"] = { ...(message["usage"] as Json | undefined), ...(event["usage"] as Json | undefined) };
    } else if (event["type"] === "content_block_delta") {
      const block = blocks.get(index) ?? {};
      blocks.set(index, block);
      const name = deltaTexts[String(delta["type"])];
      if (name !== undefined) block[name] = String(block[name] ?? "") + String(delta[name] ?? "");
      else if (delta["type"] === "input_json_delta") {
        inputs.set(index, (inputs.get(index) ?? "") + String(delta["partial_json"] ?? ""));
      }
    }
  }
  for (const [index, input] of inputs) {
    const block = blocks.get(index);
    if (block && input !== "") block["input"] = parse(input) ?? input;
  }
  return { ...message, content: [...blocks.values()], ...errorIn(events) };
}

/** OpenAI's responses: the last event has all of it, unless the stream broke off. */
function assembleResponse(events: readonly Json[]): Json {
  const whole = events.findLast(({ response, type }) => response !== undefined && type !== "response.created");
  const isEnded = /^response\.(completed|incomplete|failed|cancelled)$/.test(String(whole?.["type"]));
  if (whole && isEnded) return whole["response"] as Json;
  const texts = new Map<string, string>();
  for (const { type, delta, output_index: index } of events) {
    if (typeof delta !== "string") continue;
    const channel = `${index} ${String(type)}`;
    texts.set(channel, (texts.get(channel) ?? "") + delta);
  }
  const begun = (events.find(({ response }) => response !== undefined)?.["response"] ?? {}) as Json;
  return { ...begun, output: [...texts.values()].map((text) => ({ text })), ...errorIn(events) };
}

/** Google's contents. */
function assembleContent(events: readonly Json[]): Json {
  const candidates = new Map<unknown, Json>();
  const whole: Json = {};
  for (const { candidates: parts, ...rest } of events) {
    Object.assign(whole, rest);
    for (const { content, ...part } of listOf(parts)) {
      const candidate = candidates.get(part["index"]) ?? {};
      candidates.set(part["index"], candidate);
      const { parts: said, ...head } = (content ?? {}) as Json;
      const before = (candidate["content"] ?? { parts: [] }) as { parts: Json[] };
      for (const piece of listOf(said)) addPart(before.parts, piece);
      Object.assign(candidate, part, { content: { ...before, ...head, parts: before.parts } });
    }
  }
  return { candidates: [...candidates.values()], ...whole };
}

function addPart(parts: Json[], piece: Json): void {
  const last = parts.at(-1);
  const isText = typeof piece["text"] === "string" && typeof last?.["text"] === "string";
  if (last && isText && last["thought"] === piece["thought"]) last["text"] = `${last["text"]}${piece["text"]}`;
  else parts.push({ ...piece });
}
