import { fieldOf } from "../dialects/openai/usage.ts";

/** What a call asks last, apart from all else that it says. */
export interface Question {
  /** Of the last message, which is its user's: what stands in its parts of text. */
  readonly text: string;
  /** Numbers, addresses and links of the text, in order: questions that differ in one are no repeats, however near they are. */
  readonly facts: readonly string[];
  /** The body without the text: everything in it has to be equal. */
  readonly rest: Readonly<Record<string, unknown>>;
}

/** Of longer texts a vector says too little, and models that make one take no more. */
const maxTextLength = 8_000;
const facts = /[^\s<>"'，。；（）]+@[^\s<>"'，。；（）]+|https?:\/\/\S+|\p{N}+(?:[.,:/-]\p{N}+)*/giu;

/**
 * The question of a body in the form of chat, Anthropic's messages or Google's contents. Undefined where the last message is not a user's
 * text, so that there is nothing to compare; what stands beside the text, such as images and results of tools, is of the rest.
 */
export function findQuestion(body: Readonly<Record<string, unknown>>): Question | undefined {
  const field = Array.isArray(body["contents"]) ? "contents" : "messages";
  const messages = body[field];
  if (!Array.isArray(messages)) return undefined;
  const last: unknown = messages.at(-1);
  const role = fieldOf(last, "role") ?? (field === "contents" ? "user" : undefined);
  if (role !== "user" || typeof last !== "object" || last === null) return undefined;
  const name = field === "contents" ? "parts" : "content";
  const texts: string[] = [];
  const content = takeTexts(fieldOf(last, name), texts);
  const text = texts.join("\n").trim();
  if (text === "" || text.length > maxTextLength) return undefined;
  const rest = { ...body, [field]: [...messages.slice(0, -1), { ...last, [name]: content }] };
  return { text, facts: text.toLowerCase().match(facts) ?? [], rest };
}

/** The same content without its texts, which are added to `texts`. */
function takeTexts(content: unknown, texts: string[]): unknown {
  if (typeof content === "string") {
    texts.push(content);
    return null;
  }
  if (!Array.isArray(content)) return content;
  return content.map((part: unknown) => {
    const text = fieldOf(part, "text");
    const type = fieldOf(part, "type");
    const isText = typeof text === "string" && (type === undefined || type === "text") && !fieldOf(part, "thought");
    if (!isText) return part;
    texts.push(text);
    return { ...Object(part), text: null };
  });
}
