import type { ReadingProvider } from "../dialect.ts";
import { fieldOf } from "../openai/usage.ts";
import { ownersOnly } from "../owners-only.ts";
import { type Fields, isAbsent, unsupported } from "../request-fields.ts";
import { bringsTools } from "./response-tools.ts";

/** Tools that run at the caller. */
const callersTools = /^(function|custom|local_shell|apply_patch|computer(_use_preview)?|namespace|tool_search)$/;
/** Tools that run at the provider and are charged by the call, or by the tokens that they bring. */
const meteredTools = /^(web_search|x_search|code_interpreter|mcp)/;

/**
 * What only the owner of the provider's account may ask for: tools that cost apart, unless the operator allows them, and whatever lies
 * in the account, which belongs to all who share it. A tenant's own account is its own. Nobody goes on from what is kept at the
 * provider: nothing is. Throws `invalid_request` naming the field.
 */
export function refuseDearer(
  json: Fields,
  history: readonly Fields[],
  input: readonly Fields[],
  provider: ReadingProvider,
): void {
  for (const field of ["conversation", "prompt"]) if (!isAbsent(json[field])) throw unsupported(field);
  const reference = input.findIndex((item) => item["type"] === "item_reference");
  if (reference >= 0) throw unsupported(`input[${reference}].type`);
  if (provider.source === "tenant") return;
  const file = findFile(input, "input", 0);
  if (file !== undefined) throw ownersOnly(file);
  refuseDearerTools(json["tools"], "tools", provider);
  // A conversation may bring tools, too.
  for (const item of history) if (bringsTools(item)) refuseDearerTools(item["tools"], "previous_response_id", provider);
  for (const [index, item] of input.entries()) {
    if (bringsTools(item)) refuseDearerTools(item["tools"], `input[${index}].tools`, provider);
  }
}

function refuseDearerTools(tools: unknown, path: string, provider: ReadingProvider): void {
  for (const [index, tool] of (Array.isArray(tools) ? tools : []).entries()) {
    const at = `${path}[${index}]`;
    const type = String(fieldOf(tool, "type"));
    if (type === "namespace") refuseDearerTools(fieldOf(tool, "tools"), `${at}.tools`, provider);
    if (callersTools.test(type)) continue;
    if (!provider.serverTools || !meteredTools.test(type)) throw ownersOnly(`${at}.type`);
    if (typeof fieldOf(tool, "container") === "string") throw ownersOnly(`${at}.container`);
    const files = fieldOf(fieldOf(tool, "container"), "file_ids");
    if (Array.isArray(files) && files.length > 0) throw ownersOnly(`${at}.container.file_ids`);
    if (fieldOf(tool, "connector_id") !== undefined) throw ownersOnly(`${at}.connector_id`);
  }
}

/** Where a conversation names a file by its id. */
function findFile(items: readonly unknown[], path: string, depth: number): string | undefined {
  if (depth > 3) return undefined;
  for (const [index, item] of items.entries()) {
    const at = `${path}[${index}]`;
    if (!isAbsent(fieldOf(item, "file_id"))) return `${at}.file_id`;
    for (const field of ["content", "output"]) {
      const inner = fieldOf(item, field);
      const found = Array.isArray(inner) ? findFile(inner, `${at}.${field}`, depth + 1) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
