import { complexityOf } from "./complexity.ts";
import { messagesOf, textOf } from "./opening.ts";
import { type Fields, isFields, parseRequest } from "./request-json.ts";
import type { When } from "./route.ts";

/** What a request is like, as far as conditions of routes ask. */
interface RequestShape {
  /** A quarter of its bytes, without those of media. */
  readonly tokens: number;
  readonly hasTools: boolean;
  readonly hasMedia: boolean;
  /** The last message that is a person's. */
  readonly lastText: string;
  /** 0–100. */
  readonly complexity: number;
}

const toolFields = ["tools", "functions"];
/** What parts of messages are called that hold something else than text, in the dialects that are spoken here. */
const mediaTypes = /^(input_)?(image|image_url|audio|file|document|video|video_url)$/;
const mediaFields = ["inlineData", "inline_data", "fileData", "file_data"];
const maxDepth = 6;

/** Says whether a request of any dialect meets a condition, and does not read it before. What is no JSON is only as long as it is. */
export function likenessOf(body: Buffer, parsed?: unknown): (when: When) => boolean {
  let shape: RequestShape | undefined;
  return (when) => {
    shape ??= shapeOf(body, parsed ?? parseRequest(body));
    return isLike(shape, when);
  };
}

function isLike(shape: RequestShape, when: When): boolean {
  const { tokens, complexity, tools, media, mentions } = when;
  if (!isWithin(shape.tokens, tokens) || !isWithin(shape.complexity, complexity)) return false;
  if (tools !== undefined && tools !== shape.hasTools) return false;
  if (media !== undefined && media !== shape.hasMedia) return false;
  const said = mentions && shape.lastText.toLowerCase();
  return said === undefined || mentions?.some((it) => said.includes(it.toLowerCase())) === true;
}

export function isWithin(value: number, range: When["tokens"]): boolean {
  return value >= (range?.min ?? 0) && value <= (range?.max ?? Number.POSITIVE_INFINITY);
}

function shapeOf(body: Buffer, request: unknown): RequestShape {
  const fields = isFields(request) ? request : {};
  const messages = messagesOf(fields);
  const listed = Array.isArray(messages) ? messages : [];
  const lastText = lastTextOf(fields);
  const hasTools = toolFields.some((field) => Array.isArray(fields[field]) && fields[field].length > 0);
  const mediaBytes = listed.reduce<number>((sum, message) => sum + mediaBytesOf(message, 0), 0);
  // A message has some bytes around its text; media that are only named by a URL have few.
  const tokens = Math.ceil(Math.max(0, body.length - mediaBytes) / 4);
  return {
    tokens,
    hasTools,
    hasMedia: mediaBytes > 0,
    lastText,
    complexity: complexityOf({ lastText, tokens, hasTools }),
  };
}

/** The last message of a person's in a request of any dialect; empty where there is none. */
export function lastTextOf(request: unknown): string {
  const messages = isFields(request) ? messagesOf(request) : undefined;
  if (typeof messages === "string") return messages;
  const listed: readonly unknown[] = Array.isArray(messages) ? messages : [];
  return textOf(
    listed.findLast((message) => isFields(message) && isPersons(message)),
    0,
  );
}

function isPersons(message: Fields): boolean {
  // Google's may have no role; what else has none is no message.
  return message["role"] === "user" || (message["role"] === undefined && message["type"] === undefined);
}

/** How much of a message is media; 0 where it has none. */
function mediaBytesOf(value: unknown, depth: number): number {
  if (depth > maxDepth) return 0;
  if (Array.isArray(value)) return value.reduce<number>((sum, it) => sum + mediaBytesOf(it, depth + 1), 0);
  if (!isFields(value)) return 0;
  const isMedia = typeof value["type"] === "string" && mediaTypes.test(value["type"]);
  if (isMedia || mediaFields.some((field) => field in value)) return JSON.stringify(value).length;
  return mediaBytesOf(value["content"] ?? value["parts"], depth + 1);
}
