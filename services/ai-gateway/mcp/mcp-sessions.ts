import type { Clock } from "@lyss/kit/service/clock.ts";
import type { CredentialCache } from "../credential-cache.ts";
import { openHeaders } from "../servers/open-headers.ts";
import type { UpstreamPools } from "../upstream-pools.ts";
import { type McpServer, upstreamOf } from "./mcp-server.ts";
import type { ServerTokens } from "./server-tokens.ts";
import { createUpstreamSession, type UpstreamSession } from "./upstream-session.ts";

/** Sessions at tool servers, each of one person or key: what a server remembers of one never reaches another. */
export interface McpSessions {
  sessionOf(server: McpServer, owner: SessionOwner): UpstreamSession;
  /** Closes those that nobody has used for a while. */
  sweep(): Promise<void>;
  closeAll(): Promise<void>;
}

export interface SessionOwner {
  readonly tenantId: string;
  readonly userId: string;
  readonly keyId: string;
}

/** Of the platform itself, which asks servers what they have. */
export const platformOwner: SessionOwner = { tenantId: "", userId: "", keyId: "" };

interface Entry {
  readonly server: McpServer;
  readonly session: UpstreamSession;
  usedMs: number;
}

const maxSessions = 5_000;
const idleMs = 600_000;
const bearer = "Bearer ";

export function createMcpSessions({
  pools,
  credentials,
  tokens,
  clock,
}: {
  readonly pools: UpstreamPools;
  readonly credentials: CredentialCache;
  readonly tokens: ServerTokens;
  readonly clock: Clock;
}): McpSessions {
  /** The one that was used longest ago first. */
  const entries = new Map<string, Entry>();

  async function headersOf(server: McpServer): Promise<Readonly<Record<string, string>>> {
    const headers = await openHeaders(credentials, upstreamOf(server));
    const token = await tokens.tokenOf(server);
    return token === undefined ? headers : { ...headers, authorization: bearer + token };
  }

  function open(server: McpServer): UpstreamSession {
    const pool = pools.poolOf(upstreamOf(server));
    return createUpstreamSession({
      ...{ server, pool, headers: () => headersOf(server) },
      isWorthAnother: ({ authorization = "" }) => tokens.refuse(server, authorization.slice(bearer.length)),
    });
  }

  async function drop(name: string, { session }: Entry): Promise<void> {
    entries.delete(name);
    await session.close();
  }

  return {
    sessionOf(server, { tenantId, userId, keyId }) {
      const name = JSON.stringify([server.serverId, tenantId, userId, keyId]);
      const known = entries.get(name);
      entries.delete(name);
      const isSame = known?.server === server;
      if (known && !isSame) void known.session.close();
      const session = isSame ? known.session : open(server);
      entries.set(name, { server, session, usedMs: clock.monotonicMs() });
      const [oldest] = entries;
      if (entries.size > maxSessions && oldest) void drop(...oldest);
      return session;
    },
    async sweep() {
      const endMs = clock.monotonicMs() - idleMs;
      const idle = [...entries].filter(([, { usedMs }]) => usedMs < endMs);
      await Promise.all(idle.map(([name, entry]) => drop(name, entry)));
    },
    async closeAll() {
      await Promise.all([...entries].map(([name, entry]) => drop(name, entry)));
    },
  };
}
