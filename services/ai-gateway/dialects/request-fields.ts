import { refuseField } from "../call/refuse-field.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** True for a field that is left out; `null` is one way to do so. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** These readers give a request's value as what it must be; they throw `invalid_request` that names its `path`. */
export function readObject(value: unknown, path: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw refuseField(path, "must be an object", "必须是对象");
}

export function readList(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw refuseField(path, "must be a list", "必须是列表");
}

export function readText(value: unknown, path: string): string {
  if (typeof value === "string") return value;
  throw refuseField(path, "must be a text", "必须是文本");
}

export function readFlag(value: unknown, path: string): boolean {
  if (typeof value === "boolean") return value;
  throw refuseField(path, "must be true or false", "必须是 true 或 false");
}

export function readInteger(value: unknown, path: string, least: number, most: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw refuseField(path, `must be a whole number from ${least} to ${most}`, `必须是 ${least} 到 ${most} 的整数`);
}

export function readNumber(value: unknown, path: string): number {
  if (typeof value === "number") return value;
  throw refuseField(path, "must be a number", "必须是数字");
}

export function readOneOf<const Names extends readonly string[]>(
  value: unknown,
  path: string,
  names: Names,
): Names[number] {
  if (typeof value === "string" && names.includes(value)) return value;
  throw refuseField(path, `must be one of ${names.join(", ")}`, `必须是以下之一：${names.join("、")}`);
}

/** Undefined for a field that is left out, else what `read` makes of it. */
export function readOptional<T>(value: unknown, path: string, read: (value: unknown, path: string) => T) {
  return isAbsent(value) ? undefined : read(value, path);
}

/**
 * Throws for a field that is none of `known`: chat has no place for it, and leaving it out could change what is asked for.
 * One that is null asks for nothing.
 */
export function refuseOthers(fields: Fields, known: ReadonlySet<string>, path: string): void {
  for (const [name, value] of Object.entries(fields)) {
    if (known.has(name) || isAbsent(value)) continue;
    throw unsupported(path === "" ? name : `${path}.${name}`);
  }
}

/** What a request is told of something that cannot be said in chat's form. */
export function unsupported(path: string) {
  return refuseField(path.slice(0, 200), "is not supported here", "此处不支持");
}
