import { fieldOf } from "../openai/usage.ts";
import type { Fields } from "../request-fields.ts";
import { toCamel } from "./content-fields.ts";

/** A request as chat would have it, as far as it is counted: every text, and a part for everything that is not text. */
export function toCountedChat(json: Fields): Fields {
  const { systemInstruction, contents, tools } = json;
  const list = Array.isArray(contents) ? contents : [contents];
  const all = systemInstruction === undefined ? list : [systemInstruction, ...list];
  const messages = all.map((content) => ({ role: "user", content: toParts(content) }));
  return { messages, ...(tools !== undefined && { tools }) };
}

function toParts(content: unknown): object[] {
  const parts = fieldOf(content, "parts");
  return (Array.isArray(parts) ? parts : [parts ?? content]).map((part) => {
    const names = Object.keys(Object(part)).map(toCamel);
    if (names.includes("inlineData") || names.includes("fileData")) return { type: "image_url" };
    const text = fieldOf(part, "text");
    return { type: "text", text: typeof text === "string" ? text : (JSON.stringify(part) ?? "") };
  });
}
