import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import OpenAI, { APIError } from "openai";
import { directiveNames } from "./directives.ts";
import { type Simulator, startSimulator } from "./simulator.ts";
import { simulatedErrors } from "./wire-error.ts";

const apiKey = "sk-simulated";
const clock = createFakeClock();
let simulator: Simulator;

before(async () => {
  simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
});
after(() => simulator.stop());

type Directives = Readonly<Record<string, string | number>>;

/** A chat request with directives in its metadata. */
function chatBody(directives: Directives = {}, rest: object = {}) {
  const metadata = Object.fromEntries(
    Object.entries(directives).map(([name, value]) => [`simulate.${name}`, `${value}`]),
  );
  return { model: "simulated-chat", messages: [{ role: "user", content: "Hello" }], metadata, ...rest };
}

function postTo(url: string, body: object, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  return fetch(url, { method: "POST", headers, body: JSON.stringify(body), ...init });
}

function post(body: object, path = "/v1/chat/completions", init?: RequestInit): Promise<Response> {
  return postTo(simulator.url + path, body, init);
}

/** What the tests look at of any answer. */
interface Reply {
  readonly error: { readonly message: string; readonly code: string | null };
  readonly choices: readonly { readonly finish_reason: string }[];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
    readonly completion_tokens_details: { readonly reasoning_tokens: number };
  };
}

async function readReply(pending: Promise<Response>): Promise<Reply> {
  return (await (await pending).json()) as Reply;
}

async function streamText(directives: Directives, rest: object = {}): Promise<string> {
  const res = await post(chatBody({ tokens: 10, ...directives }, { stream: true, ...rest }));
  return res.text();
}

/** Everything that arrived before the body ended or broke, and whether it broke. */
async function readAll(res: Response): Promise<{ text: string; isBroken: boolean }> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const bytes of res.body ?? []) text += decoder.decode(bytes, { stream: true });
  } catch {
    return { text, isBroken: true };
  }
  return { text, isBroken: false };
}

function countTokens(text: string): number {
  return text.split("\n").filter((line) => /"delta":\{"content":"[^"]/.test(line)).length;
}

async function until(isReady: () => boolean): Promise<void> {
  while (!isReady()) await setImmediate();
}

const isWaiting = () => clock.countTimers() > 0;

test("each error has its status, its shape, and a hint when to come back", async () => {
  for (const [name, expected] of Object.entries(simulatedErrors)) {
    const res = await post(chatBody({ error: name }));
    assert.equal(res.status, expected.status, name);
    const { error } = (await res.json()) as Reply;
    assert.deepEqual(Object.keys(error), ["message", "type", "param", "code"]);
    assert.equal(error.code, expected.code);
    assert.equal(res.headers.get("retry-after"), "retryAfterSeconds" in expected ? "1" : null, name);
  }
  const dated = await post(
    chatBody({ error: 503, retry_after: "Sat, 21 Nov 2026 04:14:58 GMT", retry_after_ms: 1500 }),
  );
  assert.equal(dated.headers.get("retry-after"), "Sat, 21 Nov 2026 04:14:58 GMT");
  assert.equal(dated.headers.get("retry-after-ms"), "1500");
});

test("the official SDK meets each error as its own class", async () => {
  const client = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey, maxRetries: 0 });
  for (const [name, kind] of [
    ["401", OpenAI.AuthenticationError],
    ["429", OpenAI.RateLimitError],
    ["529", OpenAI.InternalServerError],
  ] as const) {
    await assert.rejects(client.chat.completions.create(chatBody({ error: name }) as never), kind);
  }
  const stream = await client.chat.completions.create(
    chatBody({ stream_error_after_tokens: 2 }, { stream: true }) as never,
  );
  await assert.rejects(Array.fromAsync(stream as never), APIError);
});

test("a directive may stand in the text, and the metadata of the request decides", async () => {
  const messages = [{ role: "user", content: "Go on, simulate.error=503." }];
  assert.equal((await post(chatBody({}, { messages }))).status, 503);
  assert.equal((await post(chatBody({ error: 429 }, { messages }))).status, 429);
  const embedding = { model: "simulated-embedding", input: "simulate.error=500" };
  assert.equal((await post(embedding, "/v1/embeddings")).status, 500);
  const completion = { model: "simulated-completion", prompt: "simulate.error=502" };
  assert.equal((await post(completion, "/v1/completions")).status, 502);
});

test("an unknown directive or an unfit value is refused by name", async () => {
  for (const [directives, name] of [
    [{ nonsense: 1 }, "nonsense"],
    [JSON.parse(`{"__proto__":1}`), "__proto__"],
    [{ tokens: "many" }, "tokens"],
    [{ tokens: 100_001 }, "tokens"],
    [{ error: 418 }, "error"],
    [{ content_type: "text/plain\r\nset-cookie: a=b" }, "content_type"],
  ] as const) {
    const res = await post(chatBody(directives as Directives));
    assert.equal(res.status, 400);
    assert.match(((await res.json()) as Reply).error.message, new RegExp(`simulate\\.${name}'`));
  }
});

test("a success may carry an error, a page, nothing, garbage or the wrong type", async () => {
  const texts: Record<string, RegExp> = { error: /^\{"error":\{/, html: /^<html>/, empty: /^$/, garbage: /\0$/ };
  for (const [body, expected] of Object.entries(texts)) {
    for (const stream of [false, true]) {
      const res = await post(chatBody({ body }, { stream }));
      assert.equal(res.status, 200);
      assert.match(await res.text(), expected);
    }
  }
  const page = await post(chatBody({ error: 502, body: "html" }));
  assert.deepEqual([page.status, page.headers.get("content-type")], [502, "text/html"]);
  assert.equal((await post(chatBody({ content_type: "text/plain" }))).headers.get("content-type"), "text/plain");
});

test("a stream is cut, ended or failed after exactly the tokens asked for", async () => {
  for (const tokens of [0, 1, 5]) {
    const cut = await readAll(await post(chatBody({ tokens: 10, cut_after_tokens: tokens }, { stream: true })));
    assert.deepEqual([countTokens(cut.text), cut.isBroken, cut.text.includes("[DONE]")], [tokens, true, false]);
    assert.deepEqual([simulator.callLog.at(-1)?.outcome, simulator.callLog.at(-1)?.completionTokens], ["cut", tokens]);

    const ended = await readAll(await post(chatBody({ tokens: 10, end_after_tokens: tokens }, { stream: true })));
    assert.deepEqual([countTokens(ended.text), ended.isBroken], [tokens, false]);
    assert.doesNotMatch(ended.text, /\[DONE\]|"finish_reason":"/);

    const failed = await streamText({ stream_error_after_tokens: tokens });
    assert.equal(countTokens(failed), tokens);
    assert.match(failed, /\n\ndata: \{"error":\{[^\n]*\n\n$/);
  }
  assert.match(
    await streamText({ stream_error_after_tokens: 1, stream_error_style: "event" }),
    /event: error\ndata: \{"error"/,
  );
  assert.match(
    await streamText({ stream_error_after_tokens: 1, stream_error_style: "openrouter" }),
    /"finish_reason":"error"/,
  );
});

test("a whole answer may be cut in the middle of its body", async () => {
  const { text, isBroken } = await readAll(await post(chatBody({ cut_after_tokens: 0 })));
  assert.ok(isBroken);
  assert.throws(() => JSON.parse(text));
  assert.deepEqual([simulator.callLog.at(-1)?.outcome, simulator.callLog.at(-1)?.completionTokens], ["cut", 0]);
});

test("an answer, its tokens and a silence take the time asked for", async () => {
  const delayed = post(chatBody({ delay_ms: 5_000 }));
  await until(isWaiting);
  clock.advance(5_000);
  assert.equal((await delayed).status, 200);

  const paced = post(chatBody({ tokens: 3, token_delay_ms: 100 }, { stream: true })).then((res) => res.text());
  for (let pause = 0; pause < 2; pause++) {
    await until(isWaiting);
    clock.advance(100);
  }
  assert.equal(countTokens(await paced), 3);
  assert.equal(clock.countTimers(), 0);

  for (const directives of [{ hang: "true" }, { stall_after_tokens: 0 }] as const) {
    const stuck = post(chatBody(directives)).then((res) => res.text());
    await until(isWaiting);
    clock.advance(600_000);
    await assert.rejects(stuck);
  }
});

test("a client that leaves a silent stream frees it, and the log says how far it came", async () => {
  const controller = new AbortController();
  const body = chatBody({ tokens: 10, stall_after_tokens: 4 }, { stream: true });
  const res = await post(body, undefined, { signal: controller.signal });
  await until(isWaiting);
  const calls = simulator.callLog.length;
  controller.abort();
  await until(() => simulator.callLog.length > calls);
  assert.equal(clock.countTimers(), 0);
  assert.deepEqual(simulator.callLog.at(-1), {
    path: "/v1/chat/completions",
    model: "simulated-chat",
    isStream: true,
    status: 200,
    outcome: "client_gone",
    promptTokens: 8,
    completionTokens: 4,
  });
  await assert.rejects(res.text());
});

test("usage is left out, zero, or repeated when asked, and has cached and reasoning tokens", async () => {
  const options = { stream_options: { include_usage: true } };
  assert.doesNotMatch(await streamText({ usage: "none" }, options), /prompt_tokens/);
  assert.match(await streamText({ usage: "zero" }, options), /"total_tokens":0/);
  assert.equal((await streamText({ usage: "every_chunk" }, options)).match(/"completion_tokens":10\b/g)?.length, 2);
  assert.equal("usage" in (await readReply(post(chatBody({ usage: "none" })))), false);

  const request = chatBody({ tokens: 10, cached_tokens: 5, reasoning_tokens: 6 }, { max_tokens: 8 });
  const { usage, choices } = await readReply(post(request));
  assert.deepEqual([usage.prompt_tokens, usage.completion_tokens], [8, 8]);
  assert.equal(usage.prompt_tokens_details.cached_tokens, 5);
  assert.equal(usage.completion_tokens_details.reasoning_tokens, 6);
  assert.equal(choices[0]?.finish_reason, "length");
});

test("events are written in every legal way, and a parser that keeps the rules reads the same", async () => {
  const content = (text: string) => [...text.matchAll(/"content":\s*"([^"]+)"/g)].map(([, word]) => word).join("");
  const plain = await streamText({});
  for (const sse of ["crlf", "bom", "comments", "multiline", "no_space", "no_last_blank_line"]) {
    const text = await streamText({ sse });
    assert.notEqual(text, plain);
    assert.equal(content(text), content(plain), sse);
  }
  const split = await readAll(await post(chatBody({ tokens: 10, split_bytes: 1 }, { stream: true })));
  assert.equal(content(split.text), content(plain));
  assert.equal((await streamText({ sse: "no_last_blank_line" })).endsWith("data: [DONE]"), true);
});

test("quirks of other vendors can be had", async () => {
  const azure = await streamText({ quirk: "azure" });
  assert.match(azure, /^data: [^\n]*"choices":\[\],[^\n]*"prompt_filter_results"/);
  assert.match(azure, /"choices":\[\{"index":0,"finish_reason":"stop"/);
  const tools = [{ type: "function", function: { name: "go", parameters: { required: ["where"] } } }];
  const whole = await streamText({ quirk: "whole_tool_calls" }, { tools, tool_choice: "required" });
  assert.match(whole, /"name":"go","arguments":"\{\\"where\\":\\"simulated where\\"\}"/);
  assert.doesNotMatch(
    await streamText({ quirk: "no_tool_index" }, { tools, tool_choice: "required" }),
    /\{"index":0,"(id|fun)/,
  );
  const filtered = await readReply(post(chatBody({ finish_reason: "content_filter" })));
  assert.equal(filtered.choices[0]?.finish_reason, "content_filter");
  assert.doesNotMatch(await streamText({ finish_reason: "null" }), /"finish_reason":"/);
});

test("an answer may be huge, and may pass the client's limit", async () => {
  const padded = await (await post(chatBody({ pad_bytes: 5_000_000 }))).text();
  assert.ok(padded.length > 5_000_000);
  const line = (await streamText({ pad_bytes: 1_000_000 })).split("\n")[0] ?? "";
  assert.ok(line.length > 1_000_000);
  const long = await readReply(post(chatBody({ tokens: 100_000 }, { model: "simulated-large" })));
  assert.equal(long.usage.completion_tokens, 100_000);
  const over = await readReply(post(chatBody({ tokens: 50, ignore_limits: "true" }, { max_tokens: 10 })));
  assert.equal(over.usage.completion_tokens, 50);
  assert.equal((await post(chatBody({ tokens: 60_000 }, { n: 2 }))).status, 400);
});

test("with times, a fault strikes only the first attempts of the same request", async () => {
  const body = chatBody({ error: 503, times: 2, tokens: 5 });
  const statuses: number[] = [];
  for (let attempt = 0; attempt < 4; attempt++) statuses.push((await post(body)).status);
  assert.deepEqual(statuses, [503, 503, 200, 200]);
});

test("an installation may misbehave by default", async () => {
  const directives = { "simulate.error": "529" };
  const other = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey, directives });
  const res = await postTo(`${other.url}/v1/chat/completions`, chatBody());
  assert.equal(res.status, 529);
  await other.stop();
  await other.stop();
});

test("what is not a request of this vendor is refused in its shape", async () => {
  const json = { "content-type": "application/json" };
  const bearer = { authorization: `Bearer ${apiKey}` };
  const cases: [status: number, path: string, init: RequestInit][] = [
    [401, "/v1/models", {}],
    [401, "/v1/models", { headers: { authorization: "Bearer sk-wrong" } }],
    [404, "/v1/nothing", { headers: bearer }],
    [405, "/v1/chat/completions", { headers: bearer }],
    [415, "/v1/chat/completions", { method: "POST", headers: bearer, body: "{}" }],
    [
      415,
      "/v1/chat/completions",
      { method: "POST", headers: { ...bearer, ...json, "content-encoding": "gzip" }, body: "" },
    ],
    [400, "/v1/chat/completions", { method: "POST", headers: { ...bearer, ...json }, body: "{" }],
    [400, "/v1/chat/completions", { method: "POST", headers: { ...bearer, ...json }, body: "[]" }],
    [400, "/v1/chat/completions", { method: "POST", headers: { ...bearer, ...json }, body: "{}" }],
    [404, "/v1/embeddings", { method: "POST", headers: { ...bearer, ...json }, body: '{"model":"simulated-chat"}' }],
    [
      413,
      "/v1/chat/completions",
      { method: "POST", headers: { ...bearer, ...json }, body: " ".repeat(33 * 1024 * 1024) },
    ],
  ];
  for (const [status, path, init] of cases) {
    const res = await fetch(simulator.url + path, init);
    assert.equal(res.status, status, `${path} ${status}`);
    const text = await res.text();
    assert.equal(typeof JSON.parse(text).error.message, "string");
    assert.ok(!text.includes("sk-"), text);
  }
});

test("a bottomless body is refused, and the server lives on", async () => {
  const body = JSON.stringify(chatBody()).replace('"Hello"', `"x","y":${"[".repeat(200_000)}${"]".repeat(200_000)}`);
  assert.ok((await post({}, undefined, { body })).status < 500);
  assert.equal((await post(chatBody())).status, 200);
});

test("stopping cuts what is under way", async () => {
  const other = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
  const stuck = postTo(`${other.url}/v1/chat/completions`, chatBody({ hang: "true" }));
  await until(isWaiting);
  await Promise.all([assert.rejects(stuck), other.stop()]);
  assert.equal(other.callLog[0]?.outcome, "cut");
  assert.equal(clock.countTimers(), 0);
});

test("the README explains every directive", async () => {
  const readme = await readFile(new URL("./README.md", import.meta.url), "utf8");
  for (const name of directiveNames) assert.match(readme, new RegExp(`\`${name}\``), name);
});
