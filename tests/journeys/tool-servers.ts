import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** One message as a server was sent it. */
export interface Heard {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  // biome-ignore lint/suspicious/noExplicitAny: any message of JSON-RPC.
  readonly message: any;
}

/** What a server does with a message, in place of the usual. True when it has seen to it. */
type Answer = (heard: Heard, res: ServerResponse) => boolean;

const tool = (name: string, more: object = {}) => ({ name, inputSchema: { type: "object" }, ...more });

const sendJson = (res: ServerResponse, body: unknown, headers: Record<string, string> = {}) => {
  res.writeHead(200, { "content-type": "application/json", ...headers });
  res.end(typeof body === "string" ? body : JSON.stringify(body));
  return true;
};
const sendText = (res: ServerResponse, id: unknown, said: string) =>
  sendJson(res, { jsonrpc: "2.0", id, result: { content: [{ type: "text", text: said }] } });
const stream = (res: ServerResponse) => res.writeHead(200, { "content-type": "text/event-stream" });

const sessions = new Set<string>();
let grown = 1;

const readable = { capabilities: { tools: {}, resources: {}, prompts: {} }, serverInfo: { name: "r", version: "1" } };
const twice = [
  { uri: "file:///a.txt", name: "a" },
  { uri: "file:///b.txt", name: "b" },
];

/** What the authorization server has lent, the newest last, and how often it was asked. */
const lent: string[] = [];
let isLending = true;
const client = `Basic ${Buffer.from("lyss%3Aone:the+secret").toString("base64")}`;

/** An authorization server: lends a token for the guarded server to the one client that it knows. */
function lend(req: IncomingMessage, form: URLSearchParams, res: ServerResponse): void {
  const isKnown = req.headers.authorization === client && form.get("resource")?.endsWith("/guarded");
  if (!isLending || !isKnown || form.get("grant_type") !== "client_credentials" || form.get("scope") !== "read run") {
    return void res.writeHead(400, { "content-type": "application/json" }).end('{"error":"the secret"}');
  }
  lent.push(`lent-${lent.length}`);
  sendJson(res, { access_token: lent.at(-1), token_type: "bearer", expires_in: 3_600 });
}

/** Servers of all manners, one for each path. */
const servers: Readonly<Record<string, Answer>> = {
  /** Keeps sessions, and forgets one when told to by a tool. */
  "/session": ({ message: { method, id, params }, headers }, res) => {
    if (method === "initialize") {
      const sessionId = `s-${sessions.size}-${Math.round(performance.now())}`;
      sessions.add(sessionId);
      const result = {
        protocolVersion: "2025-06-18",
        capabilities: { tools: {} },
        serverInfo: { name: "s", version: "1" },
      };
      return sendJson(res, { jsonrpc: "2.0", id, result }, { "mcp-session-id": sessionId });
    }
    const sessionId = String(headers["mcp-session-id"]);
    if (!sessions.has(sessionId)) {
      res.writeHead(404).end();
      return true;
    }
    if (method !== "tools/call") return false;
    if (params.name === "forget") sessions.clear();
    return sendText(res, id, params.name === "who" ? sessionId : "forgotten");
  },
  /** Logs within each call, at the level that it was told and above; of one client that it knows by its session. */
  "/logging": ({ message: { method, id, params } }, res) => {
    if (method === "initialize") {
      const capabilities = { tools: {}, logging: {} };
      const result = { protocolVersion: "2025-11-25", capabilities, serverInfo: { name: "l", version: "1" } };
      return sendJson(res, { jsonrpc: "2.0", id, result });
    }
    if (method === "logging/setLevel") return sendJson(res, { jsonrpc: "2.0", id, result: {} });
    if (method !== "tools/call") return false;
    const said = [
      { level: "info", logger: "db", data: { rows: 3, of: params.name } },
      { level: "warning", data: "slow" },
      ...[{ level: "loud", data: 1 }, { level: "error" }, { level: "error", data: "x".repeat(20_000) }],
    ];
    stream(res);
    for (const one of said) {
      res.write(`data: ${JSON.stringify({ jsonrpc: "2.0", method: "notifications/message", params: one })}\n\n`);
    }
    const result = { content: [{ type: "text", text: "done" }] };
    res.end(`data: ${JSON.stringify({ jsonrpc: "2.0", id, result })}\n\n`);
    return true;
  },
  /** Has another tool after each call. */
  "/growing": ({ message: { method, id } }, res) => {
    if (method === "tools/list") {
      return sendJson(res, {
        jsonrpc: "2.0",
        id,
        result: { tools: Array.from({ length: grown }, (_, n) => tool(`t${n}`)) },
      });
    }
    if (method !== "tools/call") return false;
    grown++;
    return sendText(res, id, "grown");
  },
  /** Waits until it is told that the call is cancelled. */
  "/patient": ({ message: { method, params } }, res) => {
    if (method !== "tools/call") return false;
    stream(res).write(
      `data: ${JSON.stringify({ jsonrpc: "2.0", method: "notifications/progress", params: { progressToken: params._meta?.progressToken, progress: 1 } })}\n\n`,
    );
    return true;
  },
  "/names": ({ message: { method, id } }, res) => {
    if (method !== "tools/list") return false;
    const tools: unknown[] = [
      tool("good", {
        description: `Fine.\u202e\u0007 <b>${"x".repeat(20_000)}`,
        title: 7,
        annotations: { readOnlyHint: "yes" },
      }),
      ...[tool("a b"), tool(""), tool("x".repeat(129)), tool("good"), { name: "schemaless" }, null, 7],
      { name: "large", inputSchema: { type: "object", description: "y".repeat(70_000) } },
      { name: "__proto__", inputSchema: { type: "object" } },
    ];
    return sendJson(res, { jsonrpc: "2.0", id, result: { tools, nextCursor: "again" } });
  },
  /** Has resources and prompts, some of which break a bound; a resource that links to another; and no templates, though it says so. */
  "/readable": ({ message: { method, id, params } }, res) => {
    const answer = (result: object) => sendJson(res, { jsonrpc: "2.0", id, result });
    switch (method) {
      case "initialize":
        return answer({ protocolVersion: "2025-11-25", ...readable });
      case "resources/list":
        return params.cursor === undefined
          ? answer({ resources: [...twice.slice(0, 1), { uri: "no scheme", name: "x" }, null], nextCursor: "2" })
          : answer({ resources: [...twice.slice(1), { uri: `file:///${"x".repeat(3_000)}`, name: "long" }] });
      case "resources/templates/list":
        return sendJson(res, { jsonrpc: "2.0", id, error: { code: -32_601, message: "none" } });
      case "resources/read":
        return params.uri === "file:///none"
          ? sendJson(res, { jsonrpc: "2.0", id, error: { code: -32_002, message: "secret" } })
          : answer({ contents: [{ uri: params.uri, text: `read ${params.uri}` }] });
      case "prompts/list":
        return answer({ prompts: [{ name: "write" }, { name: "wr\u202eite" }, { name: "many", arguments: [{}] }] });
      case "prompts/get":
        return answer({
          messages: [{ role: "user", content: { type: "resource", resource: { ...twice[0], text: "t" } } }],
        });
      default:
        return false;
    }
  },
  /** Takes the token that was lent last, until it is told to take none that has been. */
  "/guarded": ({ message: { method, id, params }, headers }, res) => {
    if (headers.authorization !== `Bearer ${lent.at(-1)}`) {
      res.writeHead(401).end("secret");
      return true;
    }
    if (method !== "tools/call") return false;
    if (params.name === "other") lent.push("nobody has this one");
    return sendText(res, id, String(headers.authorization));
  },
  "/dead": (_heard, res) => {
    res.destroy();
    return true;
  },
  "/large": ({ message: { method, id } }, res) =>
    method === "tools/call" && sendText(res, id, "secret".repeat(3_000_000)),
  "/endless": ({ message: { method } }, res) => {
    if (method !== "tools/call") return false;
    stream(res);
    const push = () => {
      while (!res.destroyed && res.write(`: ${"z".repeat(65_000)}\n\n`));
    };
    res.on("drain", push);
    push();
    return true;
  },
  "/other-id": ({ message: { method } }, res) => method === "tools/call" && sendText(res, 999, "secret"),
  "/unanswered": ({ message: { method } }, res) => {
    if (method !== "tools/call") return false;
    stream(res).end(": nothing\n\n");
    return true;
  },
  "/cut": ({ message: { method, id } }, res) => {
    if (method !== "tools/call") return false;
    res.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
    res.write(`{"jsonrpc":"2.0","id":${id},"result":{"content":"secret`, () => res.destroy());
    return true;
  },
  "/html": ({ message: { method } }, res) => {
    if (method !== "tools/call") return false;
    res.writeHead(200, { "content-type": "text/html" }).end("<h1>secret</h1>");
    return true;
  },
  "/redirect": ({ message: { method } }, res) => {
    if (method !== "tools/call") return false;
    res.writeHead(307, { location: "/good" }).end();
    return true;
  },
  "/refused": ({ message: { method } }, res) => {
    if (method !== "tools/call") return false;
    res.writeHead(401, { "www-authenticate": "Bearer" }).end("secret");
    return true;
  },
  "/error": ({ message: { method, id } }, res) =>
    method === "tools/call" && sendJson(res, { jsonrpc: "2.0", id, error: { code: -32_007, message: "secret" } }),
  "/asks-back": ({ message: { method } }, res) => {
    if (method !== "tools/call") return false;
    stream(res);
    for (let id = 0; id < 100; id++)
      res.write(`data: {"jsonrpc":"2.0","id":${id},"method":"sampling/createMessage"}\n\n`);
    return true;
  },
  "/deep": ({ message: { method, id } }, res) =>
    method === "tools/call" &&
    sendJson(res, `{"jsonrpc":"2.0","id":${id},"result":{"x":${"[".repeat(200_000)}${"]".repeat(200_000)}}}`),
  "/silent": ({ message: { method } }) => method === "tools/call",
};

/** Tool servers of all manners on one port, with what they have heard. */
export async function startToolServers(t: { after(work: () => void): void }) {
  const heard: Heard[] = [];
  const server = createServer(async (req, res) => {
    const path = req.url ?? "";
    const body = await text(req);
    if (req.method !== "POST") return void res.writeHead(405).end();
    if (path === "/token") return lend(req, new URLSearchParams(body), res);
    const one: Heard = { path, headers: req.headers, message: JSON.parse(body) };
    heard.push(one);
    if (servers[path]?.(one, res)) return;
    const { id, method, params } = one.message;
    if (id === undefined) return void res.writeHead(202).end();
    if (method === "initialize") {
      const result = {
        protocolVersion: params.protocolVersion,
        capabilities: { tools: {} },
        serverInfo: { name: "t", version: "1" },
      };
      return void sendJson(res, { jsonrpc: "2.0", id, result });
    }
    const names = path === "/session" ? ["who", "forget"] : ["run", "other"];
    if (method === "tools/list") {
      const { cursor } = params;
      const page = cursor === undefined ? names.slice(0, 1) : names.slice(1);
      const result = { tools: page.map((name) => tool(name)), ...(cursor === undefined && { nextCursor: "2" }) };
      return void sendJson(res, { jsonrpc: "2.0", id, result });
    }
    sendText(res, id, body.slice(body.indexOf('"arguments":') + 12, -2));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { url, heard, paths: Object.keys(servers), lent, stopLending: () => (isLending = false) };
}
