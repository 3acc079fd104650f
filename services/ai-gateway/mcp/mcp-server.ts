import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { z } from "zod";
import { baseUrlSchema } from "../base-url.ts";
import type { Provider, ProviderSource } from "../model.ts";
import type { ServerOauth } from "./server-oauth.ts";

/** A server of tools that speaks the Model Context Protocol over HTTP. */
export interface McpServer {
  readonly serverId: string;
  /** Empty for those that every tenant may use. */
  readonly tenantId: string;
  readonly name: string;
  /** Its endpoint. */
  readonly url: string;
  readonly source: ProviderSource;
  /** Of what is sent with each request; empty where that is nothing. */
  readonly credentialId: string;
  /** How tokens for it are got; null where none are. */
  readonly oauth: ServerOauth | null;
  /** Names of tools and prompts and URIs of resources, or beginnings that end in `*`; empty for all that it has. */
  readonly allowedTools: readonly string[];
  /** A decimal string of US dollars. */
  readonly usdPerCall: string;
  /** The same of single tools, and of `resources/read` and `prompts/get`. */
  readonly usdPerCallByTool: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  readonly createdAt: Date;
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

/** True where an empty list, the name itself or a beginning that ends in `*` lets it in. */
export function isToolAllowed(allowed: readonly string[], name: string): boolean {
  if (allowed.length === 0) return true;
  return allowed.some((entry) => (entry.endsWith("*") ? name.startsWith(entry.slice(0, -1)) : entry === name));
}

/**
 * True when a key that is limited to `allowed` may call the tool. Models and tools are one list, by the names that callers write: one
 * that names models alone lets no tool in.
 */
export function mayCall(allowed: readonly string[], toolName: string): boolean {
  if (allowed.length === 0) return true;
  const tools = allowed.filter((entry) => splitToolName(entry) !== undefined);
  return tools.length > 0 && isToolAllowed(tools, toolName);
}

/** What the server is called where money is: no model's provider can have such a name. */
export function payeeOf({ name }: Pick<McpServer, "name">): string {
  return `mcp:${name}`;
}

/** As its owner says; what the price book says counts. */
export function priceOfTool({ usdPerCall, usdPerCallByTool }: McpServer, tool: string): string {
  return (Object.hasOwn(usdPerCallByTool, tool) ? usdPerCallByTool[tool] : undefined) ?? usdPerCall;
}

const upstreams = new WeakMap<McpServer, Provider>();

/** The server as those parts see it that hold secrets and connections. The same object for the same server. */
export function upstreamOf(server: McpServer): Provider {
  let upstream = upstreams.get(server);
  if (!upstream) {
    const { serverId, tenantId, url, source, credentialId, createdAt } = server;
    upstream = {
      ...{ providerId: serverId, tenantId, name: payeeOf(server), dialect: "openai", baseUrl: url, source },
      ...{ credentialId, models: [], onDisconnect: "cancel", serverTools: false, createdAt },
    };
    upstreams.set(server, upstream);
  }
  return upstream;
}

export const mcpServerNameSchema = z
  .string()
  .regex(
    /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/,
    inBothLanguages(
      "must be 1 to 32 of a-z, 0-9 and '-', with a letter or digit at both ends",
      "必须是 1 到 32 个字符：a-z、0-9 和“-”，首尾须为字母或数字",
    ),
  );

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

const usdPerCallSchema = z
  .string()
  .regex(
    /^\d{1,4}(\.\d{1,9})?$/,
    inBothLanguages(
      'must be a decimal string of US dollars per call, such as "0.002"',
      '必须是每次调用的美元价格（十进制数字符串），例如 "0.002"',
    ),
  );

/** What is said of a tool server wherever one is named. */
export const mcpServerFields = {
  name: mcpServerNameSchema.describe("Tools are called by it: `<name>__<tool>`."),
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

/** What frames a message or belongs to the protocol is not for others to set. */
const ownHeaders: ReadonlySet<string> = new Set([
  ...["host", "content-length", "content-type", "transfer-encoding", "connection", "keep-alive", "te", "trailer"],
  ...["upgrade", "expect", "accept", "accept-encoding", "mcp-session-id", "mcp-protocol-version", "last-event-id"],
  ...["proxy-connection", "proxy-authorization"],
]);

/** What is sent with each request, by the names of headers; `value` is how one is written. */
export function serverHeadersSchema<Value extends z.ZodType>(value: Value) {
  return z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9-]{1,64}$/, inBothLanguages("must be the name of a header", "必须是请求头的名称"))
        .refine(
          (name) => !ownHeaders.has(name.toLowerCase()),
          inBothLanguages("is set by Lyss itself", "该请求头由 Lyss 自行设置"),
        ),
      value,
    )
    .refine(
      (headers) => Object.keys(headers).length <= 20,
      inBothLanguages("must have at most 20 headers", "最多包含 20 个请求头"),
    );
}

/** A header's value: what can be seen, and spaces. */
export const headerValueSchema = z
  .string()
  .regex(
    /^[\x20-\x7e]{1,8192}$/,
    inBothLanguages("must be visible ASCII, 1 to 8,192 characters", "必须是 1 到 8,192 个可见 ASCII 字符"),
  );
