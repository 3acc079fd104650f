import type { ReadingProvider } from "../dialect.ts";
import { fieldOf } from "../openai/usage.ts";
import { ownersOnly } from "../owners-only.ts";
import { type Fields, isAbsent } from "../request-fields.ts";
import { toCamel } from "./content-fields.ts";

/** Tools that are charged apart from tokens (ai.google.dev/gemini-api/docs/pricing). */
const dearerTools = new Set(["googleSearch", "googleSearchRetrieval", "googleMaps"]);
const filesAtGoogle = /^files\/|^https:\/\/generativelanguage\.googleapis\.com\//;

/**
 * What only the owner of the provider's account may ask for: tools that cost apart, unless the operator allows them, and whatever lies
 * in the account, which belongs to all who share it. Throws `invalid_request` naming the field.
 */
export function refuseDearer(json: Fields, { source, serverTools }: ReadingProvider): void {
  if (source === "tenant") return;
  if (!isAbsent(json["cachedContent"])) throw ownersOnly("cachedContent");
  const { contents, tools } = json;
  for (const [index, content] of (Array.isArray(contents) ? contents : [contents]).entries()) {
    const parts = fieldOf(content, "parts");
    for (const [n, part] of (Array.isArray(parts) ? parts : []).entries()) {
      const file = fieldOf(part, "fileData") ?? fieldOf(part, "file_data");
      const uri = fieldOf(file, "fileUri") ?? fieldOf(file, "file_uri");
      if (filesAtGoogle.test(String(uri))) throw ownersOnly(`contents[${index}].parts[${n}].fileData.fileUri`);
    }
  }
  for (const [index, tool] of (Array.isArray(tools) ? tools : []).entries()) {
    for (const name of Object.keys(Object(tool)).map(toCamel)) {
      if (name === "fileSearch" || (!serverTools && dearerTools.has(name))) throw ownersOnly(`tools[${index}].${name}`);
    }
  }
}
