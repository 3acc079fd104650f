import type { Provider } from "../../model.ts";
import { ownersOnly } from "../owners-only.ts";
import { type Fields, isAbsent } from "../request-fields.ts";
import { fieldOf } from "./usage.ts";

/**
 * What is charged apart from tokens, by the fields that ask for it: searches of OpenAI and Perplexity, xAI, OpenRouter, DashScope
 * (platform.openai.com/docs/pricing, docs.x.ai/docs/guides/live-search, openrouter.ai/docs/features/web-search,
 * help.aliyun.com/zh/model-studio/web-search).
 */
const dearerFields = ["web_search_options", "search_parameters", "plugins", "enable_search"] as const;
/** OpenRouter answers with one of these in place of the model that is paid for (openrouter.ai/docs/features/model-routing). */
const otherModels = ["models", "route"] as const;
/** Tools that run at the caller. Moonshot, Zhipu and others have some that run at the provider, at a price of their own. */
const callersTools: ReadonlySet<unknown> = new Set(["function", "custom", undefined]);

/** The fields that ask for what costs apart, or may: each may stand only once, and has no place on the short way but for plain tools. */
export const fieldsAtPrice = [...dearerFields, ...otherModels] as const;

/**
 * What only the owner of the provider's account may ask of a chat that passes through: searches and tools that cost apart, unless the operator
 * allows them; other models than the one that is paid for; and files, which belong to all who share the account. A tenant's own account
 * is its own. Throws `invalid_request` naming the field.
 */
export function refuseDearer(json: Fields, { source, serverTools }: Pick<Provider, "source" | "serverTools">): void {
  if (source === "tenant") return;
  for (const field of otherModels) if (isAsked(json[field])) throw ownersOnly(field);
  const file = findFile(json["messages"]);
  if (file !== undefined) throw ownersOnly(file);
  if (serverTools) return;
  for (const field of dearerFields) if (isAsked(json[field])) throw ownersOnly(field);
  const { tools } = json;
  for (const [index, tool] of (Array.isArray(tools) ? tools : []).entries())
    if (!callersTools.has(fieldOf(tool, "type"))) throw ownersOnly(`tools[${index}].type`);
}

function isAsked(value: unknown): boolean {
  return !isAbsent(value) && value !== false && !(Array.isArray(value) && value.length === 0);
}

/** Where a message names a file by its id. */
function findFile(messages: unknown): string | undefined {
  for (const [index, message] of (Array.isArray(messages) ? messages : []).entries()) {
    const content = fieldOf(message, "content");
    if (!Array.isArray(content)) continue;
    const at = content.findIndex((part) => !isAbsent(fieldOf(fieldOf(part, "file"), "file_id")));
    if (at >= 0) return `messages[${index}].content[${at}].file.file_id`;
  }
  return undefined;
}
