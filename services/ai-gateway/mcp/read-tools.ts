import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import { toText } from "../servers/plain-text.ts";
import { toolPattern } from "./mcp-server.ts";
import { maxDescriptionLength, maxTitleLength } from "./read-listing.ts";

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

const maxSchemaLength = 65_536;

/** Undefined for one whose name, size or form is not taken. */
export function readTool(entry: RpcParams): Tool | undefined {
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

/** Those that the protocol has. */
function readAnnotations(value: unknown): RpcParams | undefined {
  if (!isObject(value)) return undefined;
  const hints = ["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"];
  const known = hints.flatMap((name) => (typeof value[name] === "boolean" ? [[name, value[name]]] : []));
  const title = toText(value["title"], maxTitleLength);
  return { ...(title !== undefined && { title }), ...Object.fromEntries(known) };
}
