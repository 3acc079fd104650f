import { isObject, type RpcParams } from "./json-rpc.ts";
import { toolPattern } from "./mcp-server.ts";
import { ToolServerError } from "./tool-server-failure.ts";

/** A tool as its server describes it, within our bounds. */
export interface Tool {
  /** As the server has it. */
  readonly name: string;
  readonly title: string | undefined;
  readonly description: string | undefined;
  readonly inputSchema: RpcParams;
  readonly outputSchema: RpcParams | undefined;
  readonly annotations: RpcParams | undefined;
}

const maxTitleLength = 200;
const maxDescriptionLength = 8_192;
const maxSchemaLength = 65_536;
const maxCursorLength = 4_096;
/** What could hide something from whoever reads a description: control characters, and those that turn the writing round. */
const hidden = /(?![\t\n])[\p{Cc}\p{Cf}]/gu;

/**
 * The tools of one page. One that breaks a bound is left out and does not hide the others; what it says is cut to length, and freed of
 * characters that nobody sees. Throws a ToolServerError for what is no list.
 */
export function readTools(result: RpcParams) {
  const { tools: listed, nextCursor } = result;
  if (!Array.isArray(listed)) throw new ToolServerError("malformed");
  const tools = listed.flatMap((entry: unknown) => readTool(entry) ?? []);
  const hasNext = typeof nextCursor === "string" && nextCursor !== "" && nextCursor.length <= maxCursorLength;
  return { tools, leftOut: listed.length - tools.length, nextCursor: hasNext ? nextCursor : undefined };
}

function readTool(entry: unknown): Tool | undefined {
  if (!isObject(entry)) return undefined;
  const { name, title, description, inputSchema, outputSchema, annotations } = entry;
  if (typeof name !== "string" || !toolPattern.test(name)) return undefined;
  if (!isSmallObject(inputSchema) || inputSchema["type"] !== "object") return undefined;
  return {
    name,
    title: toText(title, maxTitleLength),
    description: toText(description, maxDescriptionLength),
    inputSchema,
    outputSchema: isSmallObject(outputSchema) ? outputSchema : undefined,
    annotations: readAnnotations(annotations),
  };
}

function isSmallObject(value: unknown): value is RpcParams {
  try {
    return isObject(value) && JSON.stringify(value).length <= maxSchemaLength;
  } catch {
    // Too deep to be written.
    return false;
  }
}

function toText(value: unknown, maxLength: number): string | undefined {
  return typeof value === "string" ? value.slice(0, maxLength).replace(hidden, "").toWellFormed() : undefined;
}

/** Those that the protocol has. */
function readAnnotations(value: unknown): RpcParams | undefined {
  if (!isObject(value)) return undefined;
  const hints = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"];
  const known = hints.flatMap((name) => (typeof value[name] === "boolean" ? [[name, value[name]]] : []));
  const title = toText(value["title"], maxTitleLength);
  return { ...(title !== undefined && { title }), ...Object.fromEntries(known) };
}
