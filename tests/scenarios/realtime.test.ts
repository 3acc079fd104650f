import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import OpenAI from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { WebSocket } from "ws";
import { assertMoneyAddsUp, balanceOf, waitForUsage } from "../read-money.ts";
import { requestJson, runPlatform } from "../run-platform.ts";
import { copySeedData } from "../seed-data.ts";
import { startTlsFront } from "../tls-front.ts";
import { startRealtimeVendor } from "./realtime-vendor.ts";

const vendor = await startRealtimeVendor({ after });
const dataDir = mkdtempSync(join(tmpdir(), "lyss-realtime-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));
await copySeedData(dataDir);
const voice = { name: "voice", upstreamName: "vendor-voice", maxOutputTokens: 4_096 };
/** A response of 2,000 tokens takes the whole of 10 USD. */
const dear = { name: "dear", inputUsdPerMillion: "0", outputUsdPerMillion: "5000", maxOutputTokens: 2_000 };
const providers = [{ name: "vendor", baseUrl: vendor.baseUrl, apiKey: "sk-of-the-vendor", models: [voice, dear] }];
const aiGateway = { realtime: { maxSessionsPerKey: 3 } };
const config = { providers, aiGateway, billing: { reserveWaitMs: 500 } };
const start = () => runPlatform({ after }, { dataDir, config });
let platform = await start();
const { apiKey } = platform;
/** gpt-realtime: nanos per million tokens. */
const rates = {
  ...{ input: "4000000000", cache_read: "400000000", output: "16000000000" },
  ...{ audio_input: "32000000000", audio_output: "64000000000" },
};
const put = await fetch(`${platform.url}/admin/billing/prices`, {
  method: "PUT",
  headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
  body: JSON.stringify({ prices: [{ provider: "vendor", model: "voice", terms: { rates } }] }),
});
assert.equal(put.status, 200, await put.text());

/** Calls that are recorded by now. */
let recorded = 0;

/** Resolves with the rows when so many calls more are charged. */
function charged(more: number) {
  recorded += more;
  return waitForUsage(platform, recorded);
}

/** What the wallet holds, set aside or not. */
async function worth(): Promise<bigint> {
  const { available, held } = await balanceOf(platform);
  return available + held;
}

type Event = Record<string, unknown> & { readonly type: string };

/** A client that keeps what it hears. */
function open(model: string, options: { protocols?: readonly string[]; key?: string } = {}) {
  const query = model === "" ? "" : `?model=${model}`;
  const url = `${platform.url.replace("http", "ws")}/v1/realtime${query}`;
  const headers = { authorization: `Bearer ${options.key ?? apiKey}` };
  const socket = new WebSocket(url, [...(options.protocols ?? [])], { headers });
  const heard: Event[] = [];
  const opened = new Promise((resolve) => socket.once("open", resolve));
  socket.on("message", (data) => void heard.push(JSON.parse(String(data))));
  const closed = once(socket, "close").then(([code]) => code as number);
  socket.on("error", () => undefined);
  return {
    ...{ socket, heard, closed, say: (event: object) => void opened.then(() => socket.send(JSON.stringify(event))) },
    async until(type: string): Promise<Event> {
      for (;;) {
        const found = heard.find((event) => event.type === type);
        if (found) return found;
        await Promise.race([
          once(socket, "message"),
          closed.then(() => Promise.reject(new Error(`closed before ${type}`))),
        ]);
      }
    },
  };
}

async function statusOf(model: string, options = {}) {
  const { socket } = open(model, options);
  const [, answer] = await once(socket, "unexpected-response");
  let body = "";
  for await (const chunk of answer) body += String(chunk);
  return { status: answer.statusCode, error: JSON.parse(body).error };
}

const golden = {
  ...{ total_tokens: 253, input_tokens: 132, output_tokens: 121 },
  input_token_details: {
    ...{ text_tokens: 119, audio_tokens: 13, cached_tokens: 64 },
    cached_tokens_details: { text_tokens: 64, audio_tokens: 0 },
  },
  output_token_details: { text_tokens: 30, audio_tokens: 91 },
};
const goldenNanos = 55n * 4_000n + 64n * 400n + 13n * 32_000n + 30n * 16_000n + 91n * 64_000n;
const created = (id: string) => ({
  type: "response.created",
  response: { id, conversation_id: "c", status: "in_progress" },
});
const done = (id: string, usage: object | null, status = "completed") => ({
  ...{ type: "response.done", response: { id, conversation_id: "c", status, usage } },
});

test("W50: the official SDK speaks to the simulated model, by text and by voice, and each response is charged once", async () => {
  // The SDK speaks through TLS alone.
  const client = new OpenAI({ apiKey, baseURL: `${await startTlsFront({ after }, platform.url)}/v1` });
  const rt = new OpenAIRealtimeWS({ model: "simulated-realtime", options: { rejectUnauthorized: false } }, client);
  const failed = new Promise((_, reject) => rt.on("error", reject));
  const heard = <T extends Parameters<typeof rt.once>[0]>(type: T) => Promise.race([rt.emitted(type), failed]);
  await heard("session.created");
  rt.send({ type: "session.update", session: { type: "realtime", output_modalities: ["text"] } });
  await heard("session.updated");
  const content = [{ type: "input_text" as const, text: "Hello there" }];
  let text = "";
  rt.on("response.output_text.delta", ({ delta }) => {
    text += delta;
  });
  rt.send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
  rt.send({ type: "response.create" });
  await heard("response.done");
  assert.match(text, /^This is a simulated answer of simulated-realtime/);

  // A second of sound, then silence: the model hears the end and answers by itself, what was said is written down.
  const input = {
    turn_detection: { type: "server_vad" as const },
    transcription: { model: "simulated-transcription" },
  };
  rt.send({ type: "session.update", session: { type: "realtime", output_modalities: ["audio"], audio: { input } } });
  await heard("session.updated");
  const spoken = heard("response.done");
  const transcribed = heard("conversation.item.input_audio_transcription.completed");
  let sound = 0;
  rt.on("response.output_audio.delta", ({ delta }) => {
    sound += Buffer.byteLength(delta, "base64");
  });
  rt.send({ type: "input_audio_buffer.append", audio: Buffer.alloc(48_000, 1).toString("base64") });
  rt.send({ type: "input_audio_buffer.append", audio: Buffer.alloc(4_800).toString("base64") });
  await Promise.all([spoken, transcribed]);
  assert.equal(sound, 40 * 4_800);
  rt.close();
  await once(rt.socket, "close");

  const usage = await charged(3);
  const costs = usage.map(({ model, status, cost_nanos }) => `${model} ${status} ${cost_nanos}`).sort();
  // 2 tokens in and 40 out; then these and 11 of sound in, 40 out, spoken for 4 s; and 2 s that have begun.
  const [first, second] = [2n * 600n + 40n * 2_400n, 42n * 600n + 11n * 10_000n + 40n * 2_400n + 80n * 20_000n];
  const expected = [first, second].map((nanos) => `simulated-realtime completed ${nanos}`);
  assert.deepEqual(costs, [...expected, `simulated-transcription completed ${2n * 100_000n}`].sort());
});

test("W50: a browser says its key as a subprotocol, which is neither answered nor written anywhere", async () => {
  const url = `${platform.url.replace("http", "ws")}/v1/realtime?model=voice`;
  const socket = new globalThis.WebSocket(url, ["realtime", `openai-insecure-api-key.${apiKey}`]);
  const n = vendor.count;
  await once(socket, "open");
  assert.equal(socket.protocol, "realtime");
  const { headers, url: asked, closed } = await vendor.session(n);
  assert.deepEqual([headers.authorization, headers["sec-websocket-protocol"]], ["Bearer sk-of-the-vendor", undefined]);
  assert.equal(asked, "/v1/realtime?model=vendor-voice");
  socket.close(3_001, "bye");
  assert.equal(await closed, 3_001);
  assert.deepEqual(
    platform
      .output()
      .split("\n")
      .filter((line) => /^{.*lyss_/.test(line)),
    [],
  );
  const wrong = await statusOf("voice", { protocols: ["realtime", "openai-insecure-api-key.lyss_wrong"] });
  assert.equal(wrong.status, 401);
});

test("W50: money is exact by the provider's usage, and no event changes the model that is paid for", async () => {
  const before = await worth();
  const n = vendor.count;
  const client = open("voice");
  const session = await vendor.session(n);
  assert.equal(((await client.until("session.created"))["session"] as Event)["model"], "voice");
  client.say({ type: "session.update", event_id: "e1", session: { model: "gpt-other" } });
  const refused = (await client.until("error"))["error"] as Event;
  assert.deepEqual([refused["param"], refused["event_id"]], ["session.model", "e1"]);
  client.say({ type: "response.create" });
  await session.untilHeard("response.create");
  assert.deepEqual(
    session.heard.map(({ type }) => type),
    ["response.create"],
  );
  session.say(created("r1"));
  session.say({ type: "rate_limits.updated", rate_limits: [] });
  session.say(done("r1", golden));
  // What is said twice is charged once.
  session.say(done("r1", golden));
  session.say({
    type: "error",
    error: { type: "invalid_request_error", code: "some_code", message: "sk-secret of ours" },
  });
  await client.until("response.done");
  client.socket.close(4_000);
  assert.equal(await session.closed, 4_000);
  await charged(1);
  assert.ok(!client.heard.some(({ type }) => type === "rate_limits.updated"));
  assert.ok(!JSON.stringify(client.heard).includes("sk-secret"));
  assert.equal(await worth(), before - goldenNanos);
});

test("W50: the provider's close is the client's; one that is lost is told of first, and what was delivered is charged", async () => {
  const n = vendor.count;
  const client = open("voice");
  (await vendor.session(n)).socket.close(4_242, "words of the provider");
  assert.equal(await client.closed, 4_242);

  const cut = open("voice");
  const session = await vendor.session(n + 1);
  cut.say({ type: "response.create" });
  await session.untilHeard("response.create");
  session.say(created("r2"));
  session.say({ type: "response.output_text.delta", response_id: "r2", delta: "Hello" });
  await cut.until("response.output_text.delta");
  session.socket.terminate();
  const error = (await cut.until("error"))["error"] as Event;
  assert.deepEqual([error["type"], error["code"]], ["server_error", "GATEWAY_009"]);
  assert.equal(await cut.closed, 1_011);
  const [row] = (await charged(1)).filter(({ status }) => status === "truncated");
  assert.deepEqual([row?.model, row?.output_tokens], ["voice", 1]);
});

test("W50: a client that vanishes ends the session at the provider at once", async () => {
  const n = vendor.count;
  const client = open("voice");
  const session = await vendor.session(n);
  client.say({ type: "response.create" });
  await session.untilHeard("response.create");
  session.say(created("r3"));
  await client.until("response.created");
  client.socket.terminate();
  assert.equal(await session.closed, 1_001);
  const [row] = (await charged(1)).filter(({ status }) => status === "canceled");
  assert.deepEqual([row?.model, row?.cost_nanos], ["voice", "0"]);
});

test("W50: a client secret of the official SDK opens sessions of its model with its settings, and nothing else, until its key ends", async () => {
  const limited = { name: "backend", max_concurrent_requests: 2 };
  const { body: key } = await requestJson(`${platform.url}/v1/keys`, apiKey, { body: limited });
  const client = new OpenAI({ apiKey: String(key["secret"]), baseURL: `${platform.url}/v1`, maxRetries: 0 });
  const instructions = "Speak like a pirate.";
  const made = await client.realtime.clientSecrets.create({
    expires_after: { anchor: "created_at", seconds: 60 },
    session: { type: "realtime", model: "voice", instructions },
  });
  assert.match(made.value, /^ek_[0-9A-Za-z]{36}$/);
  assert.ok(Math.abs(made.expires_at - Date.now() / 1_000 - 60) < 10);
  assert.deepEqual(
    { ...made.session, id: "" },
    { id: "", object: "realtime.session", type: "realtime", model: "voice", instructions },
  );
  const wrong = client.realtime.clientSecrets.create({ session: { type: "realtime", model: "nothing" } });
  await assert.rejects(wrong, (err) => err instanceof OpenAI.NotFoundError);
  const tools = [{ type: "mcp" as const, server_label: "s", server_url: "https://mcp.example.com" }];
  const refused = client.realtime.clientSecrets.create({ session: { type: "realtime", model: "voice", tools } });
  await assert.rejects(refused, (err) => err instanceof OpenAI.BadRequestError && err.param === "session.tools[0]");

  // A browser, which says neither a header nor a model.
  const n = vendor.count;
  const url = `${platform.url.replace("http", "ws")}/v1/realtime`;
  const browser = new globalThis.WebSocket(url, ["realtime", `openai-insecure-api-key.${made.value}`]);
  await once(browser, "open");
  const session = await vendor.session(n);
  browser.send(JSON.stringify({ type: "response.create" }));
  await session.untilHeard("response.create");
  assert.deepEqual(session.heard, [
    { type: "session.update", session: { type: "realtime", model: "vendor-voice", instructions } },
    { type: "response.create" },
  ]);
  session.say(created("by-secret"));
  session.say(done("by-secret", golden));
  const second = open("voice", { key: made.value });
  await second.until("session.created");

  // Elsewhere it is nobody's; another model is refused; and it counts as its key does.
  const withSecret = new OpenAI({ apiKey: made.value, baseURL: `${platform.url}/v1`, maxRetries: 0 });
  const elsewhere = [
    () => withSecret.models.list(),
    () => withSecret.realtime.clientSecrets.create({ session: { type: "realtime", model: "voice" } }),
  ];
  for (const ask of elsewhere) await assert.rejects(ask, (err) => err instanceof OpenAI.AuthenticationError);
  assert.equal((await statusOf("voice", { key: made.value })).status, 429);
  second.socket.close();
  await second.closed;
  const [row] = await charged(1);
  assert.deepEqual([row?.model, row?.cost_nanos], ["voice", String(goldenNanos)]);
  for (let answer = 429; answer === 429; ) {
    const other = await statusOf("dear", { key: made.value });
    answer = other.status;
    if (answer !== 429) assert.deepEqual([answer, other.error.param], [400, "model"]);
  }

  const closed = once(browser, "close");
  const told = once(browser, "message");
  const revoked = await fetch(`${platform.url}/v1/keys/${key["id"]}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${apiKey}` },
  });
  assert.ok(revoked.ok);
  const [{ data }] = await told;
  assert.deepEqual([JSON.parse(data).type, JSON.parse(data).error.code], ["error", "invalid_api_key"]);
  assert.equal((await closed)[0].code, 1_008);
  assert.equal(await session.closed, 1_001);
  assert.equal((await statusOf("", { key: made.value })).status, 401);
});

test("a key has so many sessions open as it may, and a place comes back when one has ended", async () => {
  const n = vendor.count;
  const sessions = [open("voice"), open("voice"), open("voice")];
  await Promise.all(sessions.map((one) => one.until("session.created")));
  const { status, error } = await statusOf("voice");
  assert.deepEqual([status, error.code], [429, "GATEWAY_123"]);
  sessions[0]?.socket.close();
  await (await vendor.session(n)).closed;
  await sessions[0]?.closed;
  const next = open("voice");
  await next.until("session.created");
  for (const { socket, closed } of [...sessions.slice(1), next]) {
    socket.close();
    await closed;
  }
});

test("who may not, or names what is not there, is answered in HTTP", async () => {
  assert.equal((await statusOf("")).error.param, "model");
  assert.deepEqual((await statusOf("nothing")).error.code, "model_not_found");
  assert.equal((await statusOf("voice", { protocols: ["other"] })).status, 400);
  assert.equal((await statusOf("voice", { key: "lyss_none" })).status, 401);
  assert.equal((await statusOf("simulated-chat")).error.param, "model");
  assert.equal((await statusOf("voice&intent=transcription")).error.param, "intent");
});

test("W50: killed within a response, a gateway has charged what had ended, once, and nothing else", async () => {
  const before = await worth();
  const n = vendor.count;
  const client = open("voice");
  const session = await vendor.session(n);
  session.say(created("r4"));
  session.say(done("r4", golden));
  session.say(created("r5"));
  await client.until("response.done");
  while (client.heard.filter(({ type }) => type === "response.created").length < 2)
    await once(client.socket, "message");
  await platform.kill();
  assert.equal(await session.closed, 1_006);
  platform = await start();
  const rows = await charged(2);
  assert.equal(rows.filter(({ status }) => status === "lost").length, 1);
  assert.equal(await worth(), before - goldenNanos);
});

test("W50: a session ends with a typed error when its money does, and nothing is overspent", async () => {
  const before = await worth();
  // Ten dollars are no longer whole.
  assert.equal((await statusOf("dear")).status, 402);
  const n = vendor.count;
  const cheap = open("voice");
  const session = await vendor.session(n);
  // All that a response may put out, spoken.
  const spent = { input_tokens: 0, output_tokens: 4_096, output_token_details: { audio_tokens: 4_096 } };
  const answers = () => cheap.heard.filter(({ type }) => type === "response.done").length;
  for (let at = 0; !cheap.heard.some(({ type }) => type === "error"); at++) {
    session.say(created(`spent${at}`));
    session.say(done(`spent${at}`, spent));
    while (answers() <= at && cheap.socket.readyState < 2)
      await Promise.race([once(cheap.socket, "message"), cheap.closed]);
    if (cheap.socket.readyState >= 2) break;
  }
  const error = (await cheap.until("error"))["error"] as Event;
  assert.equal(error["type"], "insufficient_quota");
  assert.equal(await cheap.closed, 1_008);
  assert.equal(await session.closed, 1_001);
  await charged(answers());
  const left = await worth();
  assert.equal(left, before - BigInt(answers()) * 4_096n * 64_000n);
  // What the conversation holds is read again, as dear as it may be, and as much may be answered: that no longer fits.
  assert.ok(left >= 0n && left < 4_096n * (32_000n + 64_000n), String(left));
  await assertMoneyAddsUp(platform);
});
