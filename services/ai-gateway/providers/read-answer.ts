import { fieldOf } from "../dialects/openai/usage.ts";

/** The text of a field; empty where there is none. */
export function textOf(value: unknown, name: string): string {
  const text = fieldOf(value, name);
  return typeof text === "string" ? text : "";
}

/** The count in a field; undefined for what is none. */
export function countOf(value: unknown, name: string): number | undefined {
  const count = fieldOf(value, name);
  return typeof count === "number" && Number.isInteger(count) && count >= 0 ? count : undefined;
}

/** What an event's data say; undefined for what is no JSON. */
export function parseData(data: string | undefined): unknown {
  if (data === undefined) return undefined;
  try {
    return JSON.parse(data);
  } catch {
    return undefined;
  }
}
