import type { ReadingProvider } from "../dialect.ts";
import { fieldOf } from "../openai/usage.ts";
import { ownersOnly } from "../owners-only.ts";
import { type Fields, isAbsent } from "../request-fields.ts";

/** What is charged apart from tokens, or makes them dearer (platform.claude.com/docs/en/about-claude/pricing). */
const dearerFields = ["speed", "inference_geo"];
const dearerTools = /^(web_search|code_execution)_/;

/**
 * What only the owner of the provider's account may ask for: tools that cost apart, unless the operator allows them, and whatever lies
 * in the account, which belongs to all who share it. A tenant's own account is its own. Throws `invalid_request` naming the field.
 */
export function refuseDearer(json: Fields, { source, serverTools }: ReadingProvider): void {
  if (source === "tenant") return;
  if (!isAbsent(json["container"])) throw ownersOnly("container");
  const file = findFile(json["messages"], "messages", 0);
  if (file !== undefined) throw ownersOnly(file);
  if (serverTools) return;
  for (const field of dearerFields) if (!isAbsent(json[field])) throw ownersOnly(field);
  const { tools } = json;
  for (const [index, tool] of (Array.isArray(tools) ? tools : []).entries()) {
    if (dearerTools.test(String(fieldOf(tool, "type")))) throw ownersOnly(`tools[${index}].type`);
  }
}

/** Where a conversation names a file by its id. */
function findFile(value: unknown, path: string, depth: number): string | undefined {
  if (!Array.isArray(value) || depth > 4) return undefined;
  for (const [index, item] of value.entries()) {
    const at = `${path}[${index}]`;
    if (fieldOf(item, "file_id") !== undefined) return `${at}.file_id`;
    if (fieldOf(fieldOf(item, "source"), "file_id") !== undefined) return `${at}.source.file_id`;
    const inner =
      findFile(fieldOf(item, "content"), `${at}.content`, depth + 1) ??
      findFile(fieldOf(fieldOf(item, "source"), "content"), `${at}.source.content`, depth + 1);
    if (inner !== undefined) return inner;
  }
  return undefined;
}
