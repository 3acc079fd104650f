import { inspect } from "node:util";

const levelColours: Readonly<Record<string, number>> = {
  trace: 90,
  debug: 90,
  info: 32,
  warn: 33,
  error: 31,
  fatal: 31,
};

/**
 * A JSON log line as one for people: time, level, message, fields; an error's stack below. What is no JSON line comes
 * back as it is. Control characters in fields are escaped, so that nobody can draw on the operator's terminal.
 */
export function formatTextLine(line: string): string {
  const record = parseRecord(line);
  if (!record) return line;
  const { level, time, msg, err, ...fields } = record;
  const name = String(level);
  const clock = typeof time === "string" ? time.slice(11, 23) : "";
  const shown = Object.entries(fields).map(([key, value]) => ` \u001b[90m${key}=\u001b[39m${show(value)}`);
  const colour = levelColours[name] ?? 39;
  const head = `${clock} \u001b[${colour}m${name.padEnd(5)}\u001b[39m ${escapeControls(String(msg ?? ""))}`;
  return `${head}${shown.join("")}\n${describeError(err)}`;
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function show(value: unknown): string {
  if (typeof value === "string") return /^[\w./:@{}+-]+$/.test(value) ? value : JSON.stringify(value);
  return typeof value === "object"
    ? inspect(value, { breakLength: Number.POSITIVE_INFINITY, depth: 4 })
    : String(value);
}

function describeError(err: unknown): string {
  if (typeof err !== "object" || err === null) return err === undefined ? "" : `  ${show(err)}\n`;
  const { stack, message } = err as { readonly stack?: unknown; readonly message?: unknown };
  const lines = String(stack ?? message ?? show(err)).split("\n");
  return lines.map((text) => `  ${escapeControls(text)}\n`).join("");
}

function escapeControls(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`);
}
