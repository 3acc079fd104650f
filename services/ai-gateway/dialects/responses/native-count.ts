import { fieldOf } from "../openai/usage.ts";
import type { Fields } from "../request-fields.ts";
import { toToldSummary } from "./compaction-item.ts";

type Part = { readonly type: "text"; readonly text: string } | { readonly type: "image_url" };

const media: Part = { type: "image_url" };

/** A request as chat would have it, as far as it is counted, priced and known again: every text, and a part for everything that is not text. */
export function toCountedChat(json: Fields, items: readonly Fields[]): Fields {
  const { instructions, tools, service_tier, prompt_cache_key } = json;
  const first = typeof instructions === "string" ? [{ role: "system", content: instructions }] : [];
  return {
    messages: [...first, ...items.map(toMessage)],
    ...(tools !== undefined && tools !== null && { tools }),
    ...(service_tier !== undefined && { service_tier }),
    ...(prompt_cache_key !== undefined && { prompt_cache_key }),
  };
}

function toMessage(given: Fields): object {
  const item = toToldSummary(given);
  const content = fieldOf(item, "content") ?? fieldOf(item, "output") ?? item;
  const role = fieldOf(item, "role") ?? "user";
  return { role, content: typeof content === "string" ? content : toParts(content) };
}

function toParts(content: unknown): Part[] {
  if (!Array.isArray(content)) return [toText(content)];
  return content.map((part) => {
    const type = fieldOf(part, "type");
    if (type === "input_image" || type === "input_file" || type === "input_audio") return media;
    return toText(fieldOf(part, "text") ?? part);
  });
}

function toText(value: unknown): Part {
  return { type: "text", text: typeof value === "string" ? value : (JSON.stringify(value) ?? "") };
}
