import { fieldOf } from "../openai/usage.ts";
import { type Fields, readObject, readOneOf, readText, refuseOthers } from "../request-fields.ts";

/** By name, whether a conversation has made a tool available, or has taken it away. */
export type ToolChanges = ReadonlyMap<string, boolean>;

/** What a conversation has said of tools so far: those that a search of the caller's found are available, as those are that were added. */
export function findToolChanges(messages: readonly unknown[]): ToolChanges {
  const changes = new Map<string, boolean>();
  for (const block of messages.flatMap((message) => listOf(fieldOf(message, "content")))) {
    const type = fieldOf(block, "type");
    if (isToolChange(block)) changes.set(String(fieldOf(fieldOf(block, "tool"), "name")), type === "tool_addition");
    if (type !== "tool_result") continue;
    for (const found of listOf(fieldOf(block, "content"))) {
      if (fieldOf(found, "type") === "tool_reference") changes.set(String(fieldOf(found, "tool_name")), true);
    }
  }
  return changes;
}

export function isToolChange(block: unknown): boolean {
  return ["tool_addition", "tool_removal"].includes(String(fieldOf(block, "type")));
}

/** Throws `invalid_request` for a change of anything but a tool that the request has. */
export function checkToolChange(block: Fields, path: string): void {
  refuseOthers(block, new Set(["type", "tool", "cache_control"]), path);
  const tool = readObject(block["tool"], `${path}.tool`);
  readOneOf(tool["type"], `${path}.tool.type`, ["tool_reference"]);
  refuseOthers(tool, new Set(["type", "name"]), `${path}.tool`);
  readText(tool["name"], `${path}.tool.name`);
}

/** What a search found, in words: chat shows a tool by listing it, and the tool is listed from here on. */
export function toFoundText(block: Fields, path: string): string {
  refuseOthers(block, new Set(["type", "tool_name", "cache_control"]), path);
  return `The tool ${readText(block["tool_name"], `${path}.tool_name`)} can be called now.`;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
