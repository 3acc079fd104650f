import assert from "node:assert/strict";
import { after, test } from "node:test";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { Client, ProtocolError, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { assertMoneyAddsUp, balanceOf, listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";
import { startToolServers } from "./tool-servers.ts";

const { url: servers, heard, paths, lent, stopLending } = await startToolServers({ after });

// Long enough for what is asked of it first, beside all others.
const timeoutsMs: Readonly<Record<string, number>> = { "/silent": 2_000 };
const mcpServers = [
  ...["guarded", "misled"].map((name) => ({
    ...{ name, url: `${servers}/guarded`, timeoutMs: 20_000 },
    oauth: {
      ...{ clientId: "lyss:one", clientSecret: name === "guarded" ? "the secret" : "another secret" },
      ...{ tokenUrl: `${servers}/token`, scope: "read run" },
    },
  })),
  ...paths
    .filter((path) => path !== "/guarded")
    .map((path) => ({ name: path.slice(1), url: servers + path, timeoutMs: timeoutsMs[path] ?? 20_000 })),
  {
    ...{ name: "priced", url: `${servers}/priced`, usdPerCall: "0.000000001", allowedTools: ["run", "o*"] },
    ...{ usdPerCallByTool: { other: "6" }, headers: { "X-Key": "the key" } },
  },
];
const platform = await runPlatform({ after }, { config: { mcpServers, log: { level: "error" } } });
const { url, apiKey } = platform;

async function connect(key: string, mode: "legacy" | "auto" = "legacy"): Promise<Client> {
  const client = new Client({ name: "test", version: "1" }, { versionNegotiation: { mode } });
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/v1/mcp`), { requestInit }));
  after(() => client.close());
  return client;
}
const client = await connect(apiKey);

const textOf = (result: Awaited<ReturnType<Client["callTool"]>>) => {
  const [first] = result.content;
  return first?.type === "text" ? first.text : undefined;
};
const namesOf = async (of: Client) => (await of.listTools()).tools.map(({ name }) => name);

async function makeKey(more: object = {}): Promise<string> {
  const asked = { name: "k", permissions: ["tool:call"], ...more };
  const { body, status } = await requestJson(`${url}/v1/keys`, apiKey, { body: asked });
  assert.equal(status, 201, JSON.stringify(body));
  return String(body["secret"] ?? body["key"]);
}

/** What the error of a call says, by our code. */
async function failureOf(call: Promise<unknown>): Promise<{ readonly code: unknown; readonly text: string }> {
  const err = await call.then(
    () => assert.fail("the call was answered"),
    (rejected: unknown) => rejected,
  );
  assert.ok(err instanceof ProtocolError, String(err));
  const { data } = err as { readonly data?: { readonly code?: unknown } };
  return { code: data?.code, text: err.message + JSON.stringify(data) };
}

async function post(body: unknown, headers: Readonly<Record<string, string>> = {}) {
  return requestJson(`${url}/v1/mcp`, apiKey, { body, headers });
}

test("the official client finds the tools of all servers as one, and a dead server hides none", async () => {
  const names = await namesOf(client);
  for (const name of ["simulated__echo", "priced__run", "priced__other", "session__who", "names__good"]) {
    assert.ok(names.includes(name), name);
  }
  assert.ok(!names.some((name) => name.startsWith("dead__")));
  assert.deepEqual(names, names.toSorted());
  const modern = await connect(apiKey, "auto");
  assert.deepEqual(await namesOf(modern), names, "a client that asks for a later protocol falls back");
});

test("what a server says of its tools is bounded, and what breaks a bound is left out", async () => {
  const { tools } = await client.listTools();
  const listed = tools.filter(({ name }) => name.startsWith("names__"));
  assert.deepEqual(
    listed.map(({ name }) => name),
    ["names____proto__", "names__good"],
  );
  const description = listed[1]?.description ?? "";
  assert.ok(description.startsWith("Fine. <b>xxx") && description.length < 8_193);
  const { body } = await requestJson(`${url}/api/v1/ai/mcp-servers/names/tools`, apiKey);
  assert.equal((body["data"] as unknown[]).length, 2);
  assert.ok(Number(body["left_out"]) >= 8);
});

test("a call reaches its server with what is sealed for it, and its result comes back as it is", async () => {
  const result = await client.callTool({ name: "priced__run", arguments: { text: "你好" } });
  assert.equal(textOf(result), '{"text":"你好"}');
  const sent = heard.findLast(({ message }) => message.method === "tools/call");
  assert.equal(sent?.headers["x-key"], "the key");
  assert.equal(sent?.headers["mcp-protocol-version"], "2025-11-25");
  assert.equal(sent?.headers.authorization, undefined, "the caller's own key goes nowhere");
  const exact = await fetch(`${url}/v1/mcp`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"priced__run","arguments":{"n":12345678901234567890}}}',
  });
  assert.match(await exact.text(), /12345678901234567890/, "W16: a number is passed on as it is written");
});

test("resources and prompts of all servers are one list, under names of their own, and what breaks a bound is left out", async () => {
  const { resources } = await client.listResources();
  const uris = resources.map(({ uri }) => uri);
  const readable = ["lyss://readable/file:///a.txt", "lyss://readable/file:///b.txt"];
  assert.deepEqual(uris, [...readable, "lyss://simulated/simulated://readme"]);
  const { prompts } = await client.listPrompts();
  assert.deepEqual(
    prompts.map(({ name }) => name),
    ["readable__write", "simulated__greet"],
  );
  const { contents } = await client.readResource({ uri: "lyss://readable/file:///c.txt" });
  const unlisted = [{ uri: "lyss://readable/file:///c.txt", text: "read file:///c.txt" }];
  assert.deepEqual(contents, unlisted, "a server may have what it does not list");
  const { messages } = await client.getPrompt({ name: "readable__write" });
  const { content } = messages[0] ?? {};
  assert.equal(content?.type === "resource" && content.resource.uri, readable[0], "what is linked to can be read");
  const { body } = await requestJson(`${url}/api/v1/ai/mcp-servers/readable/resources`, apiKey);
  assert.deepEqual([(body["data"] as unknown[]).length, body["left_out"]], [2, 3]);
  const said = await requestJson(`${url}/api/v1/ai/mcp-servers/readable/prompts`, apiKey);
  assert.deepEqual([(said.body["data"] as unknown[]).length, said.body["left_out"]], [1, 2]);
});

test("a resource that its server does not know is an error of the protocol's, and shows nothing of what it said", async () => {
  for (const uri of [
    "lyss://readable/file:///none",
    "lyss://nobody/file:///a.txt",
    "lyss://session/file:///a",
    "lyss://",
  ]) {
    const failure = await failureOf(client.readResource({ uri }));
    assert.deepEqual([failure.code, failure.text.includes("secret")], ["GATEWAY_102", false], uri);
  }
  const none = await failureOf(client.getPrompt({ name: "readable__none" }));
  assert.equal(none.code, "GATEWAY_103");
  const uri = "lyss://readable/file:///none";
  const { body } = await post({ jsonrpc: "2.0", id: 1, method: "resources/read", params: { uri } });
  assert.equal((body["error"] as { code: number }).code, -32_002);
});

test("progress is told under the client's own token, and a tool that fails says so in its result", async () => {
  const steps: number[] = [];
  const slow = await client.callTool(
    { name: "simulated__slow", arguments: { steps: 3, step_ms: 1 } },
    { onprogress: ({ progress }) => void steps.push(progress) },
  );
  assert.deepEqual([textOf(slow), steps], ["3 steps", [1, 2, 3]]);
  const added = await client.callTool({ name: "simulated__add", arguments: { a: 1, b: 2 } });
  assert.deepEqual(added.structuredContent, { sum: 3 });
  const failed = await client.callTool({ name: "simulated__fail", arguments: { how: "result" } });
  assert.equal(failed.isError, true);
});

/** What the calls made by `work` are recorded as, in any order. */
async function recordsOf(work: () => Promise<void>) {
  await waitForNoCall(platform);
  const known = new Set((await listUsage(platform)).map(({ id }) => id));
  await work();
  await waitForNoCall(platform);
  const rows = (await listUsage(platform)).filter(({ id }) => !known.has(id));
  return rows.map(({ model, status, cost_nanos }) => [model, status, cost_nanos]).sort();
}

test("W31: a call costs what its tool costs, to the nano, and what did not come costs nothing", async () => {
  const records = await recordsOf(async () => {
    await client.callTool({ name: "priced__run", arguments: {} });
    await client.callTool({ name: "simulated__echo", arguments: { text: "x" } });
    await failureOf(client.callTool({ name: "error__run", arguments: {} }));
    await client.readResource({ uri: "lyss://simulated/simulated://readme" });
    await failureOf(client.readResource({ uri: "lyss://simulated/simulated://none" }));
    await client.getPrompt({ name: "simulated__greet", arguments: { name: "Ada" } });
  });
  assert.deepEqual(records, [
    ["echo", "completed", "1000000"],
    ["prompts/get", "completed", "1000000"],
    ["resources/read", "completed", "1000000"],
    ["resources/read", "failed", "0"],
    ["run", "completed", "1"],
    ["run", "failed", "0"],
  ]);
});

/** What comes of each server that does wrong. */
const hostile: Readonly<Record<string, string>> = {
  ...{ large: "GATEWAY_074", endless: "GATEWAY_074", "other-id": "GATEWAY_074", unanswered: "GATEWAY_074" },
  ...{ cut: "GATEWAY_074", html: "GATEWAY_074", redirect: "GATEWAY_074", "asks-back": "GATEWAY_074" },
  ...{ deep: "GATEWAY_074", silent: "GATEWAY_075", refused: "GATEWAY_076", error: "GATEWAY_078" },
};

test("whatever a hostile server does is a typed error, costs nothing and shows nothing of what it said", async () => {
  const records = await recordsOf(async () => {
    for (const [name, code] of Object.entries(hostile)) {
      const failure = await failureOf(client.callTool({ name: `${name}__run`, arguments: {} }));
      assert.deepEqual([name, failure.code, failure.text.includes("secret")], [name, code, false]);
    }
  });
  assert.deepEqual(
    records,
    Object.keys(hostile).map(() => ["run", "failed", "0"]),
  );
  assert.equal(textOf(await client.callTool({ name: "simulated__echo", arguments: { text: "well" } })), "well");
});

test("a session that its server has forgotten is opened again, and no two callers share one", async () => {
  const who = async (of: Client) => textOf(await of.callTool({ name: "session__who", arguments: {} }));
  const first = await who(client);
  assert.equal(await who(client), first);
  await client.callTool({ name: "session__forget", arguments: {} });
  const second = await who(client);
  assert.notEqual(second, first);
  assert.notEqual(await who(await connect(await makeKey())), second);
});

test("a call that its client takes back ends at the server, and costs nothing", async () => {
  const abort = new AbortController();
  const records = await recordsOf(async () => {
    const call = client.callTool(
      { name: "patient__run", arguments: {} },
      { signal: abort.signal, onprogress: () => abort.abort("enough") },
    );
    await assert.rejects(call);
    const isTold = () =>
      heard.some(({ path, message }) => path === "/patient" && message.method === "notifications/cancelled");
    await waitUntil(async () => isTold());
  });
  assert.deepEqual(records, [["run", "canceled", "0"]]);
});

test("a server that wants tokens gets one for all who call it, and another when it refuses that", async () => {
  const others = await Promise.all(Array.from({ length: 3 }, async () => connect(await makeKey())));
  const run = async (of: Client, name = "run") =>
    textOf(await of.callTool({ name: `guarded__${name}`, arguments: {} }));
  const before = lent.length;
  const tokens = await Promise.all(others.map((of) => run(of)));
  assert.deepEqual([new Set(tokens).size, lent.length - before <= 1], [1, true], "one is asked for by all together");
  await run(client, "other");
  const records = await recordsOf(async () => {
    const renewed = await Promise.all([run(client), ...others.map((of) => run(of))]);
    assert.deepEqual(new Set(renewed).size, 1);
    assert.notEqual(renewed[0], tokens[0]);
  });
  assert.deepEqual(
    records,
    Array.from({ length: 4 }, () => ["run", "completed", "0"]),
  );
  stopLending();
  await run(client, "other");
  const gone = await failureOf(run(client));
  const misled = await failureOf(client.callTool({ name: "misled__run", arguments: {} }));
  for (const { code, text } of [gone, misled]) {
    assert.deepEqual([code, /secret|lent-/.test(text)], ["GATEWAY_104", false]);
  }
});

test("a key calls the tools on its list and no others", async () => {
  const some = await connect(
    await makeKey({
      models: ["simulated-chat", "simulated__echo", "priced__*", "readable__file:///a*"],
    }),
  );
  const { resources } = await some.listResources();
  assert.deepEqual(
    resources.map(({ uri }) => uri),
    ["lyss://readable/file:///a.txt"],
  );
  assert.deepEqual((await some.listPrompts()).prompts, []);
  const unread = await failureOf(some.readResource({ uri: "lyss://readable/file:///b.txt" }));
  assert.equal(unread.code, "GATEWAY_102");
  assert.deepEqual(await namesOf(some), ["priced__other", "priced__run", "simulated__echo"]);
  const asked = heard.length;
  const failure = await failureOf(some.callTool({ name: "session__who", arguments: {} }));
  assert.deepEqual([failure.code, heard.length], ["GATEWAY_073", asked]);
  const none = await connect(await makeKey({ models: ["simulated-chat"] }));
  assert.deepEqual(await namesOf(none), []);
  await assert.rejects(connect(await makeKey({ permissions: undefined })), "a key for models alone calls no tools");
});

test("what is no message, or comes from a page of somebody else's, is refused in the words of JSON-RPC", async () => {
  const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
  assert.deepEqual((await post(ping)).body, { jsonrpc: "2.0", id: 1, result: {} });
  for (const [body, headers] of [
    [[ping], {}],
    [{ id: 1 }, {}],
    [{ ...ping, id: { a: 1 } }, {}],
    [ping, { "mcp-protocol-version": "1999-01-01" }],
  ] as const) {
    const { status, body: said } = await post(body, headers);
    assert.deepEqual([status, said["jsonrpc"], said["id"]], [400, "2.0", null]);
  }
  assert.equal((await post(ping, { origin: "https://evil.example" })).status, 403);
  assert.equal((await post(ping, { origin: url })).status, 200);
  const unknown = await post({ ...ping, method: "resources/forget" });
  assert.equal((unknown.body["error"] as { code: number }).code, -32_601);
  assert.equal((await requestJson(`${url}/v1/mcp`, apiKey, { method: "DELETE" })).status, 405);
  const unheard = await requestJson(`${url}/v1/mcp`, apiKey, { headers: { accept: "application/json" } });
  assert.deepEqual(
    [unheard.status, (unheard.body["error"] as { message: string }).message.includes("accept")],
    [400, true],
  );
  const elsewhere = { accept: "text/event-stream", origin: "https://evil.example" };
  assert.equal((await requestJson(`${url}/v1/mcp`, apiKey, { headers: elsewhere })).status, 403);
  const nobody = await fetch(`${url}/v1/mcp`, { method: "POST", body: "{}" });
  const challenge = `Bearer scope="tool:call", resource_metadata="${url}/.well-known/oauth-protected-resource/v1/mcp"`;
  assert.deepEqual([nobody.status, nobody.headers.get("www-authenticate")], [401, challenge]);
});

test("a client hears that a server has another tool, on a stream that takes no place of its calls and ends with its key", async () => {
  const made = await requestJson(`${url}/v1/keys`, apiKey, {
    body: { name: "one at once", permissions: ["tool:call"], max_concurrent_requests: 1 },
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const secret = String(made.body["secret"]);
  const told = Promise.withResolvers<readonly string[]>();
  const listening = new Client(
    { name: "listening", version: "1" },
    {
      versionNegotiation: { mode: "legacy" },
      listChanged: {
        tools: {
          onChanged: (err, tools) => (err ? told.reject(err) : told.resolve((tools ?? []).map(({ name }) => name))),
        },
      },
    },
  );
  const requestInit = { headers: { authorization: `Bearer ${secret}` } };
  await listening.connect(new StreamableHTTPClientTransport(new URL(`${url}/v1/mcp`), { requestInit }));
  after(() => listening.close());
  const headers = { authorization: `Bearer ${secret}`, accept: "text/event-stream" };
  const stream = await fetch(`${url}/v1/mcp`, { headers });
  assert.deepEqual([stream.status, stream.headers.get("content-type")], [200, "text/event-stream"]);
  const heard = stream.text().catch((err: unknown) => err);

  await listening.callTool({ name: "growing__t0", arguments: {} });
  // Its owner looks, or a minute goes by.
  assert.equal((await requestJson(`${url}/api/v1/ai/mcp-servers/growing/tools`, apiKey)).status, 200);
  const names = await told.promise;
  assert.ok(names.includes("growing__t0") && names.includes("growing__t1"));

  await requestJson(`${url}/v1/keys/${made.body["id"]}`, apiKey, { method: "DELETE" });
  assert.ok((await heard) instanceof Error, "it is cut, as every stream whose sender may not go on");
});

test("who called which tool is in the audit log, and what it was given is not", async () => {
  await client.callTool({ name: "simulated__echo", arguments: { text: "nobody's business" } });
  let entries = "";
  await waitUntil(async () => {
    const { body, status } = await requestJson(`${url}/api/v1/audit?limit=200`, apiKey);
    assert.equal(status, 200);
    entries = JSON.stringify(body);
    return ["mcp_tool.called", "GATEWAY_075", "resources/read"].every((said) => entries.includes(said));
  });
  assert.ok(!entries.includes("nobody's business"));
});

test("a person adds, sees and removes a server by the command line", async () => {
  const lyss = (...args: string[]) => runLyss(args, { LYSS_URL: url, LYSS_API_KEY: apiKey, TOKEN: "t" });
  const added = await lyss(
    "mcp",
    "add",
    "docs",
    "https://tools.example.com/mcp",
    "--bearer-env",
    "TOKEN",
    "--price",
    "0.5",
  );
  assert.equal(added.code, 0, added.complaint);
  const list = await lyss("mcp", "list");
  assert.match(list.output, /docs +tenant +https:\/\/tools\.example\.com\/mcp +0\.5 +all/);
  const refused = await lyss("mcp", "add", "inside", "https://127.0.0.1/mcp");
  assert.match(refused.complaint, /not public/);
  assert.match((await lyss("mcp", "add", "priced", "https://tools.example.com/mcp")).complaint, /operator/);
  assert.equal((await lyss("mcp", "remove", "docs")).code, 0);
  assert.match((await lyss("mcp", "show", "docs")).complaint, /no tool server 'docs'/);
});

test("B14: a call that the wallet cannot pay is refused before its server is asked", async () => {
  await client.callTool({ name: "priced__other", arguments: {} });
  await waitForNoHold(platform);
  const asked = heard.length;
  const failure = await failureOf(client.callTool({ name: "priced__other", arguments: {} }));
  assert.deepEqual([failure.code, heard.length], ["BILLING_001", asked]);
  const spent = (await listUsage(platform)).reduce((sum, { cost_nanos }) => sum + BigInt(cost_nanos), 0n);
  assert.deepEqual(await balanceOf(platform), { available: 10_000_000_000n - spent, held: 0n });
  await assertMoneyAddsUp(platform);
});
