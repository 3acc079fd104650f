import { type KeySchema, withoutNull } from "./config-keys.ts";

const durationUnitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnitsBytes: Readonly<Record<string, number>> = {
  ...{ B: 1, KB: 1e3, MB: 1e6, GB: 1e9 },
  ...{ KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 },
};

/**
 * A number written with a unit, for a key whose name ends in the unit that it is kept in: `30s` for `…Ms`, `64MiB` for
 * `…Bytes`. Undefined for anything else.
 */
export function withUnit(path: string, schema: KeySchema, text: string): number | undefined {
  if (schema.type !== "integer" && schema.type !== "number") return undefined;
  const units = path.endsWith("Ms") ? durationUnitsMs : path.endsWith("Bytes") ? sizeUnitsBytes : undefined;
  const [, amount, unit = ""] = /^(\d{1,15}(?:\.\d{1,9})?) ?([A-Za-z]{1,3})$/.exec(text) ?? [];
  const factor = units && Object.hasOwn(units, unit) ? units[unit] : undefined;
  return factor === undefined ? undefined : Number(amount) * factor;
}

/**
 * Text from a variable or a flag as the value that the schema wants. Text that does not fit stays text, so that the schema
 * says what is wrong with it.
 */
export function coerceText(path: string, declared: KeySchema, text: string): unknown {
  const schema = withoutNull(declared);
  const branches = schema.anyOf ?? schema.oneOf;
  if (branches) {
    const values = branches.map((branch) => coerceText(path, branch, text));
    return values.find((value) => typeof value !== "string") ?? text;
  }
  if (schema.type === "array") {
    const items = text.split(",").map((item) => item.trim());
    return items.filter((item) => item !== "").map((item) => coerceText(path, schema.items ?? {}, item));
  }
  if (schema.type === "boolean") return booleans.get(text.toLowerCase()) ?? text;
  if (schema.type === "integer" && schema.format === "int64") return /^-?\d{1,19}$/.test(text) ? BigInt(text) : text;
  if (schema.type === "integer" || schema.type === "number") {
    return /^-?\d{1,17}(\.\d{1,17})?$/.test(text) ? Number(text) : (withUnit(path, schema, text) ?? text);
  }
  return text;
}

const booleans = new Map([
  ["true", true],
  ["1", true],
  ["false", false],
  ["0", false],
]);
