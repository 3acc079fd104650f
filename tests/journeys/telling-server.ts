import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

type Json = Readonly<Record<string, unknown>>;

interface Session {
  stream: ServerResponse | undefined;
  readonly uris: Set<string>;
  level: string | undefined;
}

const readable = (uri: string) => ({ uri, name: uri.slice(uri.lastIndexOf("/") + 1) });

/**
 * A tool server that tells of its own accord: when a resource changes that a session has subscribed to, what it logs, and that it has another tool. It
 * counts what it tells, and tells again what came after the last that was heard.
 */
export async function startTellingServer(t: { after(work: () => void): void }) {
  const sessions = new Map<string, Session>();
  /** Methods that came, with what they named. */
  const asked: string[] = [];
  const told: { readonly session: string; readonly bytes: string }[] = [];
  let tools = 1;
  let isAway = false;

  function say(session: string, method: string, params?: Json): void {
    const bytes = `id: ${told.length}\ndata: ${JSON.stringify({ jsonrpc: "2.0", method, params })}\n\n`;
    told.push({ session, bytes });
    sessions.get(session)?.stream?.write(bytes);
  }

  function answer({ method, params = {} }: { method?: string; params?: Json }, session: Session | undefined): Json {
    const uri = String(params["uri"]);
    switch (method) {
      case "tools/list":
        return { tools: Array.from({ length: tools }, (_, n) => ({ name: `t${n}`, inputSchema: { type: "object" } })) };
      case "resources/list":
        return { resources: ["told://a", "told://b"].map(readable) };
      case "resources/templates/list":
        return { resourceTemplates: [] };
      case "resources/subscribe":
        session?.uris.add(uri);
        return {};
      case "resources/unsubscribe":
        session?.uris.delete(uri);
        return {};
      case "logging/setLevel":
        if (session) session.level = String(params["level"]);
        return {};
      default:
        return { content: [{ type: "text", text: "done" }] };
    }
  }

  const server = createServer(async (req, res) => {
    const body = await text(req);
    const id = String(req.headers["mcp-session-id"]);
    const session = sessions.get(id);
    if (isAway) return void res.destroy();
    if (req.method === "DELETE") {
      asked.push("DELETE");
      session?.stream?.end();
      sessions.delete(id);
      return void res.writeHead(204).end();
    }
    if (req.method === "GET") {
      if (!session) return void res.writeHead(404).end();
      asked.push("GET");
      res.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
      session.stream = res;
      res.once("close", () => {
        if (session.stream === res) session.stream = undefined;
      });
      const after = Number(req.headers["last-event-id"] ?? Number.POSITIVE_INFINITY);
      for (const [n, one] of told.entries()) if (n > after && one.session === id) res.write(one.bytes);
      return undefined;
    }
    const message = JSON.parse(body);
    if (message.id === undefined) return void res.writeHead(202).end();
    const { uri, level } = message.params ?? {};
    asked.push([message.method, uri ?? level].filter(Boolean).join(" "));
    const opened = `s${sessions.size}-${Math.round(performance.now())}`;
    if (message.method === "initialize") sessions.set(opened, { stream: undefined, uris: new Set(), level: undefined });
    const capabilities = { tools: { listChanged: true }, resources: { subscribe: true }, logging: {} };
    const result =
      message.method === "initialize"
        ? { protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "telling", version: "1" } }
        : answer(message, session);
    res.writeHead(200, { "content-type": "application/json", "mcp-session-id": opened });
    res.end(JSON.stringify({ jsonrpc: "2.0", id: message.id, result }));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });

  const streams = () => [...sessions.values()].flatMap(({ stream }) => stream ?? []);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    streams,
    change(uri: string): void {
      for (const [id, { uris }] of sessions) if (uris.has(uri)) say(id, "notifications/resources/updated", { uri });
    },
    log(level: string, data: unknown): void {
      for (const [id, { level: from }] of sessions) if (from) say(id, "notifications/message", { level, data });
    },
    grow(): void {
      tools++;
      for (const id of sessions.keys()) say(id, "notifications/tools/list_changed");
    },
    /** Breaks its streams; a client finds nobody until `back`. */
    leave(): void {
      isAway = true;
      for (const stream of streams()) stream.destroy();
    },
    back(forgets: boolean): void {
      if (forgets) sessions.clear();
      isAway = false;
    },
  };
}
