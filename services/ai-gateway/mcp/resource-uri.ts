import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import type { McpServer } from "./mcp-server.ts";

const scheme = "lyss://";

/** What callers name a resource: `lyss://<server>/` and its URI as the server has it, so that two servers may have the same. */
export function uriOf({ name }: Pick<McpServer, "name">, uri: string): string {
  return `${scheme}${name}/${uri}`;
}

/** The server's name and its own URI; undefined for what is not made of both. */
export function splitUri(uri: string): { readonly server: string; readonly uri: string } | undefined {
  if (!uri.startsWith(scheme)) return undefined;
  const at = uri.indexOf("/", scheme.length);
  const own = uri.slice(at + 1);
  return at <= scheme.length || own === "" ? undefined : { server: uri.slice(scheme.length, at), uri: own };
}

/** A result whose resources and links to such are named as callers name them. Everything else stays as it is. */
export function withOwnUris(server: Pick<McpServer, "name">, result: RpcParams): RpcParams {
  const rename = (value: unknown): unknown =>
    isObject(value) && typeof value["uri"] === "string" ? { ...value, uri: uriOf(server, value["uri"]) } : value;
  const toBlock = (block: unknown): unknown => {
    if (!isObject(block)) return block;
    if (block["type"] === "resource_link") return rename(block);
    return block["type"] === "resource" ? { ...block, resource: rename(block["resource"]) } : block;
  };
  const toMessage = (message: unknown): unknown =>
    isObject(message) ? { ...message, content: toBlock(message["content"]) } : message;
  const { contents, content, messages } = result;
  return {
    ...result,
    ...(Array.isArray(contents) && { contents: contents.map(rename) }),
    ...(Array.isArray(content) && { content: content.map(toBlock) }),
    ...(Array.isArray(messages) && { messages: messages.map(toMessage) }),
  };
}
