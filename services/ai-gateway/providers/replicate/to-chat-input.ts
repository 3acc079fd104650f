import { parseBodyExact } from "../../call/parse-body.ts";
import type { CallRequest } from "../../call/read-request.ts";
import { refuseField } from "../../call/refuse-field.ts";
import {
  type Fields,
  isAbsent,
  readInteger,
  readList,
  readNumber,
  readObject,
  readOneOf,
  readOptional,
  readText,
  refuseOthers,
  unsupported,
} from "../../dialects/request-fields.ts";
import type { Model } from "../../model.ts";
import { refuseUnread } from "../asked-fields.ts";
import { readStops } from "../read-chat.ts";
import type { WireProvider } from "../wire.ts";

/** How models of one owner name what they take. */
interface Vocabulary {
  readonly system: string;
  readonly limit: string;
  /** The field of images, and whether it takes several; without it there is no place for one. */
  readonly images?: { readonly field: string; readonly takesSeveral: boolean };
  /** Whether a conversation has a field; elsewhere it is written down as one prompt. */
  readonly hasMessages?: boolean;
  readonly hasEffort?: boolean;
}

const usual: Vocabulary = { system: "system_prompt", limit: "max_tokens" };
/** The input schemas of replicate.com/openai/gpt-5, /anthropic/claude-4-sonnet, /google/gemini-2.5-flash. */
const vocabularies: Readonly<Record<string, Vocabulary>> = {
  openai: {
    ...{ system: "system_prompt", limit: "max_completion_tokens", hasMessages: true, hasEffort: true },
    images: { field: "image_input", takesSeveral: true },
  },
  anthropic: { ...usual, images: { field: "image", takesSeveral: false } },
  google: {
    ...{ system: "system_instruction", limit: "max_output_tokens" },
    images: { field: "images", takesSeveral: true },
  },
};

const read = [
  ...["model", "messages", "max_tokens", "max_completion_tokens", "stream", "stop", "temperature", "top_p", "top_k"],
  ...["seed", "presence_penalty", "frequency_penalty"],
];
const left = ["user", "service_tier"];

interface Turn {
  readonly role: "user" | "assistant";
  readonly text: string;
}

interface Talk {
  readonly system: string;
  readonly turns: readonly Turn[];
  readonly images: readonly string[];
}

/**
 * A chat as the input of a model, and the name of its limit there. Models take one prompt: a conversation is written down with who said what,
 * but for those that take messages. Throws `invalid_request` for a field that has no counterpart and asks for something.
 */
export function toChatInput(
  { body, outputLimit }: CallRequest,
  { upstreamName }: Model,
  provider?: WireProvider,
): { readonly input: Fields; readonly limit: string } {
  const json = parseBodyExact(body);
  const words = vocabularies[upstreamName.split("/", 1)[0] ?? ""] ?? usual;
  refuseUnread(json, words.hasEffort ? [...read, "reasoning_effort"] : read, left, provider);
  const talk = readTalk(readList(json["messages"], "messages"), words);
  return {
    limit: words.limit,
    input: {
      ...toPrompt(talk, words),
      ...toImages(talk.images, words),
      ...(outputLimit && { [words.limit]: outputLimit.tokens }),
      ...toSampling(json),
      ...(words.hasEffort && !isAbsent(json["reasoning_effort"]) && { reasoning_effort: json["reasoning_effort"] }),
    },
  };
}

function readTalk(messages: readonly unknown[], words: Vocabulary): Talk {
  const system: string[] = [];
  const turns: Turn[] = [];
  const images: string[] = [];
  for (const [n, item] of messages.entries()) {
    const path = `messages[${n}]`;
    const message = readObject(item, path);
    const role = readOneOf(message["role"], `${path}.role`, ["system", "developer", "user", "assistant"]);
    if (!isAbsent(message["tool_calls"])) throw unsupported(`${path}.tool_calls`);
    const isLast = n === messages.length - 1;
    const text = readContent(message["content"], `${path}.content`, (image, at) => {
      // What a picture belongs to is not said there: it can only be the prompt's.
      if (!words.images || role !== "user" || !isLast) throw unsupported(`${at}.type`);
      images.push(image);
    });
    if (role === "user" || role === "assistant") turns.push({ role, text });
    else system.push(text);
  }
  if (turns.length === 0) throw refuseField("messages", "must have a message of the user", "必须包含一条用户消息");
  return { system: system.join("\n\n"), turns, images };
}

function readContent(value: unknown, path: string, onImage: (url: string, at: string) => void): string {
  if (typeof value === "string") return value;
  const texts = readList(value, path).flatMap((item, n) => {
    const at = `${path}[${n}]`;
    const part = readObject(item, at);
    const type = readText(part["type"], `${at}.type`);
    if (type === "image_url") {
      const image = readObject(part["image_url"], `${at}.image_url`);
      onImage(readText(image["url"], `${at}.image_url.url`), at);
      return [];
    }
    if (type !== "text") throw unsupported(`${at}.type`);
    refuseOthers(part, new Set(["type", "text", "cache_control"]), at);
    return [readText(part["text"], `${at}.text`)];
  });
  return texts.join("\n");
}

const speakers = { user: "User", assistant: "Assistant" };

function toPrompt({ system, turns, images }: Talk, { system: name, hasMessages }: Vocabulary): Fields {
  const said = { ...(system !== "" && { [name]: system }) };
  const [first] = turns;
  if (turns.length === 1 && first?.role === "user") return { prompt: first.text, ...said };
  if (hasMessages) {
    // Beside messages it reads no prompt, to which images belong.
    if (images.length > 0) throw refuseField("messages", "has images in a conversation", "对话中不能包含图片");
    const messages = turns.map(({ role, text }) => ({ role, content: text }));
    return { messages: system === "" ? messages : [{ role: "system", content: system }, ...messages] };
  }
  const lines = turns.map(({ role, text }) => `${speakers[role]}: ${text}`);
  // An answer that is begun is gone on with.
  if (turns.at(-1)?.role === "user") lines.push("Assistant:");
  return { prompt: lines.join("\n\n"), ...said };
}

function toImages(images: readonly string[], { images: place }: Vocabulary): Fields {
  if (!place || images.length === 0) return {};
  if (place.takesSeveral) return { [place.field]: images };
  if (images.length > 1) throw refuseField("messages", "may have one image at this model", "此模型只接受一张图片");
  return { [place.field]: images[0] };
}

function toSampling(json: Fields): Fields {
  const numberOf = (name: string) => readOptional(json[name], name, readNumber);
  const stops = readStops(json["stop"]);
  // They stand there in one text, with commas between.
  if (stops.some((stop) => stop.includes(","))) throw unsupported("stop");
  const fields = {
    temperature: numberOf("temperature"),
    top_p: numberOf("top_p"),
    top_k: readOptional(json["top_k"], "top_k", (value, path) => readInteger(value, path, 0, 1_000_000)),
    seed: json["seed"] ?? undefined,
    presence_penalty: numberOf("presence_penalty"),
    frequency_penalty: numberOf("frequency_penalty"),
    stop_sequences: stops.length === 0 ? undefined : stops.join(","),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
