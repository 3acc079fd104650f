import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import OpenAI, { APIError } from "openai";
import { requestJson, runPlatform } from "../run-platform.ts";

/** Stands in the hostile vendor's errors, and nowhere else. */
const canary = "sk-canary-0123456789abcdef0123456789abcdef";
const vendorKey = "sk-vendor-key-fedcba9876543210fedcba98";
const bodies: Record<string, unknown>[] = [];
const heads: IncomingMessage["headers"][] = [];
let closedByUs = 0;

/** A vendor that does what the model's name says. */
const vendor = createServer((req, res) => {
  const chunks: Buffer[] = [];
  req.on("data", (chunk) => chunks.push(chunk));
  req.on("end", () => {
    const text = Buffer.concat(chunks).toString();
    const body = JSON.parse(text);
    bodies.push({ ...body, text });
    heads.push(req.headers);
    res.on("close", () => {
      if (!res.writableEnded) closedByUs++;
    });
    behave(body, res);
  });
});
vendor.listen(0, "127.0.0.1");
await once(vendor, "listening");
after(() => {
  vendor.closeAllConnections();
  vendor.close();
});

function behave(body: Record<string, unknown>, res: ServerResponse): void {
  const model = String(body["model"]);
  const status = Number(/^status-(\d+)/.exec(model)?.[1] ?? 0);
  if (status > 0) {
    const error = { message: `leaked ${canary}`, type: "x", param: "temperature", code: canary };
    res.writeHead(status, { "content-type": "application/json", "retry-after": "7", "x-secret": canary });
    res.end(JSON.stringify({ error }));
  } else if (model === "hang") {
    // Nothing, ever.
  } else if (model === "html") {
    res.writeHead(200, { "content-type": "text/html" }).end(`<html>${canary}</html>`);
  } else if (model === "empty") {
    res.writeHead(200).end();
  } else if (model === "error-in-200") {
    res.writeHead(200).end(JSON.stringify({ error: { message: canary, code: 429 } }));
  } else if (model === "gzip") {
    res.writeHead(200, { "content-encoding": "gzip" }).end(Buffer.from([31, 139, 8, 0]));
  } else if (model === "drop") {
    res.socket?.destroy();
  } else {
    stream(model, res);
  }
}

function stream(model: string, res: ServerResponse): void {
  const chunk = (content: string, finish: string | null = null) =>
    `data: ${JSON.stringify({ id: "x", model, choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`;
  res.writeHead(200, { "content-type": "text/event-stream" });
  res.write(chunk("one ") + chunk("two "));
  if (model === "cut") setImmediate(() => res.socket?.destroy());
  else if (model === "ends-early") res.end();
  else if (model === "error-event") res.end(`data: ${JSON.stringify({ error: { message: canary } })}\n\n`);
  else if (model === "garbage-event") res.end(`data: {"choices":${canary}\n\n`);
  else if (model === "endless-event") res.end(`data: ${"x".repeat(200_000)}`);
  else if (model === "no-done") res.end(chunk("three", "stop"));
  else if (model === "echo") res.end(`${chunk("three", "stop")}data: [DONE]\n\n`);
  // `stall` says nothing more.
}

const names = [
  ...[400, 401, 402, 403, 404, 413, 422, 429, 500, 502, 503, 529].map((status) => `status-${status}`),
  ...["hang", "html", "empty", "error-in-200", "gzip", "drop", "cut", "ends-early", "error-event", "garbage-event"],
  ...["endless-event", "no-done", "echo", "stall"],
];
const price = { inputUsdPerMillion: "1", outputUsdPerMillion: "2", maxOutputTokens: 100 };
const { port } = vendor.address() as AddressInfo;
const dead = { name: "dead", baseUrl: "http://127.0.0.1:1/v1", models: [{ name: "nobody-listens", ...price }] };
const platform = await runPlatform(
  { after },
  {
    config: {
      providers: [
        {
          ...{ name: "hostile", baseUrl: `http://127.0.0.1:${port}/v1/`, apiKey: { env: "VENDOR_KEY" } },
          models: [
            ...names.map((name) => ({ name, ...price })),
            { name: "alias", upstreamName: "echo", ...price },
            { name: "dear", upstreamName: "echo", ...price, outputUsdPerMillion: "900000" },
          ],
        },
        dead,
      ],
      // Every error is asked for here: none of them may close the door to the next.
      resilience: { policies: { "provider.hostile": {} } },
      aiGateway: { firstByteTimeoutMs: 400, idleTimeoutMs: 400, connectTimeoutMs: 400, maxEventBytes: 100_000 },
    },
    env: { VENDOR_KEY: vendorKey },
  },
);
const openai = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: platform.apiKey, maxRetries: 0 });
const messages = [{ role: "user" as const, content: "hello" }];

async function errorOf(model: string, client = openai, extra: object = {}): Promise<APIError> {
  try {
    await client.chat.completions.create({ model, messages, ...extra });
  } catch (err) {
    assert.ok(err instanceof APIError, String(err));
    return err;
  }
  return assert.fail(`${model} did not fail`);
}

async function streamOf(model: string): Promise<{ text: string; error: APIError | undefined }> {
  let text = "";
  try {
    for await (const chunk of await openai.chat.completions.create({ model, messages, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? "";
    }
  } catch (err) {
    assert.ok(err instanceof APIError, String(err));
    return { text, error: err };
  }
  return { text, error: undefined };
}

async function lastUsage(): Promise<Record<string, unknown>> {
  const { body } = await requestJson(`${platform.url}/v1/billing/usage?limit=1`, platform.apiKey);
  return (body["data"] as Record<string, unknown>[])[0] ?? {};
}

/** The record of the last call, once it is of that model: it is written a moment after the answer. */
async function usageOf(model: string): Promise<Record<string, unknown>> {
  await waitUntil(async () => (await lastUsage())["model"] === model);
  return lastUsage();
}

const expected: readonly (readonly [model: string, status: number, code: string])[] = [
  ["status-400", 400, "GATEWAY_004"],
  ["status-413", 400, "GATEWAY_004"],
  ["status-422", 400, "GATEWAY_004"],
  ["status-401", 502, "GATEWAY_006"],
  ["status-402", 502, "GATEWAY_006"],
  ["status-403", 502, "GATEWAY_006"],
  ["status-404", 502, "GATEWAY_007"],
  ["status-429", 429, "rate_limit_exceeded"],
  ["status-500", 502, "GATEWAY_007"],
  ["status-502", 502, "GATEWAY_007"],
  ["status-503", 503, "GATEWAY_010"],
  ["status-529", 503, "GATEWAY_010"],
  ["hang", 504, "GATEWAY_008"],
  ["html", 502, "GATEWAY_007"],
  ["empty", 502, "GATEWAY_007"],
  ["error-in-200", 429, "rate_limit_exceeded"],
  ["gzip", 502, "GATEWAY_007"],
  ["drop", 502, "GATEWAY_007"],
  ["nobody-listens", 502, "GATEWAY_007"],
  ["no-such-model", 404, "model_not_found"],
  ["dear", 402, "BILLING_001"],
];

test("W11, W38: each way an upstream fails is a typed error that costs nothing and holds nothing", async () => {
  for (const [model, status, code] of expected) {
    const extra = model === "dear" ? { max_tokens: 100 } : {};
    const err = await errorOf(model, openai, extra);
    assert.deepEqual([model, err.status, err.code], [model, status, code]);
    assert.ok(err.requestID, model);
    if (status === 429 && model.startsWith("status")) assert.equal(err.headers?.get("retry-after"), "7");
  }
  assert.equal((await errorOf("status-400")).param, "temperature");
  const balance = async () => (await requestJson(`${platform.url}/v1/billing/balance`, platform.apiKey)).body;
  assert.equal((await balance())["balance"], "10");
  // What the node had set aside for further calls comes back once there are none.
  await waitUntil(async () => (await balance())["held_nanos"] === "0");
});

test("a caller's own mistakes are typed errors that name what is wrong", async () => {
  const chat = `${platform.url}/v1/chat/completions`;
  const errorFor = async (key: string, body: unknown, headers = {}) => {
    const answer = await requestJson(chat, key, { body, headers });
    return [answer.status, ...Object.values(answer.body["error"] as object).slice(1, 4)];
  };
  const ok = { model: "echo", messages };
  const junk = `lyss_${"a".repeat(36)}`;
  assert.deepEqual(await errorFor("", ok), [401, "authentication_error", null, "invalid_api_key"]);
  assert.deepEqual(await errorFor(junk, ok), [401, "authentication_error", null, "invalid_api_key"]);
  assert.deepEqual(await errorFor(platform.apiKey, "{"), [400, "invalid_request_error", null, "GATEWAY_003"]);
  assert.deepEqual(await errorFor(platform.apiKey, "[1]"), [400, "invalid_request_error", null, "GATEWAY_003"]);
  const wrong: readonly (readonly [object, string])[] = [
    [{ messages }, "model"],
    [{ model: "echo" }, "messages"],
    [{ ...ok, stream: "yes" }, "stream"],
    [{ ...ok, n: 0 }, "n"],
    [{ ...ok, max_tokens: -1 }, "max_tokens"],
    [{ ...ok, max_completion_tokens: 1.5 }, "max_completion_tokens"],
  ];
  for (const [body, param] of wrong) {
    assert.deepEqual(await errorFor(platform.apiKey, body), [400, "invalid_request_error", param, "GATEWAY_002"]);
  }
  const twice = `{"model":"echo","model":"dear","messages":[]}`;
  assert.deepEqual((await errorFor(platform.apiKey, twice))[0], 400);
  const large = await requestJson(chat, platform.apiKey, { body: "x".repeat(33_554_433) });
  assert.equal(large.status, 413);
});

test("W34: errors have OpenAI's shape on OpenAI's paths, and the platform's own everywhere else", async () => {
  const body = { model: "dear", messages, max_tokens: 100 };
  for (const [path, init, isOpenAi, code] of [
    ["/v1/chat/completions", { body }, true, "BILLING_001"],
    ["/api/v1/ai/chat/completions", { body }, false, "BILLING_001"],
    ["/v1/models/none", {}, true, "model_not_found"],
    ["/api/v1/ai/models/none", {}, false, "GATEWAY_001"],
  ] as const) {
    const { body: answer } = await requestJson(platform.url + path, platform.apiKey, init);
    const error = answer["error"] as Record<string, unknown>;
    assert.deepEqual(
      [path, "type" in error, "message_i18n" in error, error["code"]],
      [path, isOpenAi, !isOpenAi, code],
    );
  }
  const { body: anonymous } = await requestJson(`${platform.url}/v1/models`, "");
  assert.equal((anonymous["error"] as Record<string, unknown>)["code"], "invalid_api_key");
});

test("W52: a revoked key is refused, and a key limited to a model sees no other", async () => {
  const create = (body: object) => requestJson(`${platform.url}/v1/keys`, platform.apiKey, { body });
  const { body: key } = await create({ name: "limited", models: ["status-500"] });
  const client = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: String(key["secret"]), maxRetries: 0 });
  assert.equal((await errorOf("echo", client)).status, 404);
  assert.equal((await errorOf("status-500", client)).status, 502);
  assert.deepEqual(
    (await client.models.list()).data.map((model) => model.id),
    ["status-500"],
  );
  await requestJson(`${platform.url}/v1/keys/${key["id"]}`, platform.apiKey, { method: "DELETE" });
  await waitUntil(async () => (await errorOf("status-500", client)).status === 401);
});

test("W3, W8, W32: a stream that breaks off ends in an error, never cleanly, and what was delivered is charged as estimated", async () => {
  for (const model of ["cut", "ends-early", "error-event", "garbage-event", "endless-event", "stall"]) {
    const { text, error } = await streamOf(model);
    assert.equal(text, "one two ", model);
    assert.ok(error, `${model} ended cleanly`);
    const usage = await usageOf(model);
    assert.deepEqual([usage["status"], usage["estimated"]], ["truncated", true]);
    assert.ok(Number(usage["cost_nanos"]) > 0, model);
  }
});

test("a stream that says why it ended is complete without [DONE]", async () => {
  for (const model of ["no-done", "echo"]) {
    assert.deepEqual(await streamOf(model), { text: "one two three", error: undefined });
    assert.equal((await usageOf(model))["status"], "completed");
  }
});

test("W10: a caller who leaves ends the call upstream, and pays for what was delivered", async () => {
  const before = closedByUs;
  const stream = await openai.chat.completions.create({ model: "stall", messages, stream: true });
  for await (const _chunk of stream) break;
  await waitUntil(async () => (await lastUsage())["status"] === "canceled");
  const usage = await lastUsage();
  assert.deepEqual([usage["model"], usage["estimated"]], ["stall", true]);
  await waitUntil(async () => closedByUs > before);

  const abort = new AbortController();
  const pending = openai.chat.completions.create({ model: "hang", messages }, { signal: abort.signal });
  const count = bodies.length;
  await waitUntil(async () => bodies.length > count);
  abort.abort();
  await assert.rejects(pending);
  await waitUntil(async () => (await lastUsage())["model"] === "hang");
  assert.deepEqual([(await lastUsage())["status"], (await lastUsage())["cost_nanos"]], ["canceled", "0"]);
});

test("W15, W43: fields that Lyss does not know reach the upstream byte for byte; only what must differ does", async () => {
  const body = `{"model":"alias" , "stream":true,"messages":[{"role":"user","content":"h\\u00e9"}],"seed":9007199254740993,"x_new":{"b":1,"a":[1e2,-0.0]}}`;
  const answer = await fetch(`${platform.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${platform.apiKey}`,
      "x-forwarded-for": "1.2.3.4",
      cookie: "a=b",
      "openai-project": "p",
    },
    body,
  });
  const text = await answer.text();
  assert.match(text, /"model":"alias"/);
  assert.doesNotMatch(text, /"model":"echo"/);
  const sent = String(bodies.at(-1)?.["text"]);
  assert.equal(sent, `{"stream_options":{"include_usage":true},${body.slice(1).replace(`"alias"`, `"echo"`)}`);
  const head = heads.at(-1) ?? {};
  assert.equal(head.authorization, `Bearer ${vendorKey}`);
  for (const name of ["x-forwarded-for", "cookie", "openai-project", "x-api-key"])
    assert.equal(head[name], undefined, name);
});

test("no secret and no text of the upstream reaches a caller or the log", async () => {
  const shown: string[] = [];
  for (const model of names.filter((name) => name !== "hang" && name !== "stall")) {
    for (const stream of [false, true]) {
      const answer = await fetch(`${platform.url}/v1/chat/completions`, {
        method: "POST",
        headers: { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" },
        body: JSON.stringify({ model, messages, stream }),
      });
      shown.push(JSON.stringify([...answer.headers]), await answer.text());
    }
  }
  for (const text of [...shown, platform.output()]) {
    assert.ok(!text.includes(canary) && !text.includes(vendorKey), text.slice(0, 500));
    assert.ok(!text.includes("at file://") || text === platform.output(), text.slice(0, 500));
  }
  const [head = ""] = platform.output().split("curl ");
  const logged = platform.output().slice(head.length + 2_000);
  assert.ok(!logged.includes(platform.apiKey));
});
