import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { aiGateway } from "@lyss/services/ai-gateway/service.ts";
import { WebSocket } from "ws";
import { balanceOf, waitForNoHold } from "../read-money.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

const root = fileURLToPath(new URL("../../services/ai-gateway/", import.meta.url));

const contents = [{ role: "user", parts: [{ text: "hello" }] }];
const embedding = { content: { parts: [{ text: "hello" }] } };

/** A request for each way in which a model is called. A route that is not here fails the test: it must be told of. */
const bodies: Readonly<Record<string, object>> = {
  "chat/completions": { model: "dear", messages: [{ role: "user", content: "hello" }] },
  completions: { model: "dear", prompt: "hello" },
  embeddings: { model: "dear", input: "hello" },
  moderations: { model: "dear", input: "hello" },
  rerank: { model: "dear", query: "hello", documents: ["hello"] },
  "audio/speech": { model: "dear", input: "hello", voice: "alloy" },
  "images/generations": { model: "dear", prompt: "hello" },
  videos: { model: "dear", prompt: "hello", size: "720x1280" },
  responses: { model: "dear", input: "hello" },
  "responses/compact": { model: "compacting", input: "hello" },
  messages: { model: "dear", max_tokens: 1_900, messages: [{ role: "user", content: "hello" }] },
  "models/{model}:generateContent": { contents },
  "models/{model}:streamGenerateContent": { contents },
  "models/{model}:embedContent": embedding,
  "messages/batches": {
    requests: [
      { custom_id: "a", params: { model: "dear", max_tokens: 1_900, messages: [{ role: "user", content: "hello" }] } },
    ],
  },
  "models/{model}:batchGenerateContent": {
    batch: { inputConfig: { requests: { requests: [{ request: { contents } }] } } },
  },
  "models/{model}:asyncBatchEmbedContent": {
    batch: { inputConfig: { requests: { requests: [{ request: embedding }] } } },
  },
  "models/{model}:batchEmbedContents": { requests: [{ model: "models/dear", ...embedding }] },
};

const line = { custom_id: "a", method: "POST", url: "/v1/embeddings", body: { model: "dear", input: "hello" } };

/** The same of those that take files: which field has one. */
const files: Readonly<Record<string, string>> = {
  files: "file",
  ...{ "audio/transcriptions": "file", "audio/translations": "file" },
  ...{ "images/edits": "image", "images/variations": "image" },
};

/** Operations on what a call has left behind: they call nothing, and are not paid for. */
const afterwards: ReadonlySet<string> = new Set([
  ...["GET responses/{id}", "DELETE responses/{id}", "POST responses/{id}/cancel", "GET responses/{id}/input_items"],
  ...["GET files/{id}", "DELETE files/{id}", "GET files/{id}/content", "GET batches/{id}", "POST batches/{id}/cancel"],
  ...["GET videos/{id}", "DELETE videos/{id}", "GET videos/{id}/content"],
  ...["", "/events", "/checkpoints"].map((what) => `GET fine_tuning/jobs/{id}${what}`),
  ...["DELETE batches/{id}", "POST batches/{id}:cancel"],
  ...["GET messages/batches/{id}", "DELETE messages/batches/{id}", "POST messages/batches/{id}/cancel"],
  "GET messages/batches/{id}/results",
]);
const lists: ReadonlySet<string> = new Set([
  ...["GET files", "GET batches", "GET videos", "GET messages/batches", "GET fine_tuning/jobs"],
]);

/** What costs nothing by itself: without money there is no file to make a batch of, and a session is paid for when it is opened. */
const unpaid: Readonly<Record<string, { readonly body: object; readonly status: number }>> = {
  batches: {
    body: { input_file_id: "file_x", endpoint: "/v1/embeddings", completion_window: "24h" },
    status: 404,
  },
  "realtime/client_secrets": { body: { session: { model: "dear" } }, status: 200 },
};

const wholes = [
  "embeddings",
  "moderations",
  "rerank",
  "audio/speech",
  "videos",
  "messages/batches",
  "responses/compact",
];
/** Those that have no stream, or are one by their name. */
const isWholeOnly = (name: string) => wholes.includes(name) || name.startsWith("models/");

/** Where answers are scored that were paid for before. */
const scored = /\/feedback\b/;
const places = /^\/(?:api\/v1\/ai|v1|v1beta)\//;

/** What a refusal is called, as the route's dialect has it. */
function codeOf({ error }: Record<string, unknown>): unknown {
  const { code, details } = error as { code?: unknown; details?: readonly Record<string, unknown>[] };
  return typeof code === "string" ? code : details?.find(({ reason }) => reason !== undefined)?.["reason"];
}

function listedIn({ body }: Awaited<ReturnType<typeof requestJson>>): unknown {
  return body["data"] ?? body["operations"];
}

async function statusOfSession(url: string, apiKey: string): Promise<number> {
  const socket = new WebSocket(url.replace("http", "ws"), { headers: { authorization: `Bearer ${apiKey}` } });
  socket.on("error", () => undefined);
  const [, answer] = await once(socket, "unexpected-response");
  socket.terminate();
  return answer.statusCode;
}

/** What a response on a connection is refused with. */
async function errorOnConnection(url: string, apiKey: string): Promise<Record<string, unknown>> {
  const socket = new WebSocket(url.replace("http", "ws"), { headers: { authorization: `Bearer ${apiKey}` } });
  await once(socket, "open");
  socket.send(JSON.stringify({ type: "response.create", ...bodies["responses"] }));
  const [data] = await once(socket, "message");
  socket.terminate();
  return JSON.parse(String(data));
}

function toForm(name: string, file: string): FormData {
  const form = new FormData();
  const fields = name === "files" ? { purpose: "batch" } : { model: "dear", prompt: "hello" };
  for (const [field, text] of Object.entries(fields)) form.append(field, text);
  form.append(file, new Blob([name === "files" ? JSON.stringify(line) : "x".repeat(1_000)]), "a.bin");
  return form;
}

/** A model of every kind. */
const dear = {
  ...{ name: "dear", inputUsdPerMillion: "5000", outputUsdPerMillion: "5000", maxOutputTokens: 2_000 },
  videoPrices: [{ size: "720x1280", usdPerSecond: "1" }],
};

/** Conversations are compacted where the Responses API is spoken. */
const providersAt = (baseUrl: string) => [
  { name: "vendor", baseUrl, models: [dear] },
  { name: "responder", dialect: "responses", baseUrl, models: [{ ...dear, name: "compacting" }] },
];

test("B14: every route that calls a model is refused with an empty wallet, before a connection to the provider", async (t) => {
  let connections = 0;
  const vendor = createServer((req, res) => {
    req.resume().on("end", () => {
      // Two thousand tokens at 5,000 USD per million are the whole wallet.
      const usage = { prompt_tokens: 0, completion_tokens: 2_000, total_tokens: 2_000 };
      const choices = [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }];
      res.writeHead(200, { "content-type": "application/json", connection: "close" });
      res.end(JSON.stringify({ id: "x", choices, usage }));
    });
  }).on("connection", () => void connections++);
  vendor.listen(0, "127.0.0.1");
  await once(vendor, "listening");
  t.after(() => vendor.close());
  const baseUrl = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;
  const platform = await runPlatform(t, {
    config: {
      providers: providersAt(baseUrl),
      aiGateway: { batches: { providers: ["vendor"] }, videos: { providers: ["vendor"] } },
    },
  });

  const send = (path: string, body: object) => requestJson(`${platform.url}${path}`, platform.apiKey, { body });
  const spend = { ...bodies["chat/completions"], max_tokens: 1_900 };
  assert.equal((await send("/v1/chat/completions", spend)).status, 200);
  await waitForNoHold(platform);
  assert.equal((await balanceOf(platform)).available, 0n);
  const before = connections;

  const routes = aiGateway.routes.filter(({ permission, path }) => permission === "model:call" && !scored.test(path));
  assert.ok(routes.length >= 3);
  for (const { method, path } of routes) {
    const name = path.replace(places, "");
    if (afterwards.has(`${method} ${name}`)) {
      const gone = await requestJson(`${platform.url}${path.replace("{id}", "resp_x")}`, platform.apiKey, { method });
      assert.deepEqual([path, gone.status], [path, 404]);
      continue;
    }
    if (lists.has(`${method} ${name}`)) {
      assert.deepEqual(listedIn(await requestJson(`${platform.url}${path}`, platform.apiKey, { method })), []);
      continue;
    }
    const other = unpaid[name];
    if (other) {
      assert.equal((await send(path, other.body)).status, other.status);
      continue;
    }
    const file = files[name];
    if (file !== undefined) {
      const headers = { authorization: `Bearer ${platform.apiKey}` };
      const answer = await fetch(platform.url + path, { method, headers, body: toForm(name, file) });
      assert.deepEqual(
        [path, answer.status, codeOf((await answer.json()) as Record<string, unknown>)],
        [path, 402, "BILLING_001"],
      );
      continue;
    }
    if (name === "realtime") {
      assert.equal(await statusOfSession(`${platform.url}${path}?model=dear`, platform.apiKey), 402);
      continue;
    }
    if (method === "GET" && name === "responses") {
      const told = await errorOnConnection(`${platform.url}${path}`, platform.apiKey);
      assert.deepEqual([path, told["type"], told["status"], codeOf(told)], [path, "error", 402, "BILLING_001"]);
      continue;
    }
    const body = bodies[name];
    assert.ok(body && method === "POST", `${method} ${path} calls a model: say here with what`);
    for (const stream of isWholeOnly(name) ? [false] : [false, true]) {
      const answer = await send(path.replace("{model}", "dear"), { ...body, ...(stream && { stream }) });
      assert.deepEqual([path, answer.status, codeOf(answer.body)], [path, 402, "BILLING_001"]);
    }
  }
  const answer = await send("/v1/responses", { ...bodies["responses"], background: true });
  assert.equal(answer.status, 402);
  assert.equal(connections, before);
});

test("B14: there is one way to a provider, and it takes the money of a call", () => {
  const sources = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((path) =>
    /(?<!\.test)\.ts$/.test(path),
  );
  const using = (call: string) =>
    sources.filter((path) => readFileSync(join(root, path), "utf8").includes(call)).sort();
  // A call's `funds` are not optional, and what follows a task asks about one that such a call has begun; of the others one asks a provider for its list of models and one for a count of tokens, which cost nothing, and one is
  // for files, batches and videos, of which only the creation of a batch or video costs something: it comes behind its lease. A guardrail's
  // webhook is no provider, and what passes through goes to providers whose bill is the tenant's own.
  assert.deepEqual(using("pools.poolOf("), [
    ...["a2a/agent-link.ts", "ask-for-models.ts", "batches/account-client.ts", "call/open-upstream.ts"],
    ...["call/send-upstream.ts", "guardrails/webhook-judge.ts"],
    ...["hot/serve-hot.ts", "mcp/mcp-sessions.ts", "pass-through/pass-through.ts", "responses/count-at-provider.ts"],
  ]);
  assert.match(
    readFileSync(join(root, "pass-through/pass-through.ts"), "utf8"),
    /source !== "tenant"\) throw[\s\S]*pools\.poolOf\(/,
  );
  // Fine-tuning has no meter: it is a matter of accounts whose bill is the tenant's own.
  assert.deepEqual(using("createAccountJobs("), ["fine-tuning/account-jobs.ts", "fine-tuning/jobs.ts"]);
  assert.match(
    readFileSync(join(root, "fine-tuning/jobs.ts"), "utf8"),
    /isOwn\(provider\)\)[\s\S]*\(source === "tenant" \|\| source === "simulator"\)/,
  );
  assert.deepEqual(using("upstream.create("), ["batches/advance-batch.ts", "videos/create-video.ts"]);
  // Tool servers have sessions, which one file opens and four use: to call, with funds, and to list, to complete and to hear what they say, which costs nothing.
  assert.deepEqual(using("essions.sessionOf("), [
    ...["mcp/call-server.ts", "mcp/complete.ts", "mcp/offer-book.ts", "mcp/server-news.ts"],
  ]);
  assert.match(readFileSync(join(root, "mcp/call-server.ts"), "utf8"), /funding\.fund\([\s\S]*policy\.run\(/);
  // Agents are asked from one file: for a message with funds, and about tasks, which costs nothing.
  assert.deepEqual(using("agentLink.request("), ["a2a/call-agent.ts"]);
  assert.match(
    readFileSync(join(root, "a2a/call-agent.ts"), "utf8"),
    /funding\.fund\([\s\S]*policyOf\(agent\)\s*\.run\(/,
  );
  assert.match(readFileSync(join(root, "a2a/serve-agent.ts"), "utf8"), /if \(!isPaid\(operation\)\) return askAgent\(/);
  assert.deepEqual(using("await openUpstream("), ["call/serve-targets.ts"]);
  // A session is opened where its money has just been set aside.
  assert.deepEqual(using("await connectUpstream("), ["realtime/serve-session.ts"]);
  assert.match(readFileSync(join(root, "call/call.ts"), "utf8"), /readonly funds: Funds;/);
  // The short way has one place where a request leaves, which is given the call's funds.
  assert.deepEqual(using("pool.send("), ["hot/hot-call.ts"]);
  assert.match(readFileSync(join(root, "hot/hot-call.ts"), "utf8"), /#send\(funds: Funds\)/);
});
