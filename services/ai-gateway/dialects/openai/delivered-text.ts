import { fieldOf } from "./usage.ts";

/** All text that an answer or a stream's chunk puts out: content, reasoning, refusals and tool calls of every choice. */
export function textOf(body: unknown): string {
  const choices = fieldOf(body, "choices");
  if (!Array.isArray(choices)) return "";
  let text = "";
  for (const choice of choices) {
    const message = fieldOf(choice, "delta") ?? fieldOf(choice, "message");
    for (const value of [
      fieldOf(choice, "text"),
      fieldOf(message, "content"),
      fieldOf(message, "reasoning_content"),
      fieldOf(message, "reasoning"),
      fieldOf(message, "refusal"),
    ]) {
      if (typeof value === "string") text += value;
    }
    const calls = fieldOf(message, "tool_calls");
    for (const call of Array.isArray(calls) ? calls : []) {
      const called = fieldOf(call, "function");
      text += String(fieldOf(called, "name") ?? "") + String(fieldOf(called, "arguments") ?? "");
    }
  }
  return text;
}

/** Indexes of the choices that say in this chunk why they ended. */
export function listFinished(body: unknown): number[] {
  const choices = fieldOf(body, "choices");
  if (!Array.isArray(choices)) return [];
  return choices
    .filter((choice) => fieldOf(choice, "finish_reason"))
    .map((choice) => Number(fieldOf(choice, "index") ?? 0));
}
