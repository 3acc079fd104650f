import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { FetchError, type GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { isObject, type RpcParams } from "../servers/json-rpc.ts";
import type { TokenAuthMethod } from "./server-oauth.ts";

export interface TokenEndpoint {
  readonly tokenUrl: string;
  readonly tokenAuthMethod: TokenAuthMethod;
}

/** What is wrong, in words of ours. */
const reasons = {
  silent: { en_US: "it names no authorization server", zh_CN: "未说明授权服务器" },
  other: { en_US: "its metadata is another server's", zh_CN: "其元数据属于另一服务器" },
  unknown: {
    en_US: "its authorization server has no metadata with a token endpoint",
    zh_CN: "其授权服务器没有包含令牌端点的元数据",
  },
} as const;

const ping = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "ping" });

/**
 * Where tokens for a tool server are got, by what it says itself (RFC 9728) and what its authorization server does (RFC 8414, OpenID Connect
 * Discovery). Asked once, when a server is added: whoever answers there later cannot draw the secret elsewhere. Throws `token_endpoint_unknown`.
 */
export async function findTokenEndpoint(fetchFrom: GuardedFetch, serverUrl: string): Promise<TokenEndpoint> {
  const issuer = await findIssuer(fetchFrom, serverUrl);
  for (const url of metadataUrlsOf(issuer)) {
    const metadata = await getJson(fetchFrom, url);
    if (!metadata) continue;
    // RFC 8414, 3.3: else whoever answers could pass for another.
    if (metadata["issuer"] !== issuer) throw failureOf("other");
    const { token_endpoint: tokenUrl, token_endpoint_auth_methods_supported: methods } = metadata;
    if (typeof tokenUrl !== "string" || !/^https?:\/\/[^#@\s]+$/.test(tokenUrl) || !URL.canParse(tokenUrl)) continue;
    const isPostOnly =
      Array.isArray(methods) && methods.includes("client_secret_post") && !methods.includes("client_secret_basic");
    return { tokenUrl, tokenAuthMethod: isPostOnly ? "client_secret_post" : "client_secret_basic" };
  }
  throw failureOf("unknown");
}

async function findIssuer(fetchFrom: GuardedFetch, serverUrl: string): Promise<string> {
  const { origin, pathname } = new URL(serverUrl);
  const at = `${origin}/.well-known/oauth-protected-resource`;
  const told = await findMetadataUrl(fetchFrom, serverUrl);
  for (const url of new Set([...(told === undefined ? [] : [told]), at + (pathname === "/" ? "" : pathname), at])) {
    const metadata = await getJson(fetchFrom, url);
    if (!metadata) continue;
    const { resource, authorization_servers: servers } = metadata;
    if (!isOf(resource, serverUrl)) throw failureOf("other");
    const [issuer] = Array.isArray(servers) ? servers : [];
    if (typeof issuer === "string" && URL.canParse(issuer)) return issuer;
  }
  throw failureOf("silent");
}

/** What the server says when it is asked without a token (RFC 9728, 5.1). */
async function findMetadataUrl(fetchFrom: GuardedFetch, serverUrl: string): Promise<string | undefined> {
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const answer = await orNothing(fetchFrom(new URL(serverUrl), { method: "POST", headers, body: ping }));
  if (answer?.status !== 401) return undefined;
  const [, url] = /resource_metadata="([^"\s]{1,2000})"/i.exec(answer.headers.get("www-authenticate") ?? "") ?? [];
  return url !== undefined && URL.canParse(url) ? url : undefined;
}

/** Whether the metadata is of the server, or of all below a path of its own. */
function isOf(resource: unknown, serverUrl: string): boolean {
  if (typeof resource !== "string" || !URL.canParse(resource)) return false;
  const [named, own] = [new URL(resource), new URL(serverUrl)];
  const path = named.pathname.replace(/\/$/, "");
  return named.origin === own.origin && (own.pathname === path || own.pathname.startsWith(`${path}/`));
}

/** In the order in which MCP has them tried (2025-11-25, "Authorization Server Metadata Discovery"). */
function metadataUrlsOf(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, "");
  const known = `${origin}/.well-known`;
  const ofPath = path === "" ? [] : [`${origin}${path}/.well-known/openid-configuration`];
  return [`${known}/oauth-authorization-server${path}`, `${known}/openid-configuration${path}`, ...ofPath];
}

async function getJson(fetchFrom: GuardedFetch, url: string): Promise<RpcParams | undefined> {
  const answer = await orNothing(fetchFrom(new URL(url), { method: "GET", headers: { accept: "application/json" } }));
  if (answer?.status !== 200) return undefined;
  const json: unknown = await answer.json().catch(() => undefined);
  return isObject(json) ? json : undefined;
}

/** What is not there, may not be called or is too large is nothing. */
function orNothing(asked: Promise<Response>): Promise<Response | undefined> {
  return asked.catch((err: unknown) => {
    if (err instanceof FetchError) return undefined;
    throw err;
  });
}

function failureOf(reason: keyof typeof reasons): Failure {
  const { en_US, zh_CN } = reasons[reason];
  return new Failure(toolFailures.token_endpoint_unknown, { reason: en_US, reason_zh_CN: zh_CN });
}
