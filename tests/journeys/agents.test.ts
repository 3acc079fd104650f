import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { TaskNotFoundError } from "@a2a-js/sdk/errors";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import {
  type AgentFeature,
  agentExercises,
  agentFeatures,
  connectToAgent,
  leaveStream,
  sendForTask,
  toMessage,
  toTaskName,
} from "../conformance/clients/a2a.ts";
import { holdPart, type Row, toLegend, toTable } from "../conformance/conformance-page.ts";
import { assertMoneyAddsUp, balanceOf, listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";
import { startAgents } from "./agent-servers.ts";

const { url: upstream, heard, hostile } = await startAgents({ after });
const at = (name: string) => `${upstream}/${name}`;
const agents = [
  { name: "echo", url: at("official"), usdPerCall: "0.002000001", timeoutMs: 20_000 },
  { name: "old-echo", url: at("official-old"), timeoutMs: 20_000 },
  { name: "dear", url: at("official"), usdPerCall: "6", timeoutMs: 20_000 },
  { name: "cardless", url: at("cardless") },
  ...hostile.map((name) => ({
    ...{ name, url: at(name), usdPerCall: "0.01", timeoutMs: name === "silent" ? 300 : 20_000 },
    ...(name === "mirror" && { headers: { "X-Key": "the key" } }),
  })),
];
const platform = await runPlatform({ after }, { config: { agents, log: { level: "error" } } });
const { url, apiKey } = platform;

async function makeKey(more: object = {}): Promise<string> {
  const asked = { name: "k", permissions: ["agent:call"], ...more };
  const { body, status } = await requestJson(`${url}/v1/keys`, apiKey, { body: asked });
  assert.equal(status, 201, JSON.stringify(body));
  return String(body["secret"] ?? body["key"]);
}

interface Said {
  readonly code: number;
  readonly message: string;
  readonly data: { readonly code: string };
}

/** One request by hand, in version 0.3 unless another is given: its error, or its result. */
async function ask(agent: string, method: string, params: object, headers: Readonly<Record<string, string>> = {}) {
  const body = { jsonrpc: "2.0", id: "q", method, params };
  const answer = await requestJson(`${url}/v1/a2a/${agent}`, apiKey, { body, headers });
  assert.deepEqual([answer.body["jsonrpc"], answer.body["id"]], ["2.0", "q"]);
  // biome-ignore lint/suspicious/noExplicitAny: any result of an agent's.
  return { error: answer.body["error"] as Said | undefined, result: answer.body["result"] as any };
}
const oldMessage = (said: string, more: object = {}) => ({
  message: { kind: "message", messageId: "1", role: "user", parts: [{ kind: "text", text: said }], ...more },
});

/** The events of a stream that is asked for by hand. */
async function streamOf(agent: string, said: string): Promise<{ readonly text: string; readonly error?: Said }> {
  const answer = await fetch(`${url}/v1/a2a/${agent}`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 7, method: "message/stream", params: oldMessage(said) }),
  });
  const text = await answer.text();
  const isStream = answer.headers.get("content-type") === "text/event-stream";
  const last = isStream ? text.trimEnd().split("\n\n").at(-1)?.slice(6) : text;
  return { text, error: JSON.parse(last ?? "").error };
}

/** What the calls made by `work` are recorded as, in any order. */
async function recordsOf(work: () => Promise<void>) {
  await waitForNoCall(platform);
  const known = new Set((await listUsage(platform)).map(({ id }) => id));
  await work();
  await waitForNoCall(platform);
  const rows = (await listUsage(platform)).filter(({ id }) => !known.has(id));
  return rows.map(({ provider, model, status, cost_nanos }) => [provider, model, status, cost_nanos]).sort();
}

const connectTo = (agent: string, key = apiKey) => connectToAgent(url, agent, key);
const client = await connectTo("echo");

test("an agent's card names Lyss's address and security in the version that is asked for, and nothing of the agent's own", async () => {
  const path = `${url}/v1/a2a/echo/.well-known/agent-card.json`;
  const { body: card } = await requestJson(path, apiKey, { headers: { "a2a-version": "1.0" } });
  assert.deepEqual(
    card["supportedInterfaces"],
    ["1.0", "0.3"].map((protocolVersion) => ({
      ...{ url: `${url}/v1/a2a/echo`, protocolBinding: "JSONRPC", protocolVersion },
    })),
  );
  assert.deepEqual(card["securityRequirements"], [{ schemes: { lyss: { list: [] } } }]);
  const { body: old } = await requestJson(path, apiKey);
  assert.deepEqual([old["url"], old["protocolVersion"]], [`${url}/v1/a2a/echo`, "0.3.0"]);
  assert.deepEqual(old["security"], [{ lyss: [] }]);
  for (const one of [card, old]) {
    const text = JSON.stringify(one);
    for (const gone of [new URL(upstream).host, "upstream", "signature", "\u202e"])
      assert.ok(!text.includes(gone), gone);
    assert.deepEqual([one["name"], one["documentationUrl"]], ["Echo agent", "https://docs.example.com/echo"]);
    assert.equal((one["capabilities"] as { pushNotifications: boolean }).pushNotifications, false);
  }
  assert.equal((await fetch(path)).status, 401);
});

const versions = ["1.0", "0.3"] as const;
const { devDependencies } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
const row: Row<AgentFeature> & { readonly cells: AgentFeature[][] } = {
  client: { package: "@a2a-js/sdk", name: "agents" },
  ...{ version: devDependencies["@a2a-js/sdk"], cells: versions.map(() => []) },
};
for (const [n, version] of versions.entries()) {
  for (const name of Object.keys(agentExercises) as AgentFeature[]) {
    test(`@a2a-js/sdk (${version}): ${name}`, async () => {
      await agentExercises[name](await connectTo(version === "1.0" ? "echo" : "old-echo"));
      const sent = heard.findLast(({ path }) => path.startsWith("official"));
      if (name !== "card") assert.equal(sent?.headers["a2a-version"], version);
      row.cells[n]?.push(name);
    });
  }
}

test("docs/conformance.md says what was found of agents", () => {
  holdPart("agent-letters", toLegend(agentFeatures));
  holdPart("agents", toTable(agentFeatures, versions, [row]));
});

test("a client of version 0.3 is served in that version, and what is sealed for an agent reaches it and nobody else", async () => {
  const { result } = await ask("echo", "message/send", oldMessage("x"));
  assert.deepEqual([result.kind, result.status.state], ["task", "completed"]);
  assert.equal(heard.findLast(({ path }) => path === "official")?.headers["a2a-version"], "0.3");
  const old = await connectTo("mirror");
  const mirrored = await sendForTask(old, "12");
  assert.equal(mirrored.metadata?.["key"], "the key");
  const sent = heard.findLast(({ path }) => path === "mirror");
  assert.equal(sent?.headers.authorization, undefined, "the caller's own key goes nowhere");
  const exact = await fetch(`${url}/v1/a2a/mirror`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: '{"jsonrpc":"2.0","id":1,"method":"message/send","params":{"tenant":"x","message":{"n":12345678901234567890}}}',
  });
  assert.equal(exact.status, 200);
  const body = heard.findLast(({ path }) => path === "mirror")?.body ?? "";
  assert.ok(body.includes("12345678901234567890") && !body.includes('"tenant"'), body);
});

test("W31: a message costs what its agent costs, to the nano; questions about tasks cost nothing", async () => {
  const records = await recordsOf(async () => {
    const { id } = await sendForTask(client, "x");
    await client.getTask(toTaskName(id));
    for await (const _ of client.sendMessageStream(toMessage("x")));
    await ask("error", "message/send", oldMessage("x"));
    const waits = await leaveStream(client);
    await client.cancelTask(toTaskName(waits));
  });
  const rows = await listUsage(platform);
  const streamed = rows.filter(({ provider, streamed }) => provider === "a2a:echo" && streamed);
  assert.ok(streamed.length >= 2 && streamed.every(({ first_token_ms: firstMs }) => firstMs !== null));
  assert.deepEqual(records, [
    // What the agent has begun is paid, also where its caller has left.
    ["a2a:echo", "message", "canceled", "2000001"],
    ["a2a:echo", "message", "completed", "2000001"],
    ["a2a:echo", "message", "completed", "2000001"],
    ["a2a:error", "message", "failed", "0"],
  ]);
});

/** What comes of each agent that does wrong: our code, and the protocol's. */
const expected: Readonly<Record<string, readonly [string, number]>> = {
  ...{ error: ["GATEWAY_138", -32_005], odd: ["GATEWAY_138", -32_000], kindless: ["GATEWAY_136", -32_006] },
  ...{ "other-id": ["GATEWAY_136", -32_006], nameless: ["GATEWAY_136", -32_006], long: ["GATEWAY_136", -32_006] },
  ...{ large: ["GATEWAY_136", -32_006], html: ["GATEWAY_136", -32_006], redirect: ["GATEWAY_136", -32_000] },
  ...{ refused: ["GATEWAY_136", -32_000], dead: ["GATEWAY_136", -32_000], silent: ["GATEWAY_137", -32_000] },
};
const expectedOfStreams: typeof expected = {
  ...{ cut: ["GATEWAY_136", -32_000], unfinished: ["GATEWAY_136", -32_006], empty: ["GATEWAY_136", -32_006] },
  ...{ late: ["GATEWAY_138", -32_000], html: ["GATEWAY_136", -32_006], error: ["GATEWAY_138", -32_005] },
};

test("whatever a hostile agent does is a typed error, also at the end of a stream; it costs nothing and shows nothing of what was said", async () => {
  const records = await recordsOf(async () => {
    for (const [name, codes] of Object.entries(expected)) {
      const { error } = await ask(name, "message/send", oldMessage("x"));
      assert.deepEqual([name, error?.data.code, error?.code], [name, ...codes]);
      assert.ok(!JSON.stringify(error).includes("secret"), name);
    }
    for (const [name, codes] of Object.entries(expectedOfStreams)) {
      const { error, text } = await streamOf(name, "x");
      assert.deepEqual([name, error?.data.code, error?.code], [name, ...codes]);
      assert.ok(!text.includes("secret"), name);
    }
  });
  const names = [...Object.keys(expected), ...Object.keys(expectedOfStreams)];
  assert.deepEqual(records, names.map((name) => [`a2a:${name}`, "message", "failed", "0"]).sort());
  const { error } = await ask("cardless", "message/send", oldMessage("x"));
  assert.equal(error?.data.code, "GATEWAY_136", "an agent without a card is not called");
});

test("a task and its context are their caller's: another key of the same tenant finds neither", async () => {
  const { id, contextId } = await sendForTask(client, "ask");
  const other = await connectTo("echo", await makeKey());
  const asked = heard.length;
  for (const call of [
    () => other.getTask(toTaskName(id)),
    () => other.cancelTask(toTaskName(id)),
    () => other.resubscribeTask(toTaskName(id)).next(),
    () => other.sendMessage(toMessage("x", { taskId: id })),
    () => other.sendMessage(toMessage("x", { contextId })),
    () => other.sendMessage(toMessage("x", { referenceTaskIds: [id] })),
    () => other.getTask(toTaskName("nobody's")),
  ]) {
    await assert.rejects(call, TaskNotFoundError);
  }
  assert.equal(heard.length, asked, "no agent was asked");
  const own = await sendForTask(other, "ask", { contextId: "mine" });
  assert.equal(own.contextId, "mine", "a context may have its caller's own name");
  assert.equal((await ask("same", "message/send", oldMessage("x"))).result.id, "t-same");
  const body = { jsonrpc: "2.0", id: 1, method: "message/send", params: oldMessage("x") };
  const same = await requestJson(`${url}/v1/a2a/same`, await makeKey(), { body });
  assert.equal(
    (same.body["error"] as Said).data.code,
    "GATEWAY_136",
    "an agent cannot give one caller's task to another",
  );
});

test("what is not offered, or not asked as it must be, is refused by the protocol's codes", async () => {
  const v1 = { "a2a-version": "1.0" };
  const push = { ...oldMessage("x"), configuration: { pushNotificationConfig: { url: "https://example.com" } } };
  for (const [method, params, headers, code] of [
    ["message/send", {}, {}, -32_602],
    ["message/send", push, {}, -32_003],
    ["tasks/get", {}, {}, -32_602],
    ["tasks/pushNotificationConfig/set", {}, {}, -32_003],
    ["agent/getAuthenticatedExtendedCard", {}, {}, -32_007],
    ["ListTasks", {}, v1, -32_004],
    ["GetExtendedAgentCard", {}, v1, -32_004],
    ["SendMessage", oldMessage("x"), {}, -32_601],
    ["message/send", oldMessage("x"), v1, -32_601],
    ["nothing", {}, {}, -32_601],
    ["message/send", {}, { "a2a-version": "9.9" }, -32_009],
  ] as const) {
    const { error } = await ask("echo", method, params, headers);
    assert.deepEqual([method, error?.code], [method, code]);
  }
  assert.equal((await ask("cut", "SendMessage", oldMessage("x"), v1)).error?.code, -32_009);
  for (const body of [[{}], { id: 1 }, { jsonrpc: "2.0", method: "message/send" }]) {
    const refused = await requestJson(`${url}/v1/a2a/echo`, apiKey, { body });
    assert.deepEqual([refused.status, (refused.body["error"] as Said).code], [400, -32_600]);
  }
});

test("a key calls the agents on its list and no others", async () => {
  const some = await makeKey({ models: ["simulated-chat", "a2a:ec*"] });
  assert.ok((await sendForTask(await connectTo("echo", some), "x")).id);
  const card = await requestJson(`${url}/v1/a2a/mirror/.well-known/agent-card.json`, some);
  assert.deepEqual([card.status, (card.body["error"] as { code: string }).code], [404, "GATEWAY_134"]);
  const body = { jsonrpc: "2.0", id: 1, method: "message/send", params: oldMessage("x") };
  const models = await makeKey({ models: ["simulated-chat"] });
  for (const [agent, key] of [
    ["mirror", some],
    ["echo", models],
    ["nobody", some],
  ] as const) {
    const refused = await requestJson(`${url}/v1/a2a/${agent}`, key, { body });
    assert.equal((refused.body["error"] as Said).data.code, "GATEWAY_134");
  }
  const without = await makeKey({ permissions: undefined });
  assert.equal((await requestJson(`${url}/v1/a2a/echo`, without, { body })).status, 403);
});

test("who called which agent is in the audit log, and what was said is not", async () => {
  await sendForTask(client, "nobody's business");
  let entries = "";
  await waitUntil(async () => {
    const { body, status } = await requestJson(`${url}/api/v1/audit?limit=200`, apiKey);
    assert.equal(status, 200);
    entries = JSON.stringify(body);
    return ["agent.called", "GATEWAY_137", "CancelTask"].every((said) => entries.includes(said));
  });
  assert.ok(!entries.includes("nobody's business"));
});

test("a person adds, changes, sees and removes an agent by the command line", async () => {
  const lyss = (...args: string[]) => runLyss(args, { LYSS_URL: url, LYSS_API_KEY: apiKey, TOKEN: "t" });
  const card = "https://agents.example.com/docs/.well-known/agent-card.json";
  const added = await lyss("agents", "add", "docs", card, "--bearer-env", "TOKEN", "--price", "0.5");
  assert.equal(added.code, 0, added.complaint);
  assert.equal((await lyss("agents", "update", "docs", "--price", "0.25")).code, 0);
  assert.match((await lyss("agents", "list")).output, /docs +tenant +https:\/\/agents\.example\.com\/docs +0\.25/);
  assert.match((await lyss("agents", "test", "echo")).output, /1\.0, 0\.3/);
  const docs = `${url}/api/v1/ai/agents/docs`;
  assert.equal((await requestJson(docs, apiKey)).body["has_headers"], true);
  const refusalOf = async (at: string, method: string, body: object) =>
    JSON.stringify((await requestJson(at, apiKey, { method, body })).body);
  const addressOf = (at: string) => ({ url: at, headers: {} });
  assert.match(await refusalOf(docs, "PATCH", { url: "https://other.example.com" }), /given again/);
  assert.match(await refusalOf(docs, "PATCH", addressOf("https://10.0.0.1")), /GATEWAY_013/);
  const all = `${url}/api/v1/ai/agents`;
  assert.match(await refusalOf(all, "POST", { name: "inside", ...addressOf("https://127.0.0.1/a") }), /GATEWAY_013/);
  assert.match(await refusalOf(all, "POST", { name: "echo", ...addressOf(card) }), /operator/);
  assert.equal((await lyss("agents", "remove", "docs")).code, 0);
  assert.equal((await requestJson(docs, apiKey)).status, 404);
});

test("B14: a message that the wallet cannot pay is refused before its agent is asked", async () => {
  await ask("dear", "message/send", oldMessage("x"));
  await waitForNoHold(platform);
  const asked = heard.length;
  const { error } = await ask("dear", "message/send", oldMessage("x"));
  assert.deepEqual([error?.data.code, heard.length], ["BILLING_001", asked]);
  const spent = (await listUsage(platform)).reduce((sum, { cost_nanos }) => sum + BigInt(cost_nanos), 0n);
  assert.deepEqual(await balanceOf(platform), { available: 10_000_000_000n - spent, held: 0n });
  await assertMoneyAddsUp(platform);
});
