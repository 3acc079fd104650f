import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Client, ProtocolError, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { requestJson, runPlatform } from "../run-platform.ts";
import { startToolServers } from "./tool-servers.ts";

const { url: servers, heard } = await startToolServers({ after });
const mcpServers = [{ name: "logging", url: `${servers}/logging` }];
const { url, apiKey } = await runPlatform({ after }, { config: { mcpServers, log: { level: "error" } } });
const done = [{ type: "text", text: "done" }];

async function connect(): Promise<Client> {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode: "legacy" } });
  const requestInit = { headers: { authorization: `Bearer ${apiKey}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/v1/mcp`), { requestInit }));
  after(() => client.close());
  return client;
}

test("a client hears what servers log within its calls from the level on that it sets, and who sets none hears nothing", async () => {
  const listener = await connect();
  const logged: unknown[] = [];
  listener.setNotificationHandler("notifications/message", ({ params }) => void logged.push(params));
  const call = async () => {
    logged.length = 0;
    assert.deepEqual((await listener.callTool({ name: "logging__run", arguments: {} })).content, done);
    return [...logged];
  };
  assert.deepEqual(await call(), []);
  const warning = { level: "warning", logger: "logging", data: "slow" };
  await listener.setLoggingLevel("warning");
  assert.deepEqual(await call(), [warning]);
  await listener.setLoggingLevel("debug");
  const info = { level: "info", logger: "logging/db", data: { rows: 3, of: "run" } };
  assert.deepEqual(await call(), [info, warning], "what is malformed or too long is left out");
  await listener.setLoggingLevel("emergency");
  assert.deepEqual(await call(), []);
  const told = heard.filter(({ path, message }) => path === "/logging" && message.method === "logging/setLevel");
  assert.deepEqual(
    told.map(({ message }) => message.params.level),
    ["warning", "debug"],
    "a server is told once, and of more alone",
  );
  const asked = { jsonrpc: "2.0", id: 1, method: "logging/setLevel", params: { level: "warning" } };
  const other = await connect();
  const overheard: unknown[] = [];
  other.setNotificationHandler("notifications/message", ({ params }) => void overheard.push(params));
  await other.callTool({ name: "logging__run", arguments: {} });
  assert.deepEqual(overheard, [], "another client of the same key has set no level");
  const { body } = await requestJson(`${url}/v1/mcp`, apiKey, { body: asked });
  assert.match(JSON.stringify(body), /mcp-session-id/);
  await assert.rejects(
    listener.request({ method: "logging/setLevel", params: { level: "loud" as never } }),
    ProtocolError,
  );
});
