import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { RpcParams } from "../servers/json-rpc.ts";
import { isAllowed } from "../servers/server.ts";
import { type LogLevel, toLogged } from "./log-level.ts";
import { type McpServer, mayCall, splitToolName, toolNameOf } from "./mcp-server.ts";
import { splitUri, uriOf } from "./resource-uri.ts";
import type { Wanted } from "./server-feed.ts";
import type { NewsReader } from "./server-news.ts";

type NewsDeps = Pick<AiGatewayDeps, "mcpCatalog" | "offerBook" | "mcpSubscriptions" | "logLevels" | "serverNews">;

/** What one client hears of servers between its calls. */
export interface ClientNews {
  /** Follows what it may hear and wants to. */
  look(): Promise<void>;
  close(): void;
}

/** `tell` gives false where the client does not keep up: it hears later that a resource has changed, and not what was logged. */
export function createClientNews(
  deps: NewsDeps,
  caller: Caller,
  session: string | undefined,
  tell: (method: string, params: RpcParams) => boolean,
): ClientNews {
  /** Of which the client has not heard yet. */
  const unsaid = new Set<string>();
  let wanted: ReadonlyMap<McpServer, Wanted> = new Map();

  function tellUpdated(uri: string): void {
    if (tell("notifications/resources/updated", { uri })) unsaid.delete(uri);
    else unsaid.add(uri);
  }

  const reader: NewsReader = deps.serverNews.open((server) => ({
    onUpdated: (uri) => tellUpdated(uriOf(server, uri)),
    onLogged(params) {
      const level = wanted.get(server)?.level;
      const logged = level && toLogged(server, params, level);
      if (logged) tell("notifications/message", logged);
    },
  }));

  let isClosed = false;
  /** Of looks that overlap the one that began last counts. */
  let begun = 0;

  async function look(): Promise<void> {
    for (const uri of unsaid) tellUpdated(uri);
    const turn = ++begun;
    const found = await findWanted(deps, caller, session);
    if (isClosed || turn !== begun) return;
    wanted = found;
    reader.want(wanted);
  }

  // What cannot be found out now is with the next look.
  const lookNow = () => void look().catch(() => undefined);
  const unwatch = session === undefined ? undefined : deps.mcpSubscriptions.watch(caller, session, lookNow);

  return {
    look,
    close() {
      isClosed = true;
      unwatch?.();
      reader.close();
    },
  };
}

/** A server that says when its lists change is heard for that alone, too. */
async function findWanted(
  { mcpCatalog, offerBook, mcpSubscriptions, logLevels }: NewsDeps,
  caller: Caller,
  session: string | undefined,
): Promise<ReadonlyMap<McpServer, Wanted>> {
  const asked = session === undefined ? undefined : await logLevels.find(caller, session);
  const subscribed = session === undefined ? [] : await mcpSubscriptions.list(caller, session);
  const wanted = new Map<McpServer, Wanted>();
  for (const server of mcpCatalog.list(caller.tenantId)) {
    const offer = await offerBook.of(server).catch(() => undefined);
    if (!offer) continue;
    const uris = offer.has.subscriptions ? subscribed.flatMap((uri) => ownUri(server, caller, uri)) : [];
    const level: LogLevel | undefined = offer.has.logging && mayHearLogs(server, caller) ? asked : undefined;
    if (uris.length > 0 || level !== undefined || offer.has.news) wanted.set(server, { uris: new Set(uris), level });
  }
  return wanted;
}

/** The resource as the server has it, where it is its and its caller may read it. */
function ownUri(server: McpServer, { models }: Caller, uri: string): readonly string[] {
  const parts = splitUri(uri);
  if (parts?.server !== server.name) return [];
  const isHere = isAllowed(server.allowedTools, parts.uri) && mayCall(models, toolNameOf(server, parts.uri));
  return isHere ? [parts.uri] : [];
}

/**
 * A server that tenants share knows no tenants, and may log what it does for one to all. Its operator hears it; others hear what it logs within
 * their own calls.
 */
function mayHearLogs(server: McpServer, { permissions, models }: Caller): boolean {
  if (server.tenantId === "" && !permits(permissions, "platform:events")) return false;
  return models.length === 0 || models.some((entry) => splitToolName(entry)?.server === server.name);
}
