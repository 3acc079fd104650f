import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { baseUrlSchema } from "../base-url.ts";
import type { Provider } from "../model.ts";
import { isAllowed, type Server, serverNameSchema, toUpstream, usdPerCallSchema } from "../servers/server.ts";
import type { ServerOauth } from "./server-oauth.ts";

/** A server of tools that speaks the Model Context Protocol over HTTP, at its endpoint. */
export interface McpServer extends Server {
  /** How tokens for it are got; null where none are. */
  readonly oauth: ServerOauth | null;
  /** Names of tools and prompts and URIs of resources, or beginnings that end in `*`; empty for all that it has. */
  readonly allowedTools: readonly string[];
  /** A decimal string of US dollars. */
  readonly usdPerCall: string;
  /** The same of single tools, and of `resources/read` and `prompts/get`. */
  readonly usdPerCallByTool: Readonly<Record<string, string>>;
}

/** Between the name of a server and that of its tool. */
const separator = "__";

/** What callers name a tool or prompt, and what the list of a key names a resource by its URI. */
export function toolNameOf(server: Pick<McpServer, "name">, tool: string): string {
  return `${server.name}${separator}${tool}`;
}

/** The server's name and the tool's own; undefined for what is not made of both. */
export function splitToolName(name: string): { readonly server: string; readonly tool: string } | undefined {
  const at = name.indexOf(separator);
  const tool = name.slice(at + separator.length);
  return at < 1 || tool === "" ? undefined : { server: name.slice(0, at), tool };
}

/**
 * True when a key that is limited to `allowed` may call the tool. Models and tools are one list, by the names that callers write: one
 * that names models alone lets no tool in.
 */
export function mayCall(allowed: readonly string[], toolName: string): boolean {
  if (allowed.length === 0) return true;
  const tools = allowed.filter((entry) => splitToolName(entry) !== undefined);
  return tools.length > 0 && isAllowed(tools, toolName);
}

/** What the server is called where money is: no model's provider can have such a name. */
export function payeeOf({ name }: Pick<McpServer, "name">): string {
  return `mcp:${name}`;
}

/** As its owner says; what the price book says counts. */
export function priceOfTool({ usdPerCall, usdPerCallByTool }: McpServer, tool: string): string {
  return (Object.hasOwn(usdPerCallByTool, tool) ? usdPerCallByTool[tool] : undefined) ?? usdPerCall;
}

/** The server as those parts see it that hold secrets and connections. */
export function upstreamOf(server: McpServer): Provider {
  return toUpstream(server, payeeOf(server));
}

/** Letters, digits and a few marks, as far as the protocol says (2025-11-25, "Tool Names"). */
export const toolPattern = /^[A-Za-z0-9_.-]{1,128}$/;
const pricedPattern = /^([A-Za-z0-9_.-]{1,128}|resources\/read|prompts\/get)$/;

const allowedToolSchema = z
  .string()
  .regex(
    /^[\x21-\x29\x2b-\x7e]{0,512}\*?$/,
    inBothLanguages(
      "must be the name of a tool or prompt or the URI of a resource, or its beginning and '*'",
      "必须是工具或提示词的名称、资源的 URI，或其前缀加“*”",
    ),
  );

/** What is said of a tool server wherever one is named. */
export const mcpServerFields = {
  name: serverNameSchema.describe("Tools are called by it: `<name>__<tool>`."),
  url: baseUrlSchema.describe("Its endpoint, such as https://tools.example.com/mcp (Streamable HTTP)."),
  allowedTools: z
    .array(allowedToolSchema)
    .max(1_000)
    .default([])
    .describe(
      "Names of tools and prompts and URIs of resources, or beginnings that end in `*`; empty for all that it has.",
    ),
  usdPerCall: usdPerCallSchema.default("0").describe("What a call costs: a decimal string of US dollars."),
  usdPerCallByTool: z
    .record(z.string().regex(pricedPattern), usdPerCallSchema)
    .refine(
      (prices) => Object.keys(prices).length <= 1_000,
      inBothLanguages("must have at most 1,000 tools", "最多包含 1,000 个工具"),
    )
    .default({})
    .describe("The same of single tools, by their names, and of `resources/read` and `prompts/get`."),
  timeoutMs: z.int().min(100).max(3_600_000).default(60_000).describe("Limit of a call."),
};
