import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import Anthropic, { APIError as AnthropicError } from "@anthropic-ai/sdk";
import { ApiError as GoogleError, GoogleGenAI } from "@google/genai";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import OpenAI, { APIError as OpenAIError } from "openai";
import { assertMoneyAddsUp, balanceOf, listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { type RunningPlatform, runPlatform } from "../run-platform.ts";

// A provider says nothing until the test lets it: by then the caller's stream has been kept alive.

const scope = closeInReverse({ after });
const arrivals = new EventEmitter();

const server = createServer((req, res) => {
  res.on("error", () => {});
  let body = "";
  req.setEncoding("utf8").on("data", (chunk: string) => {
    body += chunk;
  });
  req.on("end", () => {
    if (req.url?.startsWith("/well/")) answer(res);
    else arrivals.emit(JSON.parse(body).model, res);
  });
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
scope.after(async () => {
  server.closeAllConnections();
  server.close();
});

function answer(res: ServerResponse): void {
  const choice = (delta: object, finish_reason: string | null) =>
    `data: ${JSON.stringify({ id: "x", choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  res.writeHead(200, { "content-type": "text/event-stream" });
  res.write(choice({ role: "assistant", content: "hello " }, null) + choice({ content: "there" }, "stop"));
  res.end(`data: ${JSON.stringify({ id: "x", choices: [], usage })}\n\ndata: [DONE]\n\n`);
}

const overloaded = (res: ServerResponse) => void res.writeHead(503).end("{}");

/** Each call has a model of its own: what one has shown of its target is not to decide about the next. */
const models = [
  ...["chat", "chat-ordinary", "completions", "responses", "messages", "gemini", "gemini-array"].flatMap((name) =>
    ["answers", "moves", "fails", "off", "leaves"].map((what) => `${what}-${name}`),
  ),
  ...["openai", "anthropic", "google"].flatMap((name) =>
    ["answers", "moves", "fails"].map((what) => `${what}-${name}`),
  ),
];
const price = { inputUsdPerMillion: "1", outputUsdPerMillion: "2", maxOutputTokens: 100 };
const listed = (names: readonly string[]) => names.map((name) => ({ name, ...price }));
let platform: RunningPlatform;
let start = 0n;
before(async () => {
  const baseUrl = (name: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}/${name}/v1`;
  platform = await runPlatform(scope, {
    config: {
      providers: [
        { name: "silent", baseUrl: baseUrl("silent"), models: listed(models) },
        {
          ...{ name: "well", baseUrl: baseUrl("well") },
          models: listed(models.filter((name) => name.startsWith("moves"))),
        },
      ],
      aiGateway: { simulator: false, keepAliveMs: 60, failOver: { budgetReserve: 1_000 } },
      resilience: { policies: { "provider.silent": {} } },
      log: { level: "error" },
    },
  });
  start = (await balanceOf(platform)).available;
});

interface Way {
  readonly path: (model: string) => string;
  readonly body: (model: string) => object;
  readonly headers?: Record<string, string>;
  /** What keeps it alive. */
  readonly alive: RegExp;
  readonly type?: string;
  /** What ends an answer that is whole, and one that failed. */
  readonly end: RegExp;
  readonly failed: RegExp;
}

const comment = /^: keep-alive\n\n/;
const messages = [{ role: "user", content: "hello" }];
const chat: Way = {
  path: () => "/v1/chat/completions",
  body: (model) => ({ model, stream: true, messages }),
  ...{ alive: comment, end: /data: \[DONE\]\n\n$/, failed: /^data: \{"error":\{.*"code":"GATEWAY_010"\}\}\n\n$/ },
};
const contents = [{ role: "user", parts: [{ text: "hello" }] }];
const ways: Readonly<Record<string, Way>> = {
  chat,
  // Such calls do not go the short way.
  "chat-ordinary": { ...chat, headers: { "accept-encoding": "identity", "idempotency-key": "" } },
  completions: {
    ...chat,
    path: () => "/v1/completions",
    body: (model) => ({ model, stream: true, prompt: "hello" }),
  },
  responses: {
    path: () => "/v1/responses",
    body: (model) => ({ model, stream: true, input: "hello" }),
    ...{ alive: comment, end: /event: response\.completed\n.*\n\n$/ },
    failed:
      /^event: response\.created\n.*\n\nevent: response\.in_progress\n.*\n\nevent: response\.failed\n.*GATEWAY_010/,
  },
  messages: {
    path: () => "/v1/messages",
    body: (model) => ({ model, stream: true, max_tokens: 20, messages }),
    ...{ alive: /^event: ping\ndata: \{"type":"ping"\}\n\n/, end: /event: message_stop\n.*\n\n$/ },
    failed: /^event: error\ndata: \{"type":"error",.*GATEWAY_010/,
  },
  gemini: {
    path: (model) => `/v1beta/models/${model}:streamGenerateContent?alt=sse`,
    body: () => ({ contents }),
    ...{ alive: /^\r\n\r\n/, end: /"finishReason":"STOP".*\r\n\r\n$/, failed: /^data: \{"error":\{"code":503/ },
  },
  "gemini-array": {
    path: (model) => `/v1beta/models/${model}:streamGenerateContent`,
    body: () => ({ contents }),
    ...{ alive: /^\r\n(?!\])/, type: "application/json", end: /"finishReason":"STOP".*\]$/s },
    failed: /^\[\{"error":\{"code":503/,
  },
};

let lastKey = 0;
const abort = new Map<string, AbortController>();

async function open(name: string, model: string, headers: Record<string, string> = {}): Promise<Response> {
  const { path, body, headers: own = {} } = ways[name] ?? chat;
  const stop = new AbortController();
  abort.set(model, stop);
  return fetch(platform.url + path(model), {
    method: "POST",
    headers: {
      ...{ authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json", ...own, ...headers },
      ...("idempotency-key" in own && { "idempotency-key": `key-${++lastKey}` }),
    },
    body: JSON.stringify(body(model)),
    signal: stop.signal,
  });
}

/** Opens a stream and resolves when it was kept alive twice: with its head, the provider's end, and what comes from here on. */
async function openAlive(name: string, model: string) {
  const arrived = once(arrivals, model);
  const res = await open(name, model);
  const [held] = (await arrived) as [ServerResponse];
  const decoder = new TextDecoder();
  const reader = res.body?.getReader();
  assert.ok(reader);
  const { alive } = ways[name] ?? chat;
  let text = "";
  const readOn = async (): Promise<boolean> => {
    const { value, done } = await reader.read();
    if (value) text += decoder.decode(value, { stream: true });
    return !done;
  };
  const dropAlive = () => {
    let count = 0;
    for (; alive.test(text); count++) text = text.replace(alive, "");
    return count;
  };
  for (let seen = 0; seen < 2; seen += dropAlive()) {
    assert.ok(await readOn(), text);
  }
  assert.equal(text, "", "nothing but keep-alives has come");
  const rest = async () => {
    while (await readOn()) {}
    dropAlive();
    return text;
  };
  return { res, held, rest };
}

const expected = new Map<string, unknown[]>();

for (const [name, { end, failed, type = "text/event-stream" }] of Object.entries(ways)) {
  test(`W6, W9: a stream is kept alive from before its first byte, in its dialect's way: ${name}`, async () => {
    const model = `answers-${name}`;
    const { res, held, rest } = await openAlive(name, model);
    const of = (header: string) => res.headers.get(header);
    assert.deepEqual([res.status, of("cache-control"), of("x-accel-buffering")], [200, "no-cache", "no"]);
    // The client would take a compressed one.
    assert.equal(of("content-encoding"), null);
    assert.ok(of("content-type")?.startsWith(type));
    assert.ok(of("x-request-id"));
    answer(held);
    const text = await rest();
    assert.match(text, /hello /);
    assert.match(text, end);
    if (name === "gemini-array") assert.ok(JSON.parse(text).length > 0);
    expected.set(String(of("lyss-call-id")), [["silent", 1, "completed"]]);
  });

  test(`W7: a call goes on elsewhere after keep-alives, as long as nothing of an answer has left: ${name}`, async () => {
    const { res, held, rest } = await openAlive(name, `moves-${name}`);
    overloaded(held);
    const text = await rest();
    assert.match(text, end);
    assert.doesNotMatch(text, /"error":\{/);
    expected.set(String(res.headers.get("lyss-call-id")), [["well", 2, "completed"]]);
  });

  test(`W7: what fails after a keep-alive is an error in the stream, never a clean end: ${name}`, async () => {
    const { res, held, rest } = await openAlive(name, `fails-${name}`);
    assert.equal(res.status, 200);
    overloaded(held);
    const text = await rest();
    assert.match(text, failed);
    assert.doesNotMatch(text, end);
    expected.set(String(res.headers.get("lyss-call-id")), [["silent", 1, "failed"]]);
  });

  test(`W6: who wants no keep-alives gets none, and a status: ${name}`, async () => {
    const model = `off-${name}`;
    const arrived = once(arrivals, model);
    const opened = open(name, model, { "lyss-keep-alive": "off" });
    const [held] = (await arrived) as [ServerResponse];
    // So long that another was kept alive twice.
    const beside = await openAlive("chat", `leaves-${name}`);
    abort.get(`leaves-${name}`)?.abort();
    await beside.rest().catch(() => undefined);
    overloaded(held);
    const res = await opened;
    assert.equal(res.status, 503, await res.text());
    const wrong = await open(name, model, { "lyss-keep-alive": "no" });
    assert.equal(wrong.status, 400);
    assert.match(await wrong.text(), /lyss-keep-alive/);
  });

  test(`W10: who leaves before an answer ends the call upstream at once, and pays nothing: ${name}`, async () => {
    if (name === "chat-ordinary") return; // Kept for a repeat with its key: the answer is waited for.
    const model = `leaves-${name}`;
    const { res, held, rest } = await openAlive(name, model);
    const closed = once(held, "close");
    abort.get(model)?.abort();
    await assert.rejects(rest());
    await closed;
    assert.ok(!held.writableEnded);
    expected.set(String(res.headers.get("lyss-call-id")), [["silent", 1, "canceled"]]);
  });
}

/** Lets the provider of `model` go on once bytes that match `alive` have come to the SDK. */
function spyOn(model: string, alive: RegExp, goOn: (res: ServerResponse) => void): typeof fetch {
  const arrived = once(arrivals, model);
  let isAlive = false;
  return async (input, init) => {
    const res = await fetch(input, init);
    let text = "";
    const spied = res.body?.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          text += Buffer.from(chunk).toString();
          if (!isAlive && alive.test(text)) void arrived.then(([held]) => goOn(held as ServerResponse));
          isAlive = alive.test(text);
          controller.enqueue(chunk);
        },
      }),
    );
    return new Response(spied ?? null, res);
  };
}

/** The text that each SDK reads, the provider going on once the stream was kept alive. */
const sdks = {
  async openai(model: string, goOn: (res: ServerResponse) => void) {
    const given = { baseURL: `${platform.url}/v1`, apiKey: platform.apiKey, maxRetries: 0 };
    const client = new OpenAI({ ...given, fetch: spyOn(model, comment, goOn) });
    const said = [{ role: "user" as const, content: "hello" }];
    return String(await client.chat.completions.stream({ model, messages: said }).finalContent());
  },
  async anthropic(model: string, goOn: (res: ServerResponse) => void) {
    const given = { baseURL: platform.url, apiKey: platform.apiKey, maxRetries: 0 };
    const client = new Anthropic({ ...given, fetch: spyOn(model, /event: ping/, goOn) });
    const said = [{ role: "user" as const, content: "hello" }];
    return client.messages.stream({ model, max_tokens: 20, messages: said }).finalText();
  },
  async google(model: string, goOn: (res: ServerResponse) => void) {
    const client = new GoogleGenAI({ apiKey: platform.apiKey, httpOptions: { baseUrl: platform.url } });
    const { fetch: usual } = globalThis;
    // It takes no other `fetch`.
    const spied = spyOn(model, /^\r\n\r\n/, goOn);
    globalThis.fetch = (input, init) => {
      globalThis.fetch = usual;
      return spied(input, init);
    };
    const pieces = await Array.fromAsync(await client.models.generateContentStream({ model, contents: "hello" }));
    return pieces.map((piece) => piece.text ?? "").join("");
  },
};
const errors = { openai: OpenAIError, anthropic: AnthropicError, google: GoogleError };

for (const name of ["openai", "anthropic", "google"] as const) {
  test(`W6, W7: the SDK reads a stream rightly that was kept alive, and what failed in it: ${name}`, async () => {
    assert.equal(await sdks[name](`answers-${name}`, answer), "hello there");
    assert.equal(await sdks[name](`moves-${name}`, overloaded), "hello there");
    await assert.rejects(sdks[name](`fails-${name}`, overloaded), (err) => err instanceof errors[name]);
  });
}

test("what was paid is what calls say, after all of it", async () => {
  await waitForNoCall(platform);
  await waitForNoHold(platform);
  const rows = (await listUsage(platform)) as unknown as Record<string, unknown>[];
  const byCall = Map.groupBy(rows, ({ id }) => String(id));
  for (const [callId, told] of expected) {
    const shown = byCall.get(callId)?.map((row) => [row["provider"], row["attempt"], row["status"]]);
    assert.deepEqual(shown, told, callId);
  }
  const cost = ({ cost_nanos: nanos }: Record<string, unknown>) => BigInt(String(nanos));
  for (const row of rows) assert.equal(cost(row), row["status"] === "completed" ? 7_000n : 0n, String(row["model"]));
  const spent = rows.reduce((sum, row) => sum + cost(row), 0n);
  const { available, held } = await balanceOf(platform);
  assert.deepEqual([start - available, held], [spent, 0n]);
  await assertMoneyAddsUp(platform);
});
