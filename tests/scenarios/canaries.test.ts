import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { postgres } from "@lyss/kit/db/driver.ts";
import { createOwnServer } from "@lyss/kit/testing/own-server.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { waitForNoCall } from "../read-money.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";
import { type Canaries, createCanaries } from "./canaries/canary.ts";
import { startTelltale, tells } from "./canaries/telltale-provider.ts";

const limits = { timeout: 240_000 };
const dialects = ["openai", "anthropic", "gemini", "cohere"] as const;

/** Keeps whatever is sent to it. */
async function startCollector(t: TestScope) {
  const bodies: string[] = [];
  const server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req.setEncoding("latin1")) body += chunk;
    bodies.push(`${req.url} ${JSON.stringify(req.headers)} ${body}`);
    res.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, text: () => bodies.join("\n") };
}

/** Everything that is said to callers, but for where a secret is given once. */
interface Said {
  readonly texts: string[];
  send(
    path: string,
    init?: { method?: string; body?: unknown; headers?: Record<string, string>; key?: string },
  ): Promise<{ status: number; body: Record<string, unknown> }>;
}

function listenTo({ url, apiKey }: RunningPlatform): Said {
  const texts: string[] = [];
  return {
    texts,
    async send(path, { method, body, headers = {}, key = apiKey } = {}) {
      const answer = await fetch(url + path, {
        method: method ?? (body === undefined ? "GET" : "POST"),
        redirect: "manual",
        headers: {
          ...(key !== "" && { authorization: `Bearer ${key}` }),
          ...(body !== undefined && { "content-type": "application/json" }),
          ...headers,
        },
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await answer.text().catch((err: unknown) => String(err));
      texts.push(`${answer.status} ${JSON.stringify([...answer.headers])} ${text}`);
      try {
        return { status: answer.status, body: JSON.parse(text) };
      } catch {
        return { status: answer.status, body: {} };
      }
    },
  };
}

/** Every place where a tenant can leave a secret, and what uses it: all of these fail, for nobody is at those addresses. */
async function leaveSecrets({ send }: Said, canaries: Canaries): Promise<void> {
  const at = "https://secrets.invalid";
  const free = { input_usd_per_million: "0", output_usd_per_million: "0" };
  const expect = async (path: string, status: number, init: Parameters<Said["send"]>[1]) => {
    const answer = await send(path, init);
    assert.equal(answer.status, status, `${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  for (const dialect of dialects) {
    const body = {
      name: `own-${dialect}`,
      dialect,
      base_url: `${at}/v1`,
      api_key: canaries.put(`a tenant's ${dialect} key`),
      models: [{ name: `own-${dialect}`, ...free }],
    };
    await expect("/api/v1/ai/providers", 201, { body });
    await send(`/api/v1/ai/providers/own-${dialect}:test`, { method: "POST" });
    await send("/v1/chat/completions", {
      body: { model: `own-${dialect}`, messages: [{ role: "user", content: "hi" }] },
    });
  }
  const secret = canaries.put("a credential");
  const credential = await expect("/api/v1/credentials", 201, {
    body: { name: "kept", secret, allowed_origins: [at] },
  });
  await expect(`/api/v1/credentials/${credential["id"]}:rotate`, 200, {
    body: { secret: canaries.put("a rotated credential") },
  });
  const headers = { authorization: canaries.put("a tool server's header") };
  await expect("/api/v1/ai/mcp-servers", 201, { body: { name: "tools", url: `${at}/mcp`, headers } });
  const oauth = {
    client_id: "x",
    client_secret: canaries.put("a tool server's client secret"),
    token_url: `${at}/token`,
  };
  await expect("/api/v1/ai/mcp-servers", 201, { body: { name: "oauth", url: `${at}/mcp`, oauth } });
  for (const name of ["tools", "oauth"]) await send(`/api/v1/ai/mcp-servers/${name}/tools`);
  await expect("/api/v1/ai/agents", 201, {
    body: { name: "agent", url: at, headers: { "x-key": canaries.put("an agent's header") } },
  });
  await send("/v1/a2a/agent", { body: { jsonrpc: "2.0", id: 1, method: "message/send", params: {} } });
  const key = canaries.put("an export's key");
  const s3 = { kind: "s3", endpoint: at, bucket: "records", access_key_id: "x" };
  await expect("/api/v1/ai/exports/s3", 200, { method: "PUT", body: { target: s3, secret: key } });
  const otlp = { kind: "otlp", url: `${at}/v1/logs` };
  await expect("/api/v1/ai/exports/otlp", 200, {
    method: "PUT",
    body: { target: otlp, secret: canaries.put("an export's header") },
  });
  for (const name of ["s3", "otlp"]) await send(`/api/v1/ai/exports/${name}:test`, { method: "POST" });
  const oidc = { kind: "oidc", name: "Sign-on", issuer: at, client_id: "x" };
  const connection = await send("/api/v1/sso/connections", {
    body: { ...oidc, client_secret: canaries.put("a sign-on secret") },
  });
  assert.ok(connection.status < 500);
}

/** What Lyss makes is shown once, and used wrongly and rightly afterwards. */
async function takeSecrets(platform: RunningPlatform, said: Said, canaries: Canaries): Promise<void> {
  const { url, apiKey } = platform;
  const first = JSON.parse(readFileSync(join(platform.dataDir, "first-run.json"), "utf8"));
  canaries.note("the first key", apiKey);
  canaries.note("the first password", first.adminPassword);
  for (const name of ["used", "revoked", "rotated"]) {
    const { body } = await requestJson(`${url}/v1/keys`, apiKey, { body: { name, permissions: ["model:call"] } });
    canaries.note(`a key that is ${name}`, String(body["secret"]));
    await said.send("/v1/models", { key: String(body["secret"]) });
    if (name === "revoked") await said.send(`/v1/keys/${body["id"]}`, { method: "DELETE" });
    await said.send("/v1/models", { key: String(body["secret"]) });
  }
  const login = { email: first.adminEmail, password: first.adminPassword };
  const session = await requestJson(`${url}/api/v1/users/login`, "", { body: login });
  for (const name of ["access_token", "refresh_token"])
    canaries.note(`a session's ${name}`, String(session.body[name]));
  await said.send("/api/v1/users/me", { key: String(session.body["access_token"]) });
  await said.send("/api/v1/users/me", { key: `${session.body["access_token"]}x` });
}

/** What is wrong, with a secret in every place where somebody could put one by mistake. */
async function mistake({ send }: Said, canaries: Canaries): Promise<void> {
  const put = (name: string) => canaries.put(`by mistake: ${name}`);
  for (const prefix of ["", "lyss_", "sk-", "eyJhbGciOiJub25lIn0."])
    await send("/v1/models", { key: canaries.put("no key", prefix) });
  for (const name of ["x-api-key", "x-goog-api-key", "cookie", "proxy-authorization", "x-forwarded-authorization"]) {
    await send("/v1/models", { key: "", headers: { [name]: put(name) } });
  }
  await send("/v1/models", { key: "", headers: { authorization: `Basic ${put("basic")}` } });
  for (const name of ["key", "api_key", "access_token", "token"])
    await send(`/v1/models?${name}=${put(`query ${name}`)}`, { key: "" });
  await send("/api/v1/users/login", {
    key: "",
    body: { email: "admin@lyss.local", password: put("a wrong password") },
  });
  await send("/api/v1/users/login", {
    key: "",
    body: { email: "nobody@example.com", password: put("a stranger's password") },
  });
  await send("/api/v1/auth/refresh", { key: "", body: { refresh_token: put("refresh") } });
  await send("/api/v1/ai/providers", {
    body: { name: "x", base_url: "http://127.0.0.1/", api_key: put("refused provider") },
  });
  await send("/api/v1/ai/providers", { body: { name: 7, api_key: put("bad provider") } });
  await send("/api/v1/credentials", { body: { name: "\0", secret: put("bad credential") } });
  await send("/api/v1/credentials", { body: `{"name":"x","secret":"${put("a body cut off")}"` });
  await send(`/api/v1/nothing/${put("a path")}`);
  await send("/v1/chat/completions", { body: { model: "tell", api_key: put("a field"), messages: "no" } });
}

/** Calls whose prompts are secrets, by each dialect, to providers that repeat all that they hear. */
async function prompt({ send }: Said, canaries: Canaries): Promise<void> {
  for (const dialect of dialects) {
    for (const how of tells) {
      for (const stream of [false, true]) {
        const content = `tell-${how} ${canaries.put(`a prompt: ${dialect}, ${how}, ${stream ? "streamed" : "whole"}`)}`;
        const messages = [{ role: "user", content }];
        await send("/v1/chat/completions", { body: { model: `tell-${dialect}`, stream, messages } });
      }
    }
    const content = canaries.put(`a prompt of another surface: ${dialect}`);
    const model = `tell-${dialect}`;
    await send("/v1/messages", {
      body: { model, max_tokens: 9, messages: [{ role: "user", content: `tell-status-400 ${content}` }] },
    });
    await send("/v1/responses", { body: { model, store: false, input: `tell-status-500 ${content}` } });
    await send(`/v1beta/models/${model}:generateContent`, {
      body: { contents: [{ role: "user", parts: [{ text: `tell-html ${content}` }] }] },
    });
    await send("/v1/embeddings", { body: { model, input: `tell-status-500 ${content}` } });
  }
}

/** Every row of every table, as text. */
async function dump(sql: ReturnType<typeof postgres>): Promise<string> {
  const tables = await sql<{ place: string }[]>`
    select format('%I.%I', table_schema, table_name) as place from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`;
  const texts: string[] = [];
  for (const { place } of tables) {
    for (const { row } of await sql.unsafe(`select t::text as row from ${place} t`)) texts.push(`${place} ${row}`);
  }
  return texts.join("\n");
}

test(
  "S9, S10: no secret and no prompt stands in logs, answers, traces, metrics, events, files or the database, whatever fails",
  limits,
  async (t) => {
    const scope = closeInReverse(t);
    const canaries = createCanaries();
    const { url: databaseUrl } = await createOwnServer(scope).start();
    const sql = postgres(databaseUrl, { max: 1 });
    scope.after(() => sql.end());
    const collector = await startCollector(scope);
    const telltale = await startTelltale(scope);
    const price = { inputUsdPerMillion: "1", outputUsdPerMillion: "1", maxOutputTokens: 100 };
    const providers = dialects.map((dialect) => ({
      ...{
        name: `tell-${dialect}`,
        dialect,
        baseUrl: `${telltale.origin}/v1`,
        apiKey: canaries.put(`the operator's ${dialect} key`),
      },
      models: [{ name: `tell-${dialect}`, ...price }],
    }));
    const platform = await runPlatform(scope, {
      config: {
        database: { url: databaseUrl },
        providers,
        log: { level: "debug" },
        tracing: { otlpUrl: `${collector.url}/v1/traces`, sampleRatio: 1 },
        metrics: { otlpUrl: `${collector.url}/v1/metrics`, otlpEveryMs: 1_000 },
        aiGateway: { firstByteTimeoutMs: 300 },
        resilience: { policies: { provider: {} } },
        rateLimits: { perAddress: { limit: 10_000_000, windowMs: 1_000 } },
      },
    });
    const said = listenTo(platform);
    await leaveSecrets(said, canaries);
    await takeSecrets(platform, said, canaries);
    await mistake(said, canaries);
    await prompt(said, canaries);
    await waitForNoCall(platform);
    const metrics = await (await fetch(`${platform.url}/metrics`)).text();
    const log = await said.send("/admin/events?limit=200");
    await platform.stop();
    const files = readdirSync(platform.dataDir, { recursive: true, withFileTypes: true })
      .filter((file) => file.isFile() && !["first-run.json", "lyss.yaml"].includes(file.name))
      .map((file) => `${file.name} ${readFileSync(join(file.parentPath, file.name), "latin1")}`);
    const places = {
      // On its first start it says, once, what it made.
      "its output": platform.output().replace(/^(?: {2}(?:Password|API key) | {2}-H "Authorization).*$/gm, ""),
      "what it told": said.texts.join("\n"),
      "traces and metrics": `${collector.text()}\n${metrics}`,
      events: JSON.stringify(log.body),
      files: files.join("\n"),
    };
    // That there is nothing at a path is told to who asked for it.
    const isTold = (place: string, what: string) => place === "what it told" && what.startsWith("by mistake: a path");
    const found = Object.entries(places).flatMap(([place, text]) =>
      canaries
        .find(text)
        .filter((what) => !isTold(place, what))
        .map((what) => `${place}: ${what}`),
    );
    found.push(...canaries.find(await dump(sql), true).map((what) => `the database: ${what}`));
    t.diagnostic(
      `${canaries.all.length} canaries, ${said.texts.length} requests; ${Object.entries(places)
        .map(([place, text]) => `${place} ${text.length}`)
        .join(", ")} characters`,
    );
    assert.deepEqual(found, []);
    // What was looked for was there to be found.
    assert.ok(canaries.all.length >= 50);
    assert.ok(canaries.find(telltale.heard()).length >= 2 * dialects.length * tells.length, "prompts have gone out");
    assert.match(collector.text(), /chat/, "traces have come");
  },
);
