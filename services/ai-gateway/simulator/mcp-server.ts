import { delay } from "@lyss/kit/service/clock.ts";
import type { Call } from "./call.ts";
import { type Outlet, sendJson } from "./delivery.ts";
import { parseJsonObject } from "./requests.ts";
import { badRequest } from "./wire-error.ts";

type Params = Readonly<Record<string, unknown>>;

const versions: readonly unknown[] = ["2025-11-25", "2025-06-18", "2025-03-26"];
const maxSteps = 20;
const maxStepMs = 10_000;

const object = (properties: object, required: readonly string[]) => ({ type: "object", properties, required });

const tools = [
  {
    name: "echo",
    description: "Gives back the text that it is given.",
    inputSchema: object({ text: { type: "string" } }, ["text"]),
    annotations: { readOnlyHint: true, idempotentHint: true },
  },
  {
    name: "add",
    description: "Adds two numbers.",
    inputSchema: object({ a: { type: "number" }, b: { type: "number" } }, ["a", "b"]),
    outputSchema: object({ sum: { type: "number" } }, ["sum"]),
    annotations: { readOnlyHint: true, idempotentHint: true },
  },
  {
    name: "slow",
    description: "Takes so many steps of so many milliseconds, and tells of each.",
    inputSchema: object(
      {
        steps: { type: "integer", minimum: 1, maximum: maxSteps },
        step_ms: { type: "integer", minimum: 0, maximum: maxStepMs },
      },
      ["steps"],
    ),
  },
  {
    name: "fail",
    description:
      "Fails: with a result that says so, an error, a status, an answer that is none, or a broken connection.",
    inputSchema: object({ how: { enum: ["result", "error", "status", "garbage", "cut"] } }, ["how"]),
  },
];

const readme = "simulated://readme";
const greetingsAt = "simulated://greetings/";

const resources = [{ uri: readme, name: "readme", title: "What this is", mimeType: "text/plain", size: 47 }];
const resourceTemplates = [
  { uriTemplate: `${greetingsAt}{name}`, name: "greetings", title: "A greeting for somebody", mimeType: "text/plain" },
];
const prompts = [
  {
    ...{ name: "greet", title: "Greet somebody", description: "Asks for a greeting." },
    arguments: [{ name: "name", description: "Who is greeted.", required: true }],
  },
];
/** What is proposed for a name. */
const names = ["Ada", "Alan", "Grace"];

/**
 * A simulated server of tools, resources and prompts (Model Context Protocol 2025-11-25, Streamable HTTP): without sessions, and the same answer to the same
 * call. It says what it is in `serverInfo`.
 */
export async function serveMcpServer(call: Call): Promise<void> {
  const { id, method, params } = parseJsonObject(call.body) as Params;
  const outlet = call.open({});
  if (typeof method !== "string") throw badRequest("method", "Send one message of JSON-RPC 2.0.");
  if (id === undefined) {
    outlet.res.writeHead(202, { "content-length": "0" }).end();
    return;
  }
  const given = toParams(params);
  const end = (said: object) => sendJson(outlet, 200, { jsonrpc: "2.0", id, ...said });
  switch (method) {
    case "initialize":
      return end({ result: toInitialized(given) });
    case "ping":
      return end({ result: {} });
    case "tools/list":
      return end({ result: { tools } });
    case "tools/call":
      return callTool(outlet, id, given);
    case "resources/list":
      return end({ result: { resources } });
    case "resources/templates/list":
      return end({ result: { resourceTemplates } });
    case "resources/read":
      return end(readResource(given["uri"]));
    case "prompts/list":
      return end({ result: { prompts } });
    case "prompts/get":
      return end(getPrompt(given));
    case "completion/complete":
      return end({ result: completeName(toParams(given["argument"])["value"]) });
    default:
      return end({ error: { code: -32_601, message: "Method not found" } });
  }
}

function toInitialized({ protocolVersion }: Params) {
  return {
    protocolVersion: versions.includes(protocolVersion) ? protocolVersion : versions[0],
    capabilities: { tools: {}, resources: {}, prompts: {}, completions: {} },
    serverInfo: { name: "lyss-simulator", title: "Simulated tools", version: "1" },
  };
}

function readResource(uri: unknown): object {
  const answer = (text: string) => ({ result: { contents: [{ uri, mimeType: "text/plain", text }] } });
  if (uri === readme) return answer("A simulated server of tools, for trying things.");
  if (typeof uri === "string" && uri.startsWith(greetingsAt)) return answer(`Hello, ${uri.slice(greetingsAt.length)}!`);
  return { error: { code: -32_002, message: "Resource not found" } };
}

function getPrompt({ name, arguments: given }: Params): object {
  if (name !== "greet") return { error: { code: -32_602, message: "Unknown prompt" } };
  const text = `Greet ${String(toParams(given)["name"] ?? "nobody")}.`;
  const link = { type: "resource_link", uri: readme, name: "readme" };
  const messages = [text, link].map((said) => ({
    role: "user",
    content: typeof said === "string" ? { type: "text", text: said } : said,
  }));
  return { result: { description: "Asks for a greeting.", messages } };
}

function completeName(begun: unknown): object {
  const values = names.filter((name) => name.startsWith(String(begun ?? "")));
  return { completion: { values, total: values.length, hasMore: false } };
}

async function callTool(outlet: Outlet, id: unknown, params: Params): Promise<void> {
  const given = toParams(params["arguments"]);
  const end = (said: object) => sendJson(outlet, 200, { jsonrpc: "2.0", id, ...said });
  const endWithText = (text: string, more: object = {}) =>
    end({ result: { content: [{ type: "text", text }], ...more } });
  switch (params["name"]) {
    case "echo":
      return endWithText(String(given["text"] ?? ""));
    case "add": {
      const { a, b } = given;
      if (typeof a !== "number" || typeof b !== "number")
        return endWithText("a and b must be numbers", { isError: true });
      return endWithText(String(a + b), { structuredContent: { sum: a + b } });
    }
    case "slow":
      return goSlowly(outlet, id, given, toParams(params["_meta"])["progressToken"]);
    case "fail":
      return fail(outlet, id, given["how"]);
    default:
      return end({ error: { code: -32_602, message: "Unknown tool" } });
  }
}

async function goSlowly(outlet: Outlet, id: unknown, given: Params, progressToken: unknown): Promise<void> {
  const { res, clock, signal } = outlet;
  const steps = bounded(given["steps"], 1, maxSteps);
  const stepMs = bounded(given["step_ms"] ?? 10, 0, maxStepMs);
  const say = (message: object) => void res.write(`data: ${JSON.stringify({ jsonrpc: "2.0", ...message })}\n\n`);
  res.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  for (let progress = 1; progress <= steps; progress++) {
    await delay(clock, stepMs, signal);
    if (progressToken === undefined) continue;
    say({ method: "notifications/progress", params: { progressToken, progress, total: steps } });
  }
  say({ id, result: { content: [{ type: "text", text: `${steps} steps` }] } });
  res.end();
}

async function fail(outlet: Outlet, id: unknown, how: unknown): Promise<void> {
  const { res } = outlet;
  switch (how) {
    case "error":
      return sendJson(outlet, 200, { jsonrpc: "2.0", id, error: { code: -32_602, message: "A simulated error" } });
    case "status":
      return sendJson(outlet, 500, { error: { message: "A simulated error" } });
    case "garbage":
      res.writeHead(200, { "content-type": "application/json" }).end("{");
      return;
    case "cut":
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(": soon\n\n", () => outlet.cut());
      return;
    default:
      return sendJson(outlet, 200, {
        ...{ jsonrpc: "2.0", id },
        result: { content: [{ type: "text", text: "A simulated failure" }], isError: true },
      });
  }
}

function bounded(value: unknown, least: number, most: number): number {
  return Number.isInteger(value) ? Math.min(most, Math.max(least, Number(value))) : least;
}

function toParams(value: unknown): Params {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Params) : {};
}
