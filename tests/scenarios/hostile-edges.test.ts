import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import type { connect } from "node:net";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { WebSocket } from "ws";
import { assertMoneyAddsUp, listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { requestJson, runPlatform } from "../run-platform.ts";
import { namers } from "./hostile/address-namers.ts";
import { frame } from "./hostile/client-frame.ts";
import { harms, startHostileVendor } from "./hostile/hostile-vendor.ts";
import { listInnerUrls } from "./hostile/inner-urls.ts";
import { startMetricsReceiver } from "./hostile/metrics-receiver.ts";
import { openSink } from "./hostile/open-sink.ts";
import { riseOf } from "./hostile/peak-memory.ts";

const limits = { timeout: 180_000 };
const isFull = process.env["SCENARIO_FULL"] === "1";
const mebibyte = 1_048_576;
const scope = closeInReverse({ after });

const sink = await openSink(scope);
const secret = "sk-of-the-vendor";
const vendor = await startHostileVendor(scope, `http://127.0.0.1:${sink.port}/v1/chat/completions`);
const receiver = await startMetricsReceiver(scope);
const platform = await runPlatform(scope, {
  config: {
    log: { level: "error" },
    providers: [
      {
        ...{ name: "vendor", baseUrl: vendor.baseUrl, apiKey: secret },
        models: [{ name: "hostile", inputUsdPerMillion: "1", outputUsdPerMillion: "1", maxOutputTokens: 1_000 }],
      },
    ],
    rateLimits: { perAddress: { limit: 10_000_000, windowMs: 1_000 } },
    aiGateway: { maxResponseBytes: 8 * mebibyte, realtime: { pingMs: 300 }, responseConnections: { pingMs: 300 } },
    resilience: { policies: { "provider.vendor": { timeoutMs: 600 } } },
    metrics: { otlpUrl: receiver.url, otlpEveryMs: 1_000 },
  },
});
const { url, apiKey } = platform;

function chat(content: string, fields: object = {}, model = "hostile") {
  return { model, messages: [{ role: "user", content }], ...fields };
}

function ask(body: unknown, init: { readonly headers?: Record<string, string>; readonly query?: string } = {}) {
  return requestJson(`${url}/v1/chat/completions${init.query ?? ""}`, apiKey, { body, headers: init.headers ?? {} });
}

// ---- S1: addresses ------------------------------------------------------------------------------------------------

const inner = listInnerUrls(sink.port);

/** Has what was named called. */
async function use(path: string): Promise<void> {
  if (path.endsWith("/providers")) await requestJson(`${url}${path}/s1:test`, apiKey, { method: "POST" });
  if (path.endsWith("/mcp-servers")) await requestJson(`${url}${path}/s1/tools`, apiKey);
  if (path.endsWith("/agents")) await requestJson(`${url}/v1/a2a/s1/.well-known/agent-card.json`, apiKey);
  if (path.includes("/exports/") || path.includes("/webhooks/"))
    await requestJson(`${url}${path}:test`, apiKey, { method: "POST" });
  if (!path.includes("/guardrails/")) return;
  assert.equal((await ask(chat("hi", {}, "simulated-chat"))).status, 503);
  await requestJson(url + path, apiKey, { method: "DELETE" });
}

test(
  "S1: more than 300 ways to write an inner address, wherever an address can be named: nobody connects to it",
  limits,
  async (t) => {
    assert.ok(inner.length >= 300, String(inner.length));
    const guard = createAddressGuard();
    // What a public address is taken for is the address: nothing else of these requests is wrong. Metadata are read at once, and are not there.
    for (const [at, [method, path, body]] of namers.entries()) {
      const { status, body: answer } = await requestJson(url + path, apiKey, {
        ...{ method, body: body("https://api.example.com/x", 0) },
      });
      const isTaken = status < 300 || JSON.stringify(answer).includes("cannot be read");
      assert.ok(isTaken, `${at}: ${method} ${path}: ${status} ${JSON.stringify(answer)}`);
      if (path.includes("/guardrails/")) await requestJson(url + path, apiKey, { method: "DELETE" });
    }
    let accepted = 0;
    let sent = 0;
    for (const address of inner) {
      for (const [method, path, body] of namers) {
        sent++;
        const { status, body: answer } = await requestJson(url + path, apiKey, { method, body: body(address, sent) });
        assert.ok(status < 500, `${method} ${path} ${address}: ${status} ${JSON.stringify(answer)}`);
        if (status >= 300 || path.includes("chat")) continue;
        // It looks like somebody else's name: what it resolves to is found out when it is called.
        accepted++;
        assert.equal(guard.refuse(new URL(address)), undefined, `${method} ${path} takes ${address}`);
        await use(path);
      }
    }
    assert.equal(sink.connections, 0);
    t.diagnostic(`${sent} requests of ${inner.length} addresses, ${accepted} names were taken and called`);
  },
);

// ---- S3: a caller who names where it goes ---------------------------------------------------------------------------

test(
  "S3: whatever a caller says of addresses, keys and headers, the provider's secret goes to its provider alone",
  limits,
  async () => {
    const there = `http://127.0.0.1:${sink.port}/v1`;
    const names = [
      ...[
        "api_base",
        "base_url",
        "api_url",
        "endpoint",
        "azure_endpoint",
        "api_version",
        "proxy",
        "http_proxy",
        "host",
        "url",
      ],
      ...[
        "custom_llm_provider",
        "aws_bedrock_runtime_endpoint",
        "vertex_location",
        "fallbacks",
        "router_settings_override",
      ],
    ];
    const before = vendor.heard.length;
    const bodies = [
      ...names.map((name) => ({ [name]: there })),
      { api_key: "sk-mine", headers: { authorization: "Bearer sk-mine" }, extra_headers: { host: "evil.example" } },
      { extra_body: { api_base: there }, litellm_params: { api_base: there }, model_list: [{ api_base: there }] },
      { model: `hostile@${there}` },
      { model: there },
    ];
    const headers = [
      ...[
        "x-api-base",
        "api-base",
        "x-base-url",
        "x-portkey-custom-host",
        "helicone-openai-api-base",
        "x-upstream-url",
      ],
      ...["x-forwarded-host", "x-original-url", "forwarded", "via", "proxy", "x-target-url", "openai-organization"],
      ...["openai-project", "cookie", "x-goog-api-key", "api-key", "proxy-authorization", "referer", "x-real-ip"],
    ];
    for (const fields of bodies) await ask(chat("hi", fields));
    for (const name of headers) await ask(chat("hi"), { headers: { [name]: there } });
    for (const name of names) await ask(chat("hi"), { query: `?${name}=${encodeURIComponent(there)}` });
    assert.ok((await ask(chat("redirect"))).status >= 500);
    assert.equal(sink.connections, 0);
    const heard = vendor.heard.slice(before);
    assert.ok(heard.length > bodies.length + headers.length, String(heard.length));
    const allowed = new Set([
      "accept",
      "authorization",
      "connection",
      "content-length",
      "content-type",
      "host",
      "user-agent",
    ]);
    for (const { url: path, headers: got } of heard) {
      assert.deepEqual([path, got.authorization], ["/v1/chat/completions", `Bearer ${secret}`]);
      assert.deepEqual(
        Object.keys(got).filter((name) => !allowed.has(name)),
        [],
      );
      assert.equal(got.host, new URL(vendor.baseUrl).host);
    }
  },
);

// ---- S12: bombs of callers -----------------------------------------------------------------------------------------

/** Sends bytes as they are; the status, or `closed`. */
function send(body: Buffer, headers: Record<string, string> = {}): Promise<number | "closed"> {
  return new Promise((resolve) => {
    const all = { authorization: `Bearer ${apiKey}`, "content-type": "application/json", ...headers };
    const req = request(`${url}/v1/chat/completions`, { method: "POST", headers: all, agent: false }, (res) => {
      res.resume().on("end", () => resolve(res.statusCode ?? 0));
    });
    req.on("error", () => resolve("closed"));
    req.end(body);
  });
}

test(
  "S12: ten gigabytes in ten megabytes, fifty codings, ten thousand levels and a million names are refused, for little memory",
  limits,
  async (t) => {
    const member = gzipSync(Buffer.alloc(10_000_000));
    const tower = (depth: number) =>
      `{"model":"simulated-chat","messages":[],"x":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    const keys = Array.from({ length: 1_000_000 }, (_, n) => `"k${n}":0`).join(",");
    const bombs: Readonly<Record<string, () => Promise<number | "closed">>> = {
      gzip: () => send(Buffer.concat(Array(1_000).fill(member)), { "content-encoding": "gzip" }),
      codings: () => send(member, { "content-encoding": Array(50).fill("gzip").join(", ") }),
      levels: () => send(Buffer.from(tower(10_000))),
      names: () => send(Buffer.from(`{"model":"simulated-chat","messages":[],${keys}}`)),
      "names within": () =>
        send(Buffer.from(`{"model":"simulated-chat","messages":[{"role":"user","content":"x","y":{${keys}}}]}`)),
    };
    const answers: Record<string, number | "closed"> = {};
    const all = async () => {
      for (const [name, bomb] of Object.entries(bombs)) answers[name] = await bomb();
    };
    await all();
    const rise = await riseOf(platform.pid, all);
    for (const [name, status] of Object.entries(answers))
      assert.ok(status === "closed" || (status >= 400 && status < 500), `${name}: ${status}`);
    t.diagnostic(`${Math.round(rise / mebibyte)} MiB; ${JSON.stringify(answers)}`);
    assert.ok(rise <= 64 * mebibyte, `${Math.round(rise / mebibyte)} MiB`);
    assert.equal((await ask(chat("hi"))).status, 200);
  },
);

// ---- S13: bombs of providers ---------------------------------------------------------------------------------------

test(
  "S13: a provider's endless line, body and field, a million fields, a bomb and a drip are cut, told as errors and cost no more than was set aside",
  limits,
  async (t) => {
    await waitForNoCall(platform);
    const before = (await listUsage(platform)).length;
    const faults: string[] = [];
    const all = async () => {
      for (const harm of harms) {
        for (const stream of [false, true]) {
          const answer = await fetch(`${url}/v1/chat/completions`, {
            method: "POST",
            headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
            body: JSON.stringify(chat(harm, { stream, max_tokens: 100 })),
          });
          const text = await answer.text();
          const isTold = answer.status >= 500 || text.includes('"error"');
          if (!isTold || text.includes("[DONE]"))
            faults.push(`${harm}, ${stream}: ${answer.status} ${text.slice(-200)}`);
        }
      }
    };
    await all();
    const rise = await riseOf(platform.pid, all);
    assert.deepEqual(faults, []);
    await waitForNoHold(platform);
    const rows = (await listUsage(platform)).slice(0, -before || undefined);
    for (const { status, cost_nanos } of rows) {
      assert.ok(["failed", "truncated"].includes(status), status);
      // A word was delivered of a drip; the input is at most some tokens.
      assert.ok(Number(cost_nanos) <= 200 * 1_000, cost_nanos);
    }
    t.diagnostic(`${Math.round(rise / mebibyte)} MiB`);
    assert.ok(rise <= 32 * mebibyte, `${Math.round(rise / mebibyte)} MiB`);
  },
);

// ---- S14: WebSockets -----------------------------------------------------------------------------------------------

const sockets = ["/v1/realtime?model=simulated-realtime", "/v1/responses"];

function openSocket(
  path: string,
  options: { readonly key?: string; readonly origin?: string; readonly autoPong?: boolean } = {},
) {
  const { key = apiKey, origin, autoPong = true } = options;
  const socket = new WebSocket(url.replace("http", "ws") + path, {
    headers: { authorization: `Bearer ${key}`, ...(origin !== undefined && { origin }) },
    autoPong,
  });
  return socket.on("error", () => {});
}

/** The code with which it closes after `deed`. */
async function closedAfter(socket: WebSocket, deed: (socket: WebSocket) => void): Promise<number> {
  await once(socket, "open");
  const closed = once(socket, "close");
  deed(socket);
  return (await closed)[0];
}

/** Bytes as they are, past what the library would let out. */
function sendRaw(socket: WebSocket, bytes: Buffer): void {
  (socket as unknown as { readonly _socket: ReturnType<typeof connect> })._socket.write(bytes);
}

test(
  "S14: tiny fragments, a hundred mebibytes, compression that was not agreed on, silence and foreign pages close a socket",
  limits,
  async (t) => {
    const one = Buffer.from("x");
    const fragments = Buffer.concat([frame(0x01, one), ...Array(40_000).fill(frame(0x00, one))]);
    const large = Buffer.concat([Buffer.from([0x82, 0x80 | 127, 0, 0, 0, 0, 6, 0x40, 0, 0]), Buffer.alloc(4)]);
    const all = async () => {
      for (const path of sockets) {
        assert.equal(
          await closedAfter(openSocket(path), (socket) => sendRaw(socket, fragments)),
          1_008,
          `${path}, fragments`,
        );
        assert.equal(await closedAfter(openSocket(path), (socket) => sendRaw(socket, large)), 1_009, `${path}, large`);
        assert.equal(await closedAfter(openSocket(path), (socket) => sendRaw(socket, frame(0xc1, one))), 1_002, path);
        assert.equal(await closedAfter(openSocket(path, { autoPong: false }), () => {}), 1_006, `${path}, no pong`);
      }
    };
    await all();
    t.diagnostic(`${Math.round((await riseOf(platform.pid, all)) / mebibyte)} MiB`);

    const body = { name: "page", allowed_origins: ["https://app.example.com"] };
    const { body: key } = await requestJson(`${url}/v1/keys`, apiKey, { body });
    for (const path of sockets) {
      const foreign = openSocket(path, { key: String(key["secret"]), origin: "https://evil.example.com" });
      const [, refused] = await once(foreign, "unexpected-response");
      assert.equal(refused.statusCode, 403, path);
      const own = openSocket(path, { key: String(key["secret"]), origin: "https://app.example.com" });
      await once(own, "open");
      own.terminate();
    }
  },
);

test("S14: sockets on which nothing is said cost at most 64 KiB each", limits, async (t) => {
  const count = isFull ? 10_000 : 300;
  const openAll = async () => {
    const opened = Array.from({ length: count }, () => openSocket("/v1/responses"));
    await Promise.all(opened.map((socket) => once(socket, "open")));
    return opened;
  };
  const endAll = async (opened: readonly WebSocket[]) => {
    for (const socket of opened) socket.close();
    await Promise.all(opened.map((socket) => once(socket, "close")));
  };
  await endAll(await openAll());
  let opened: readonly WebSocket[] = [];
  const rise = await riseOf(platform.pid, async () => {
    opened = await openAll();
  });
  await endAll(opened);
  t.diagnostic(`${Math.round(rise / count)} bytes a socket`);
  assert.ok(rise <= count * 65_536, `${Math.round(rise / count)} bytes a socket`);
});

// ---- T1: what is measured is what is charged ------------------------------------------------------------------------

test(
  "T1: the counters that go out by OTLP say for each model what the ledger says, to the token",
  limits,
  async (t) => {
    const count = 10_000;
    const wishes = [
      chat("hi", {}, "simulated-chat"),
      chat("simulate.tokens=9", { stream: true }, "simulated-small"),
      chat("simulate.cached_tokens=3 simulate.reasoning_tokens=5", {}, "simulated-chat"),
      chat("simulate.cut_after_tokens=4 simulate.tokens=9", { stream: true }, "simulated-small"),
      chat("simulate.error=500", {}, "simulated-chat"),
      chat("hi"),
    ];
    const calls = Array.from({ length: count }, (_, n) => wishes[n % wishes.length]);
    for (let at = 0; at < count; at += 20) {
      await Promise.all(
        calls.slice(at, at + 20).map((body) =>
          fetch(`${url}/v1/chat/completions`, {
            method: "POST",
            headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
            body: JSON.stringify(body),
          }).then((answer) => answer.text()),
        ),
      );
    }
    await waitForNoCall(platform);
    const ledger: Record<string, { input: number; output: number; calls: number }> = {};
    for (const { model, input_tokens, output_tokens } of await listUsage(platform)) {
      ledger[model] ??= { input: 0, output: 0, calls: 0 };
      const sum = ledger[model];
      sum.input += input_tokens;
      sum.output += output_tokens;
      sum.calls++;
    }
    const isWhole = () => receiver.sumOf("calls") === Object.values(ledger).reduce((sum, { calls: n }) => sum + n, 0);
    await receiver.until(isWhole);
    assert.deepEqual(receiver.byModel(), ledger);
    t.diagnostic(JSON.stringify(ledger));
  },
);

test("after all of that, the money adds up", limits, async () => {
  await waitForNoHold(platform);
  await assertMoneyAddsUp(platform);
});
