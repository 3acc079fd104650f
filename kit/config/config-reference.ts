import type { ConfigSections } from "../service/define-service.ts";
import { type ConfigKey, type KeySchema, listConfigKeys, toSchemaTree, withoutNull } from "./config-keys.ts";

/** One key as the documentation shows it. */
export interface ConfigReferenceRow {
  readonly key: string;
  readonly type: string;
  /** As it would be written in the file; empty when there is none. */
  readonly default: string;
  /** `1 to 65535`, `at most 64 items`; empty when there are none. */
  readonly bounds: string;
  /** The variable; `LYSS_PEERS_<NAME>` for a record's entries; empty for what only a file can express. */
  readonly env: string;
  readonly isRequired: boolean;
  readonly isSecret: boolean;
  /** True when a change in the file takes effect without a restart. */
  readonly isLive: boolean;
  readonly description: string;
}

/** Every key of the sections, in the order of declaration; the fields of a list's objects follow it as `list[].field`. */
export function listConfigReference(sections: ConfigSections, envPrefix = "LYSS_"): readonly ConfigReferenceRow[] {
  return listRows(toSchemaTree(sections), envPrefix);
}

function listRows(tree: KeySchema, envPrefix: string): readonly ConfigReferenceRow[] {
  return listConfigKeys(tree, envPrefix).flatMap((key) => [toRow(key), ...listItemRows(key)]);
}

function listItemRows({ path, shape, schema }: ConfigKey): readonly ConfigReferenceRow[] {
  if (shape !== "structure" || !schema.items) return [];
  const name = `${path}[]`;
  const tree: KeySchema = { type: "object", properties: { [name]: schema.items }, required: [name] };
  // No variable can say which object of the list it means.
  return listRows(tree, "").map((row) => ({ ...row, env: "" }));
}

function toRow(key: ConfigKey): ConfigReferenceRow {
  return {
    key: key.path,
    type: typeOf(key),
    default: key.schema.default === undefined ? "" : JSON.stringify(key.schema.default),
    bounds: boundsOf(key.schema),
    env: key.env === undefined ? "" : key.shape === "record" ? `${key.env}_<NAME>` : key.env,
    isRequired: key.isRequired,
    isSecret: key.isSecret,
    isLive: key.isLive,
    description: key.schema.description ?? "",
  };
}

/** The reference as a Markdown table. */
export function toReferenceTable(rows: readonly ConfigReferenceRow[]): string {
  const cells = rows.map(({ key, type, default: initial, bounds, env, isRequired, isLive, description }) => [
    code(key),
    type,
    isRequired ? "**required**" : code(initial),
    bounds,
    code(env),
    isLive ? `${description} *Live.*`.trim() : description,
  ]);
  const head = ["Key", "Type", "Default", "Bounds", "Variable", "Meaning"];
  return [head, head.map(() => "---"), ...cells]
    .map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`)
    .join("\n");
}

function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

function typeOf({ path, schema, shape, isSecret }: ConfigKey): string {
  if (shape === "record") return `map of ${typeName(schema.additionalProperties as KeySchema)}`;
  if (shape === "list") return `list of ${typeName(schema.items ?? {})}`;
  if (shape === "structure") return schema.items ? "list of objects" : "structure";
  if (isSecret) return "secret";
  const unit = path.endsWith("Ms")
    ? ", in ms or as 30s, 5m, 1h"
    : path.endsWith("Bytes")
      ? ", in bytes or as 64KiB, 1MiB"
      : "";
  return typeName(schema) + (/^(whole )?number$/.test(typeName(schema)) ? unit : "");
}

function typeName(declared: KeySchema): string {
  const schema = withoutNull(declared);
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches) return branches.map(typeName).join(" or ");
  if (schema.const !== undefined) return String(schema.const);
  if (schema.enum) return schema.enum.join(", ");
  if (schema.type === "integer") return "whole number";
  if (schema.type === "boolean") return "true or false";
  if (schema.format === "uri") return "URL";
  return schema.type ?? "any";
}

function boundsOf(declared: KeySchema): string {
  const schema = withoutNull(declared);
  const number = range(schema.minimum ?? schema.exclusiveMinimum, schema.maximum ?? schema.exclusiveMaximum);
  const length = range(schema.minLength, schema.maxLength);
  const items = range(schema.minItems, schema.maxItems);
  return number || (length && `${length} characters`) || (items && `${items} items`);
}

// zod gives every whole number the bounds of a double; they say nothing to a reader.
function range(low: number | undefined, high: number | undefined): string {
  const hasLow = low !== undefined && low > Number.MIN_SAFE_INTEGER;
  const hasHigh = high !== undefined && high < Number.MAX_SAFE_INTEGER;
  if (hasLow && hasHigh) return `${low} to ${high}`;
  return hasLow ? `at least ${low}` : hasHigh ? `at most ${high}` : "";
}
