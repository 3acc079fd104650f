import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { AgentCard, type Message, Role, type Task, TaskState } from "@a2a-js/sdk";
import { LegacyJsonRpcTransportHandler } from "@a2a-js/sdk/compat/v0_3/server";
import {
  AgentEvent,
  type AgentExecutor,
  DefaultRequestHandler,
  type ExecutionEventBus,
  InMemoryTaskStore,
  JsonRpcTransportHandler,
  type RequestContext,
  ServerCallContext,
} from "@a2a-js/sdk/server";

/** One request as an agent got it. */
export interface HeardRequest {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  /** As it came. */
  readonly body: string;
  // biome-ignore lint/suspicious/noExplicitAny: any message of JSON-RPC.
  readonly message: any;
}

const skill = {
  ...{ id: "echo", name: "Echo", description: "Says it again.", tags: ["echo"], examples: ["echo hi"] },
  ...{ inputModes: ["text/plain"], outputModes: ["text/plain"], securityRequirements: [] },
};

/** A card as an agent of both versions serves it; everything in it that leads past Lyss has to go. */
function cardOf(at: string) {
  const url = `${at}/rpc`;
  return {
    ...{ name: "Echo agent", description: "Says it again.\u202e", version: "1.2.3" },
    supportedInterfaces: ["1.0", "0.3"].map((protocolVersion) => ({
      ...{ url, protocolBinding: "JSONRPC", protocolVersion, tenant: "" },
    })),
    provider: { organization: "Example", url: `${at}/about` },
    ...{ documentationUrl: "https://docs.example.com/echo", iconUrl: `${at}/icon.png` },
    capabilities: { streaming: true, pushNotifications: true, extendedAgentCard: true, extensions: [] },
    securitySchemes: { upstream: { httpAuthSecurityScheme: { scheme: "Bearer" } } },
    ...{ securityRequirements: [], defaultInputModes: ["text/plain"], defaultOutputModes: ["text/plain"] },
    ...{ skills: [skill], signatures: [{ protected: "e30", signature: "AA" }] },
  };
}

const textOf = ({ parts }: Message): string =>
  parts.map(({ content }) => (content?.$case === "text" ? content.value : "")).join("");

/** What the executor of the official server does, by what it is told: `message`, `ask`, `wait`, and otherwise a task that echoes. */
class EchoExecutor implements AgentExecutor {
  readonly #canceled = new Map<string, () => void>();

  async cancelTask(taskId: string): Promise<void> {
    this.#canceled.get(taskId)?.();
  }

  async execute({ userMessage, task, taskId, contextId }: RequestContext, bus: ExecutionEventBus): Promise<void> {
    const said = textOf(userMessage);
    const part = { content: { $case: "text" as const, value: said }, metadata: undefined, filename: "", mediaType: "" };
    if (said === "message") {
      const answer = { messageId: "m", role: Role.ROLE_AGENT, parts: [part], taskId: "", contextId };
      return bus.publish(AgentEvent.message({ ...answer, extensions: [], metadata: {}, referenceTaskIds: [] }));
    }
    const status = (state: TaskState) => ({ state, timestamp: undefined, message: undefined });
    const update = (state: TaskState) =>
      bus.publish(AgentEvent.statusUpdate({ taskId, contextId, status: status(state), metadata: {} }));
    const begun: Task = {
      ...{ id: taskId, contextId, status: status(TaskState.TASK_STATE_WORKING), artifacts: [], history: [userMessage] },
      metadata: {},
    };
    bus.publish(AgentEvent.task(task ?? begun));
    if (said === "ask") return update(TaskState.TASK_STATE_INPUT_REQUIRED);
    if (said === "wait") {
      await new Promise<void>((resolve) => this.#canceled.set(taskId, resolve));
      return update(TaskState.TASK_STATE_CANCELED);
    }
    const artifact = { artifactId: "a", name: "", description: "", parts: [part], metadata: {}, extensions: [] };
    bus.publish(
      AgentEvent.artifactUpdate({ taskId, contextId, artifact, append: false, lastChunk: true, metadata: {} }),
    );
    update(TaskState.TASK_STATE_COMPLETED);
  }
}

const sendJson = (res: ServerResponse, body: unknown) => {
  res.writeHead(200, { "content-type": "application/json" });
  res.end(typeof body === "string" ? body : JSON.stringify(body));
};

/** The official server, of both versions, without its framework. */
function createOfficialAgent(at: string) {
  const handler = new DefaultRequestHandler(
    AgentCard.fromJSON(cardOf(at)),
    new InMemoryTaskStore(),
    new EchoExecutor(),
  );
  const current = new JsonRpcTransportHandler(handler);
  const legacy = new LegacyJsonRpcTransportHandler(handler);
  return async ({ message, headers }: HeardRequest, res: ServerResponse): Promise<void> => {
    const requestedVersion = String(headers["a2a-version"]);
    const transport = requestedVersion === "0.3" ? legacy : current;
    const answer = await transport.handle(message, new ServerCallContext({ requestedVersion }));
    if (!(Symbol.asyncIterator in answer)) return sendJson(res, answer);
    res.writeHead(200, { "content-type": "text/event-stream" });
    for await (const event of answer) res.write(`data: ${JSON.stringify(event)}\n\n`);
    res.end();
  };
}

const task = (id: string, state: string, more: object = {}) => ({
  ...{ kind: "task", id, contextId: `${id}-context`, status: { state }, ...more },
});
const stream = (res: ServerResponse, ...results: readonly object[]) => {
  res.writeHead(200, { "content-type": "text/event-stream" });
  for (const result of results) res.write(`data: ${JSON.stringify({ jsonrpc: "2.0", id: 1, result })}\n\n`);
  return res;
};
const result = (res: ServerResponse, value: unknown) => sendJson(res, { jsonrpc: "2.0", id: 1, result: value });

type Answer = (heard: HeardRequest, res: ServerResponse) => void;

/** Agents of version 0.3 that do wrong, one for each path. */
const hostile: Readonly<Record<string, Answer>> = {
  cut: (_, res) => void stream(res, task("t-cut", "working")).write("data: {", () => res.destroy()),
  unfinished: (_, res) => void stream(res, task("t-unfinished", "working")).end(),
  empty: (_, res) => void stream(res).end(),
  error: (_, res) => sendJson(res, { jsonrpc: "2.0", id: 1, error: { code: -32_005, message: "the secret" } }),
  odd: (_, res) => sendJson(res, { jsonrpc: "2.0", id: 1, error: { code: 7, message: "the secret" } }),
  late: (_, res) => {
    const error = { code: -32_603, message: "the secret" };
    stream(res, task("t-late", "working")).end(`data: ${JSON.stringify({ jsonrpc: "2.0", id: 1, error })}\n\n`);
  },
  kindless: (_, res) => result(res, { id: "t", status: { state: "completed" } }),
  "other-id": (_, res) => sendJson(res, { jsonrpc: "2.0", id: 9, result: task("t-other", "completed") }),
  nameless: (_, res) => result(res, { kind: "task", status: { state: "completed" } }),
  long: (_, res) => result(res, task("x".repeat(300), "completed")),
  large: (_, res) => result(res, task("t-large", "completed", { metadata: { secret: "x".repeat(17_000_000) } })),
  html: (_, res) => void res.writeHead(200, { "content-type": "text/html" }).end("<h1>the secret</h1>"),
  redirect: (_, res) => void res.writeHead(307, { location: "/official/rpc" }).end(),
  refused: (_, res) => void res.writeHead(401, { "www-authenticate": "Bearer" }).end("the secret"),
  dead: (_, res) => void res.destroy(),
  silent: () => undefined,
  /** Names the same task to everybody. */
  same: (_, res) => result(res, task("t-same", "completed")),
  /** Says what it was sent. */
  mirror: ({ headers, message }, res) =>
    result(res, task("t-mirror", "completed", { metadata: { key: headers["x-key"] ?? "", sent: message.params } })),
};

/** Of an agent that speaks 0.3 alone. */
const oldCard = (at: string) => ({
  ...{ protocolVersion: "0.3.0", description: "", version: "1", url: `${at}/rpc` },
  ...{ name: "Echo agent", capabilities: { streaming: true }, defaultInputModes: [], defaultOutputModes: [] },
  ...{ skills: [skill], supportedInterfaces: undefined },
});

/** Agents of all manners on one port, with what they have heard. */
export async function startAgents(t: { after(work: () => void): void }) {
  const heard: HeardRequest[] = [];
  let url = "";
  let official: ReturnType<typeof createOfficialAgent> | undefined;
  const server = createServer(async (req, res) => {
    const [, name = "", ...rest] = (req.url ?? "").split("/");
    const path = rest.join("/");
    if (req.method === "GET" && path === ".well-known/agent-card.json" && name !== "cardless") {
      const at = `${url}/${name}`;
      if (name === "official") return sendJson(res, cardOf(at));
      return sendJson(res, oldCard(at));
    }
    if (req.method !== "POST" || path !== "rpc") return void res.writeHead(404).end("the secret");
    const body = await text(req);
    const one: HeardRequest = { path: name, headers: req.headers, body, message: JSON.parse(body) };
    heard.push(one);
    if (name.startsWith("official")) await official?.(one, res);
    else hostile[name]?.(one, res);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  official = createOfficialAgent(`${url}/official`);
  return { url, heard, hostile: Object.keys(hostile) };
}
