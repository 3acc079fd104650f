import { fieldOf } from "../openai/usage.ts";
import type { Fields } from "../request-fields.ts";

type Part = { readonly type: "text"; readonly text: string } | { readonly type: "image_url" };

const media: Part = { type: "image_url" };

/** A request as chat would have it, as far as it is counted: every text, and a part for everything that is not text. */
export function toCountedChat(json: Fields): Fields {
  const { system, messages, tools } = json;
  const list = Array.isArray(messages) ? messages : [];
  const counted = list.map((message) => ({ role: fieldOf(message, "role"), content: toContent(message) }));
  const first = system === undefined || system === null ? [] : [{ role: "system", content: toParts(system) }];
  return { messages: [...first, ...counted], ...(tools !== undefined && { tools }) };
}

function toContent(message: unknown): unknown {
  const content = fieldOf(message, "content");
  return typeof content === "string" ? content : toParts(content);
}

function toParts(content: unknown): Part[] {
  if (!Array.isArray(content)) return [toText(content)];
  return content.flatMap((block) => {
    const type = fieldOf(block, "type");
    if (type === "text") return [toText(fieldOf(block, "text"))];
    if (type === "image") return [media];
    if (type === "document") return toDocument(block);
    if (type === "tool_result") return [toText(fieldOf(block, "tool_use_id")), ...toParts(fieldOf(block, "content"))];
    return [toText(block)];
  });
}

function toDocument(block: unknown): Part[] {
  const source = fieldOf(block, "source");
  const type = fieldOf(source, "type");
  const names = [fieldOf(block, "title"), fieldOf(block, "context")].filter((name) => name !== undefined).map(toText);
  if (type === "text") return [...names, toText(fieldOf(source, "data"))];
  return type === "content" ? [...names, ...toParts(fieldOf(source, "content"))] : [...names, media];
}

function toText(value: unknown): Part {
  return { type: "text", text: typeof value === "string" ? value : (JSON.stringify(value) ?? "") };
}
