import { refuseField } from "../../call/refuse-field.ts";
import type { ReadingProvider } from "../dialect.ts";
import { fieldOf } from "../openai/usage.ts";
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
  if (!isAbsent(json["cachedContent"])) throw refused("cachedContent");
  const { contents, tools } = json;
  for (const [index, content] of (Array.isArray(contents) ? contents : [contents]).entries()) {
    const parts = fieldOf(content, "parts");
    for (const [n, part] of (Array.isArray(parts) ? parts : []).entries()) {
      const file = fieldOf(part, "fileData") ?? fieldOf(part, "file_data");
      const uri = fieldOf(file, "fileUri") ?? fieldOf(file, "file_uri");
      if (filesAtGoogle.test(String(uri))) throw refused(`contents[${index}].parts[${n}].fileData.fileUri`);
    }
  }
  for (const [index, tool] of (Array.isArray(tools) ? tools : []).entries()) {
    for (const name of Object.keys(Object(tool)).map(toCamel)) {
      if (name === "fileSearch" || (!serverTools && dearerTools.has(name))) throw refused(`tools[${index}].${name}`);
    }
  }
}

function refused(path: string) {
  return refuseField(
    path,
    "can be used only at a provider of your own, or where the operator allows it",
    "只能在您自己的供应商上使用，或须经运营方允许",
  );
}
