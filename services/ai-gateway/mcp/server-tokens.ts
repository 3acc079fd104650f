import { toolFailures } from "@lyss/contracts/failures/ai-gateway-tools.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { CredentialCache } from "../credential-cache.ts";
import type { Provider } from "../model.ts";
import { isObject } from "../servers/json-rpc.ts";
import { type McpServer, payeeOf } from "./mcp-server.ts";
import type { ServerOauth } from "./server-oauth.ts";

/** Access tokens for tool servers that want such, in this process's memory. */
export interface ServerTokens {
  /**
   * A token that is good for a while, or undefined for a server that asks for none. Calls that come together get one. Throws `tool_server_token_refused`,
   * and for some seconds again without asking.
   */
  tokenOf(server: McpServer): Promise<string | undefined>;
  /** Asks for another next time, unless that has been done since: the server has refused this one. True where there may be a better one. */
  refuse(server: McpServer, token: string): boolean;
}

export interface ServerTokensDeps {
  readonly credentials: CredentialCache;
  readonly clock: Clock;
  /** To addresses that tenants name. */
  readonly fetchPublic: GuardedFetch;
  /** To addresses of the operator's. */
  readonly fetchAny: GuardedFetch;
}

interface Lent {
  token: string;
  expiresAtMs: number;
  flight: Promise<string> | undefined;
  failure: Failure | undefined;
  failedMs: number;
}

/** Before its end another is asked for; of a short one half of its life. */
const refreshBeforeMs = 60_000;
/** Of a token whose end is not said. */
const usualLifeMs = 300_000;
const failedMs = 5_000;
const maxTokenLength = 16_384;

/** What is wrong, in words of ours. */
const reasons = {
  refused: { en_US: "it refuses the client or what it asks for", zh_CN: "拒绝了客户端或其请求" },
  unreachable: { en_US: "it cannot be reached", zh_CN: "无法连接" },
  malformed: { en_US: "its answer has no bearer token", zh_CN: "响应中没有 Bearer 令牌" },
} as const;

export function createServerTokens({ credentials, clock, fetchPublic, fetchAny }: ServerTokensDeps): ServerTokens {
  /** By the server as it is now: one that changes is another object. */
  const known = new WeakMap<McpServer, Lent>();

  function lentOf(server: McpServer): Lent {
    let lent = known.get(server);
    if (!lent) {
      lent = { token: "", expiresAtMs: 0, flight: undefined, failure: undefined, failedMs: 0 };
      known.set(server, lent);
    }
    return lent;
  }

  async function borrow(server: McpServer & { readonly oauth: ServerOauth }, lent: Lent): Promise<string> {
    const secret = await credentials.secretOf(tokenEndpointOf(server));
    const fetchFrom = server.source === "tenant" ? fetchPublic : fetchAny;
    const answer = await fetchFrom(new URL(server.oauth.tokenUrl), toRequest(server.oauth, secret)).catch(
      (cause: unknown) => {
        throw failureOf(server, "unreachable", cause);
      },
    );
    if (answer.status >= 400 && answer.status < 500 && answer.status !== 429) throw failureOf(server, "refused");
    if (answer.status !== 200) throw failureOf(server, "unreachable");
    // The text of such an error may quote the token.
    const json: unknown = await answer.json().catch(() => undefined);
    const { token, lifeMs } = readToken(json) ?? {};
    if (token === undefined || lifeMs === undefined) throw failureOf(server, "malformed");
    lent.token = token;
    lent.expiresAtMs = clock.nowMs() + lifeMs - Math.min(refreshBeforeMs, lifeMs / 2);
    lent.failure = undefined;
    return token;
  }

  function borrowOnce(server: McpServer & { readonly oauth: ServerOauth }, lent: Lent): Promise<string> {
    lent.flight ??= borrow(server, lent)
      .catch((err: unknown) => {
        if (err instanceof Failure) Object.assign(lent, { failure: err, failedMs: clock.monotonicMs() });
        throw err;
      })
      .finally(() => {
        lent.flight = undefined;
      });
    return lent.flight;
  }

  return {
    async tokenOf(server) {
      if (!hasOauth(server)) return undefined;
      const lent = lentOf(server);
      if (lent.token !== "" && lent.expiresAtMs > clock.nowMs()) return lent.token;
      if (lent.failure && clock.monotonicMs() - lent.failedMs < failedMs) throw lent.failure;
      return borrowOnce(server, lent);
    },
    refuse(server, token) {
      const lent = known.get(server);
      if (!lent || !hasOauth(server)) return false;
      if (lent.token === token) lent.token = "";
      return true;
    },
  };
}

function hasOauth(server: McpServer): server is McpServer & { readonly oauth: ServerOauth } {
  return server.oauth !== null;
}

/** RFC 6749, 2.3.1 and 4.4.2. */
function toRequest({ clientId, scope, resource, tokenAuthMethod }: ServerOauth, secret: string) {
  const isBasic = tokenAuthMethod === "client_secret_basic";
  const encode = (text: string) => new URLSearchParams({ a: text }).toString().slice(2);
  const pair = Buffer.from(`${encode(clientId)}:${encode(secret)}`).toString("base64");
  const form = new URLSearchParams({
    ...{ grant_type: "client_credentials", resource, ...(scope !== "" && { scope }) },
    ...(!isBasic && { client_id: clientId, client_secret: secret }),
  });
  return {
    method: "POST",
    headers: {
      ...{ "content-type": "application/x-www-form-urlencoded", accept: "application/json" },
      ...(isBasic && { authorization: `Basic ${pair}` }),
    },
    body: form.toString(),
  };
}

/** Undefined for what is no bearer token. */
function readToken(json: unknown): { readonly token: string; readonly lifeMs: number } | undefined {
  if (!isObject(json) || typeof json["token_type"] !== "string" || json["token_type"].toLowerCase() !== "bearer") {
    return undefined;
  }
  const { access_token: token, expires_in: seconds } = json;
  if (typeof token !== "string" || token.length > maxTokenLength || !/^[\x21-\x7e]+$/.test(token)) return undefined;
  const isTold = typeof seconds === "number" && seconds > 0;
  return { token, lifeMs: isTold ? Math.min(seconds, 86_400) * 1_000 : usualLifeMs };
}

function failureOf({ name }: McpServer, reason: keyof typeof reasons, cause?: unknown): Failure {
  const { en_US, zh_CN } = reasons[reason];
  const details = { server: name, reason: en_US, reason_zh_CN: zh_CN };
  return new Failure(toolFailures.tool_server_token_refused, details, { cause });
}

const endpoints = new WeakMap<McpServer, Provider>();

/** The token endpoint as those parts see it that hold secrets. The same object for the same server. */
function tokenEndpointOf(server: McpServer & { readonly oauth: ServerOauth }): Provider {
  let endpoint = endpoints.get(server);
  if (!endpoint) {
    const { serverId, tenantId, source, createdAt, oauth } = server;
    endpoint = {
      ...{
        providerId: `${serverId} oauth`,
        tenantId,
        name: payeeOf(server),
        dialect: "openai",
        baseUrl: oauth.tokenUrl,
      },
      ...{
        source,
        credentialId: oauth.credentialId,
        models: [],
        onDisconnect: "cancel",
        serverTools: false,
        createdAt,
      },
    };
    endpoints.set(server, endpoint);
  }
  return endpoint;
}
