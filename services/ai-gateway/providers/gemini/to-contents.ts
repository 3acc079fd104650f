import { refuseField } from "../../call/refuse-field.ts";
import { fieldOf } from "../../dialects/openai/usage.ts";
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

type Part = Readonly<Record<string, unknown>>;
type Role = "user" | "model";

interface Content {
  readonly role: Role;
  readonly parts: Part[];
}

/**
 * What stands for the signature of a call that another model made, or whose signature the caller did not keep: newer models
 * refuse one without (ai.google.dev/gemini-api/docs/thought-signatures).
 */
const noSignature = "skip_thought_signature_validator";
const audioTypes: Readonly<Record<string, string>> = { wav: "audio/wav", mp3: "audio/mp3" };

/**
 * Messages of chat as contents, which go by turns. What the system says stands above them. Results of tools name the function
 * there, which chat's name only by the id of its call.
 */
export function toContents(value: unknown): {
  readonly systemInstruction?: object;
  readonly contents: readonly Content[];
} {
  const system: Part[] = [];
  const contents: Content[] = [];
  const names = new Map<string, string>();
  const add = (role: Role, parts: readonly Part[]) => {
    const last = contents.at(-1);
    if (last?.role === role) last.parts.push(...parts);
    else if (parts.length > 0) contents.push({ role, parts: [...parts] });
  };
  for (const [index, item] of readList(value, "messages").entries()) {
    const path = `messages[${index}]`;
    const message = readObject(item, path);
    const role = readOneOf(message["role"], `${path}.role`, ["system", "developer", "user", "assistant", "tool"]);
    const at = `${path}.content`;
    if (role === "system" || role === "developer") system.push(...toTexts(message["content"], at));
    else if (role === "user") add("user", toParts(message["content"], at));
    else if (role === "tool") add("user", [toFunctionResponse(message, path, names)]);
    else add("model", toModelParts(message, path, names));
  }
  return { ...(system.length > 0 && { systemInstruction: { parts: system } }), contents };
}

function toTexts(value: unknown, path: string): readonly Part[] {
  return toParts(value, path).map((part, index) => {
    if (part["text"] === undefined) throw unsupported(`${path}[${index}].type`);
    return part;
  });
}

function toParts(value: unknown, path: string): readonly Part[] {
  if (typeof value === "string") return value === "" ? [] : [{ text: value }];
  return readList(value, path).map((part, index) => toPart(readObject(part, `${path}[${index}]`), `${path}[${index}]`));
}

function toPart(part: Fields, path: string): Part {
  const type = readText(part["type"], `${path}.type`);
  refuseOthers(part, new Set(["type", type, "cache_control"]), path);
  if (type === "text") return { text: readText(part["text"], `${path}.text`) };
  if (type === "image_url") {
    const at = `${path}.image_url.url`;
    return toInlineData(readText(readObject(part["image_url"], `${path}.image_url`)["url"], at), at);
  }
  if (type === "file") {
    const file = readObject(part["file"], `${path}.file`);
    refuseOthers(file, new Set(["filename", "file_data"]), `${path}.file`);
    return toInlineData(readText(file["file_data"], `${path}.file.file_data`), `${path}.file.file_data`);
  }
  if (type !== "input_audio") throw unsupported(`${path}.type`);
  const audio = readObject(part["input_audio"], `${path}.input_audio`);
  const format = readOneOf(audio["format"], `${path}.input_audio.format`, ["wav", "mp3"]);
  const data = readText(audio["data"], `${path}.input_audio.data`);
  return { inlineData: { mimeType: audioTypes[format], data } };
}

function toInlineData(url: string, path: string): Part {
  const read = readDataUrl(url);
  if (read) return { inlineData: { mimeType: read.mediaType, data: read.data } };
  throw refuseField(path, "must be data in base64 for this model", "对此模型必须是 base64 数据");
}

function toFunctionResponse(message: Fields, path: string, names: ReadonlyMap<string, string>): Part {
  const id = readText(message["tool_call_id"], `${path}.tool_call_id`);
  const name = names.get(id);
  if (name === undefined) {
    throw refuseField(
      `${path}.tool_call_id`,
      "must be the id of a call in a message before it",
      "必须是前面消息中某次调用的 id",
    );
  }
  const text = toTexts(message["content"], `${path}.content`)
    .map((part) => String(part["text"]))
    .join("\n\n");
  return { functionResponse: { id, name, response: { output: text } } };
}

/** What it thought is left out, but for the signatures of its calls. */
function toModelParts(message: Fields, path: string, names: Map<string, string>): readonly Part[] {
  const { content, tool_calls: calls } = message;
  const texts = isAbsent(content) ? [] : toTexts(content, `${path}.content`);
  const called = isAbsent(calls) ? [] : readList(calls, `${path}.tool_calls`);
  return [
    ...texts,
    ...called.map((item, n) => {
      const at = `${path}.tool_calls[${n}]`;
      const call = readObject(item, at);
      const part = toFunctionCall(call, at);
      names.set(part.id, part.name);
      const { id, name, args } = part;
      // The first call of a turn bears the signature for all of them.
      const signature = signatureOf(call) ?? (n === 0 ? noSignature : undefined);
      return { functionCall: { id, name, args }, ...(signature !== undefined && { thoughtSignature: signature }) };
    }),
  ];
}

function toFunctionCall(call: Fields, path: string) {
  const called = readObject(call["function"], `${path}.function`);
  const name = readText(called["name"], `${path}.function.name`);
  const at = `${path}.function.arguments`;
  return { id: readText(call["id"], `${path}.id`), name, args: readArguments(called["arguments"], at) };
}

/** Where Google's own endpoint for chat puts it. */
function signatureOf(call: Fields): string | undefined {
  const signature = fieldOf(fieldOf(call["extra_content"], "google"), "thought_signature");
  return typeof signature === "string" ? signature : undefined;
}
