import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { assertMoneyAddsUp, listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { type RunningPlatform, runPlatform } from "../run-platform.ts";

// Two platforms that differ in nothing but the lane: whoever calls must not be able to tell them apart.

const scope = { after };
const [fast, ordinary] = await Promise.all(
  [true, false].map((lane) => runPlatform(scope, { config: { http: { port: 0, lane } } })),
);
assert.ok(fast && ordinary);
const both: readonly RunningPlatform[] = [fast, ordinary];

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
  /** False where the connection broke before the end. */
  readonly isWhole: boolean;
}

const changing = [
  "date",
  "x-request-id",
  "lyss-call-id",
  "keep-alive",
  "connection",
  "content-length",
  "transfer-encoding",
  // They tell the time to the next second.
  "ratelimit",
  "x-ratelimit-reset",
];

async function call(
  { url, apiKey }: RunningPlatform,
  body: object,
  headers: Record<string, string> = {},
  prefix = "/v1",
): Promise<Answer> {
  const res = await fetch(`${url}${prefix}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${apiKey}`, ...headers },
    body: JSON.stringify(body),
  });
  const told = Object.fromEntries([...res.headers].filter(([name]) => !changing.includes(name)));
  let text = "";
  let isWhole = true;
  const decoder = new TextDecoder();
  try {
    for await (const chunk of res.body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch {
    isWhole = false;
  }
  return { status: res.status, headers: told, body: withoutIds(text), isWhole };
}

function withoutIds(text: string): string {
  return text
    .replace(/"(id|trace_id|request_id)":\s*"[^"]*"/g, '"$1":"…"')
    .replace(/"created":\s*\d+/g, '"created":0')
    .replace(/req_[0-9a-z]+|call_[0-9a-z]{26}/g, "…");
}

async function readCounter({ url }: RunningPlatform, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
}

const messages = [{ role: "user", content: "Tell me of the lane, 请用中文。" }];
const usual = { model: "simulated-chat", messages };
const simulate = (directives: Record<string, string>) => ({
  ...usual,
  metadata: Object.fromEntries(Object.entries(directives).map(([name, value]) => [`simulate.${name}`, value])),
});

/** By what is asked for; each is called whole and as a stream. */
const cases: Readonly<Record<string, object>> = {
  usual,
  "a limit": { ...usual, max_tokens: 5 },
  "two answers": { ...usual, n: 2, max_tokens: 7 },
  "a tool": { ...usual, tools: [{ type: "function", function: { name: "get_weather" } }], tool_choice: "required" },
  cached: simulate({ cached_tokens: "3", tokens: "4" }),
  reasoning: simulate({ reasoning_tokens: "5", tokens: "4" }),
  "long answer": simulate({ tokens: "3000" }),
  "no usage": simulate({ usage: "none", tokens: "9" }),
  "no usage and long": simulate({ usage: "none", tokens: "2000" }),
  "usage in every chunk": simulate({ usage: "every_chunk", tokens: "9" }),
  "usage of zero": simulate({ usage: "zero", tokens: "9" }),
  "in pieces": simulate({ split_bytes: "7", tokens: "30" }),
  "a large field": simulate({ pad_bytes: "200000", tokens: "3" }),
  "no reason of the end": simulate({ finish_reason: "null", tokens: "3" }),
  ...Object.fromEntries(
    ["400", "401", "403", "404", "429", "429_quota", "500", "503", "529", "context_length"].map((error) => [
      `error ${error}`,
      simulate({ error, retry_after: "3" }),
    ]),
  ),
  ...Object.fromEntries(["error", "html", "empty", "garbage"].map((body) => [`body ${body}`, simulate({ body })])),
  ...Object.fromEntries(
    ["crlf", "bom", "comments", "multiline", "no_space", "no_last_blank_line"].map((sse) => [
      `events with ${sse}`,
      simulate({ sse, tokens: "6" }),
    ]),
  ),
  ...Object.fromEntries(
    ["azure", "whole_tool_calls", "no_tool_index"].map((quirk) => [`quirk ${quirk}`, simulate({ quirk, tokens: "6" })]),
  ),
  "cut off": simulate({ cut_after_tokens: "4", tokens: "9" }),
  "ended early": simulate({ end_after_tokens: "4", tokens: "9" }),
  ...Object.fromEntries(
    ["openai", "event", "openrouter"].map((stream_error_style) => [
      `stream error ${stream_error_style}`,
      simulate({ stream_error_after_tokens: "4", stream_error_style, tokens: "9" }),
    ]),
  ),
  "another content type": simulate({ content_type: "text/plain", tokens: "3" }),
  "an unknown model": { ...usual, model: "none" },
  "no messages": { ...usual, messages: [] },
};

for (const [name, body] of Object.entries(cases)) {
  for (const more of [{}, { stream: true }, { stream: true, stream_options: { include_usage: true } }]) {
    test(`S7: with and without the lane a call is answered alike: ${name} ${JSON.stringify(more)}`, async () => {
      const [one, other] = await Promise.all(both.map((platform) => call(platform, { ...body, ...more })));
      assert.deepEqual(one, other);
    });
  }
}

test("headers that the platform reads mean the same in the lane", async () => {
  for (const headers of [
    { "accept-language": "zh-CN" },
    { "lyss-tags": "team=search" },
    { "lyss-tags": "no tag" },
    { "lyss-keep-alive": "off" },
    { "lyss-keep-alive": "no" },
    { "x-lyss-priority": "batch" },
    { "x-lyss-priority": "none" },
    { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
    { authorization: "Bearer lyss_wrong" },
  ] as const) {
    for (const body of [usual, simulate({ error: "429" })]) {
      const [one, other] = await Promise.all(both.map((platform) => call(platform, body, headers)));
      assert.deepEqual(one, other, JSON.stringify(headers));
    }
  }
});

test("a call below `/openai/v1` is one below `/v1`, with the lane and without it", async () => {
  const before = await readCounter(fast, "edge_lane_requests_total");
  for (const body of [usual, { ...usual, stream: true }, { ...usual, model: "none" }]) {
    const [one, ...others] = await Promise.all(
      ["/v1", "/openai/v1"].flatMap((prefix) => both.map((platform) => call(platform, body, {}, prefix))),
    );
    for (const other of others) assert.deepEqual(other, one);
  }
  assert.ok((await readCounter(fast, "edge_lane_requests_total")) > before, "the lane reads it");
});

/** The access token of the first person. */
async function signIn({ url, dataDir }: RunningPlatform): Promise<string> {
  const { adminEmail: email, adminPassword: password } = JSON.parse(
    readFileSync(join(dataDir, "first-run.json"), "utf8"),
  );
  const res = await fetch(`${url}/api/v1/users/login`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  return ((await res.json()) as { access_token: string }).access_token;
}

test("S7: whoever asks who they are is told the same with the lane and without it", async () => {
  const ids = /"(trace_id|request_id|tenant_id|user_id|key_id|session_id)":"[^"]*"/g;
  const tokens = new Map(await Promise.all(both.map(async (platform) => [platform, await signIn(platform)] as const)));
  const ask = async (platform: RunningPlatform, method: string, query: string, as: string) => {
    const { url, apiKey } = platform;
    const token = tokens.get(platform);
    const credential = { key: apiKey, token, junk: "lyss_wrong", broken: `${token}x` }[as];
    const res = await fetch(`${url}/api/v1/auth/validate${query}`, {
      method,
      headers: { "accept-language": "zh-CN", ...(credential && { authorization: `Bearer ${credential}` }) },
    });
    const told = Object.fromEntries([...res.headers].filter(([name]) => !changing.includes(name)));
    return { status: res.status, told, body: (await res.text()).replace(ids, '"$1":"…"') };
  };
  const statuses: number[] = [];
  for (const [method, query, as] of [
    ["GET", "", "key"],
    ["GET", "", "token"],
    ["GET", "", "junk"],
    ["GET", "", "broken"],
    ["GET", "", "none"],
    ["GET", "?a=b", "token"],
    ["HEAD", "", "token"],
    ["POST", "", "token"],
    ["GET", "", "token"],
  ] as const) {
    const [one, other] = await Promise.all(both.map((platform) => ask(platform, method, query, as)));
    assert.deepEqual(one, other, [method, query, as].join(" "));
    statuses.push(one?.status ?? 0);
  }
  assert.deepEqual(statuses, [200, 200, 401, 401, 401, 200, 200, 405, 200]);
});

test("S7: all of them are charged alike, and the money adds up", async () => {
  const [one, other] = await Promise.all(
    both.map(async (platform: RunningPlatform): Promise<string[]> => {
      await waitForNoCall(platform);
      await waitForNoHold(platform);
      await assertMoneyAddsUp(platform);
      // What the price was and who pays has the same names on both; when it was, and which call, does not.
      // How long it took is its own; that it is told is not.
      return (await listUsage(platform)).map((row) => {
        const { status, input_tokens, output_tokens, cost_nanos, uncollected_nanos, streamed, error } = row;
        const hasFirstToken = row.first_token_ms !== null;
        if (hasFirstToken) assert.ok(streamed && (row.first_token_ms ?? 0) <= Math.max(1, row.latency_ms));
        if (status === "completed") assert.equal(hasFirstToken, streamed);
        assert.equal(error !== null, status === "failed" || status === "truncated");
        return [
          status,
          input_tokens,
          output_tokens,
          cost_nanos,
          uncollected_nanos,
          streamed,
          hasFirstToken,
          error,
        ].join(" ");
      });
    }),
  );
  assert.deepEqual(one, other);
  const errors = new Set(one?.map((row) => row.split(" ").at(-1)));
  for (const error of ["rate_limited", "overloaded", "rejected", "unauthorized", "provider_failed", "broken_off"]) {
    assert.ok(errors.has(error), error);
  }
});

test("the lane has served them", async () => {
  assert.ok((await readCounter(fast, "edge_lane_requests_total")) > 100);
  assert.ok(Number.isNaN(await readCounter(ordinary, "edge_lane_requests_total")));
});
