import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { Client, ProtocolError, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { requestJson, runPlatform } from "../run-platform.ts";
import { startTellingServer } from "./telling-server.ts";
import { startToolServers } from "./tool-servers.ts";

// What servers of tools say between calls reaches the clients that asked for it, over one stream for all of them.

const server = await startTellingServer({ after });
const { url: others } = await startToolServers({ after });
const mcpServers = [
  { name: "telling", url: `${server.url}/mcp`, timeoutMs: 5_000 },
  { name: "readable", url: `${others}/readable` },
];
const mails = await startMailServer({ after });
const { url, apiKey } = await runPlatform(
  { after },
  {
    config: { mcpServers, log: { level: "error" } },
    env: { LYSS_USER_REGISTRATION: "open", LYSS_MAIL_URL: mails.url },
  },
);

interface Listener {
  readonly client: Client;
  readonly updated: string[];
  readonly logged: unknown[];
  readonly changed: string[];
}

async function connect(key = apiKey): Promise<Listener> {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode: "legacy" } });
  const updated: string[] = [];
  const logged: unknown[] = [];
  const changed: string[] = [];
  client.setNotificationHandler("notifications/resources/updated", ({ params }) => void updated.push(params.uri));
  client.setNotificationHandler("notifications/message", ({ params }) => void logged.push(params.data));
  client.setNotificationHandler("notifications/tools/list_changed", () => void changed.push("tools"));
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/v1/mcp`), { requestInit }));
  after(() => client.close());
  return { client, updated, logged, changed };
}

const a = "lyss://telling/told://a";
const b = "lyss://telling/told://b";
const countAsked = (what: string) => server.asked.filter((one) => one === what).length;
const untilAsked = (what: string, times: number) => waitUntil(async () => countAsked(what) >= times);

const first = await connect();

const second = await connect();
const stranger = await connect();

test("clients that subscribe to one resource share a subscription, and each hears of its own alone", async () => {
  assert.equal(first.client.getServerCapabilities()?.resources?.subscribe, true);
  await first.client.subscribeResource({ uri: a });
  await second.client.subscribeResource({ uri: a });
  // What only one has tells that those before it are known.
  await second.client.subscribeResource({ uri: "lyss://telling/told://c" });
  await first.client.subscribeResource({ uri: b });
  for (const name of ["a", "b", "c"]) await untilAsked(`resources/subscribe told://${name}`, 1);
  assert.equal(server.streams().length, 1, "one stream for all");
  assert.equal(countAsked("resources/subscribe told://a"), 1, "one subscription for both");
  server.change("told://a");
  await waitUntil(async () => first.updated.length === 1 && second.updated.length === 1);
  server.change("told://b");
  await waitUntil(async () => first.updated.length === 2);
  assert.deepEqual([first.updated, second.updated, stranger.updated], [[a, b], [a], []]);
});

test("a resource that nobody is subscribed to any more is not heard of", async () => {
  await first.client.unsubscribeResource({ uri: b });
  await untilAsked("resources/unsubscribe told://b", 1);
  server.change("told://b");
  server.change("told://a");
  await waitUntil(async () => second.updated.length === 2);
  await waitUntil(async () => first.updated.length === 3);
  assert.deepEqual(first.updated.slice(2), [a]);
});

test("what a server logs between calls is heard from the level on that a client sets", async () => {
  await first.client.setLoggingLevel("warning");
  await untilAsked("logging/setLevel warning", 1);
  await second.client.setLoggingLevel("debug");
  await untilAsked("logging/setLevel debug", 1);
  server.log("info", "said in passing");
  server.log("error", "it burns");
  await waitUntil(async () => first.logged.length === 1 && second.logged.length === 2);
  assert.deepEqual([first.logged, second.logged], [["it burns"], ["said in passing", "it burns"]]);
  assert.deepEqual(stranger.logged, []);
});

test("a list that has changed is told when the server says so", async () => {
  const listed = async () => (await stranger.client.listTools()).tools.map(({ name }) => name);
  assert.ok(!(await listed()).includes("telling__t1"));
  server.grow();
  await waitUntil(async () => stranger.changed.length > 0);
  assert.ok((await listed()).includes("telling__t1"));
});

test("a stream that is cut goes on after what was heard last; one of a server that has forgotten begins anew, and nothing is missed", async () => {
  const before = first.updated.length;
  server.leave();
  server.change("told://a");
  server.back(false);
  await waitUntil(async () => first.updated.length > before);
  assert.deepEqual(first.updated.slice(before), [a]);
  const subscribed = countAsked("resources/subscribe told://a");
  server.leave();
  server.back(true);
  await untilAsked("resources/subscribe told://a", subscribed + 1);
  await waitUntil(async () => first.updated.length > before + 1);
  server.change("told://a");
  await waitUntil(async () => first.updated.length > before + 2);
});

test("what cannot be told is refused, and so is what a key may not read", async () => {
  const refused = (client: Client, uri: string, text: RegExp) =>
    assert.rejects(
      client.subscribeResource({ uri }),
      (err) => err instanceof ProtocolError && text.test(err.message),
      uri,
    );
  await refused(first.client, "lyss://readable/file:///a.txt", /does not tell when its resources change/);
  await refused(first.client, "lyss://nobody/told://a", /no resource/);
  const asked = { name: "k", permissions: ["tool:call"], models: ["readable__*"] };
  const made = await requestJson(`${url}/v1/keys`, apiKey, { body: asked });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const other = await connect(String(made.body["secret"] ?? made.body["key"]));
  await refused(other.client, a, /no resource/);
  await other.client.setLoggingLevel("debug");
  server.log("error", "not for this key");
  await waitUntil(async () => second.logged.includes("not for this key"));
  assert.deepEqual(other.logged, []);
  const message = { jsonrpc: "2.0", id: 1, method: "resources/subscribe", params: { uri: a } };
  const { body } = await requestJson(`${url}/v1/mcp`, apiKey, { body: message });
  assert.match(JSON.stringify(body), /mcp-session-id/);
});

test("another tenant hears which resources of a shared server change, and nothing of what it logs", async () => {
  const person = { email: "eve@example.com", password: "correct horse battery", name: "Eve", organization: "Evil" };
  const post = async (path: string, body: object) => {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${url}/api/v1/users/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  assert.equal((await post("register", person)).status, 202);
  const linkOf = () => mails.received.map(({ text }) => /#register=([\w-]{43})/.exec(text)?.[1]).find(Boolean);
  await waitUntil(async () => linkOf() !== undefined);
  const confirmed = await post("register/confirm", { token: linkOf() });
  assert.equal(confirmed.status, 201, JSON.stringify(confirmed.body));
  const eve = await connect(String(confirmed.body["access_token"]));
  await eve.client.subscribeResource({ uri: b });
  await eve.client.setLoggingLevel("debug");
  await untilAsked("resources/subscribe told://b", 2);
  server.log("error", "of another tenant");
  server.change("told://b");
  await waitUntil(async () => eve.updated.length === 1 && second.logged.includes("of another tenant"));
  assert.deepEqual(eve.logged, []);
  await eve.client.close();
});

test("a session has a bounded number of subscriptions", async () => {
  const { client } = await connect();
  for (let n = 0; n < 100; n++) await client.subscribeResource({ uri: `lyss://telling/told://${n}` });
  await assert.rejects(client.subscribeResource({ uri: a }), /100 resources/);
  await client.subscribeResource({ uri: "lyss://telling/told://7" });
  await client.close();
});

test("the stream ends when nobody listens", async () => {
  for (const { client } of [first, second, stranger]) await client.close();
  await waitUntil(async () => server.streams().length === 0);
});
