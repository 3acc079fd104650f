import { fieldOf } from "../openai/usage.ts";
import { type Fields, isAbsent, readList, readObject, readOneOf, readText, unsupported } from "../request-fields.ts";
import { readMessage } from "./content-fields.ts";

type ChatMessage = Readonly<Record<string, unknown>>;
type Part = Readonly<Record<string, unknown>>;

const audioFormats: Readonly<Record<string, string>> = { "audio/wav": "wav", "audio/mp3": "mp3", "audio/mpeg": "mp3" };
/** What says how a part came about, and not what it says. */
const about = new Set(["thought", "thoughtSignature", "videoMetadata", "partMetadata"]);

/** A text, or the texts of a content's parts, a blank line between them. */
export function readInstruction(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  return partsOf(readMessage(value, path), path)
    .map((part, index) => readText(part["text"], `${path}.parts[${index}].text`))
    .join("\n\n");
}

/**
 * A conversation as messages of chat. Calls without an id get one, and the results that follow find it by the function's name. Thoughts
 * and their signatures are left out: they are bound to the model that had them.
 */
export function toChatMessages(value: unknown, path: string): readonly ChatMessage[] {
  const open: { readonly id: string; readonly name: string }[] = [];
  let calls = 0;

  function toAssistantMessage(parts: readonly Fields[], at: string): ChatMessage {
    let text = "";
    const called: object[] = [];
    for (const [index, part] of parts.entries()) {
      const where = `${at}.parts[${index}]`;
      if (part["thought"] === true) continue;
      const kind = kindOf(part, where);
      if (kind === "text") text += readText(part["text"], `${where}.text`);
      else if (kind !== "functionCall") throw unsupported(`${where}.${kind}`);
      else {
        const call = readMessage(part["functionCall"], `${where}.functionCall`);
        const name = readText(call["name"], `${where}.functionCall.name`);
        const id = isAbsent(call["id"]) ? `call_${calls}_${name}` : readText(call["id"], `${where}.functionCall.id`);
        const args = isAbsent(call["args"]) ? {} : readObject(call["args"], `${where}.functionCall.args`);
        calls++;
        open.push({ id, name });
        called.push({ id, type: "function", function: { name, arguments: JSON.stringify(args) } });
      }
    }
    const content = text === "" && called.length > 0 ? null : text;
    return { role: "assistant", content, ...(called.length > 0 && { tool_calls: called }) };
  }

  function toUserMessages(parts: readonly Fields[], at: string): readonly ChatMessage[] {
    const results: ChatMessage[] = [];
    const said: Part[] = [];
    for (const [index, part] of parts.entries()) {
      const where = `${at}.parts[${index}]`;
      if (kindOf(part, where) === "functionResponse") results.push(toToolMessage(part, `${where}.functionResponse`));
      else said.push(toPart(part, where));
    }
    if (said.length === 0) return results;
    const [only] = said;
    return [
      ...results,
      { role: "user", content: said.length === 1 && only?.["type"] === "text" ? only["text"] : said },
    ];
  }

  function toToolMessage(part: Fields, at: string): ChatMessage {
    const result = readMessage(part["functionResponse"], at);
    const name = readText(result["name"], `${at}.name`);
    const given = isAbsent(result["id"]) ? undefined : readText(result["id"], `${at}.id`);
    const place = open.findIndex((call) => (given === undefined ? call.name === name : call.id === given));
    const [call] = place < 0 ? [] : open.splice(place, 1);
    return { role: "tool", tool_call_id: call?.id ?? given ?? name, content: toResultText(result["response"]) };
  }

  return readContents(value, path).flatMap((item, index) => {
    const at = Array.isArray(value) ? `${path}[${index}]` : path;
    const content = readMessage(item, at);
    const role = isAbsent(content["role"])
      ? "user"
      : readOneOf(content["role"], `${at}.role`, ["user", "model", "function", "tool"]);
    const parts = partsOf(content, at);
    return role === "model" ? [toAssistantMessage(parts, at)] : toUserMessages(parts, at);
  });
}

/** One content may stand without a list around it. */
function readContents(value: unknown, path: string): readonly unknown[] {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? [value] : readList(value, path);
}

function partsOf(content: Fields, path: string): readonly Fields[] {
  const { parts } = content;
  const list = Array.isArray(parts) || isAbsent(parts) ? (parts ?? []) : [parts];
  return readList(list, `${path}.parts`).map((part, index) => readMessage(part, `${path}.parts[${index}]`));
}

/** A part says one thing. */
function kindOf(part: Fields, path: string): string {
  const kinds = Object.keys(part).filter((name) => !about.has(name) && !isAbsent(part[name]));
  const [kind, other] = kinds;
  if (kind === undefined) throw unsupported(path);
  if (other !== undefined) throw unsupported(`${path}.${other}`);
  return kind;
}

function toPart(part: Fields, path: string): Part {
  const kind = kindOf(part, path);
  if (kind === "text") return { type: "text", text: readText(part["text"], `${path}.text`) };
  if (kind === "inlineData")
    return toDataPart(readMessage(part["inlineData"], `${path}.inlineData`), `${path}.inlineData`);
  if (kind !== "fileData") throw unsupported(`${path}.${kind}`);
  const at = `${path}.fileData`;
  const file = readMessage(part["fileData"], at);
  const url = readText(file["fileUri"], `${at}.fileUri`);
  const isImage = isAbsent(file["mimeType"]) || readText(file["mimeType"], `${at}.mimeType`).startsWith("image/");
  // Files that lie at Google are Google's to read.
  if (!isImage || !/^https:\/\//.test(url) || /^https:\/\/generativelanguage\.googleapis\.com\//.test(url)) {
    throw unsupported(`${at}.fileUri`);
  }
  return { type: "image_url", image_url: { url } };
}

function toDataPart(blob: Fields, path: string): Part {
  const mediaType = readText(blob["mimeType"], `${path}.mimeType`);
  const data = toPlainBase64(readText(blob["data"], `${path}.data`));
  const format = audioFormats[mediaType];
  if (format !== undefined) return { type: "input_audio", input_audio: { data, format } };
  const url = `data:${mediaType};base64,${data}`;
  if (mediaType.startsWith("image/")) return { type: "image_url", image_url: { url } };
  const isNamed = !isAbsent(blob["displayName"]);
  const filename = isNamed ? readText(blob["displayName"], `${path}.displayName`) : "document.pdf";
  return { type: "file", file: { filename, file_data: url } };
}

/** ProtoJSON takes base64 of either alphabet, with padding or without, and Google's SDK for Python writes that of URLs; others take the plain one alone. */
function toPlainBase64(data: string): string {
  const plain = /[-_]/.test(data) ? data.replaceAll("-", "+").replaceAll("_", "/") : data;
  return plain.length % 4 === 0 ? plain : plain.padEnd(plain.length + 4 - (plain.length % 4), "=");
}

/** `output` is what Google's SDKs call a result that is nothing but a text. */
function toResultText(response: unknown): string {
  const output = fieldOf(response, "output") ?? fieldOf(response, "result");
  const isAlone = typeof output === "string" && Object.keys(Object(response)).length === 1;
  return isAlone ? output : JSON.stringify(response ?? {});
}
