import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, afterEach, test } from "node:test";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { assertMoneyAddsUp, balanceOf, listUsage, waitForNoCall, waitForUsage } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

type Row = Record<string, unknown>;

/** What the vendor was asked to say: what stands between `SAY>` and `<END`. */
const asked: string[] = [];
const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
const sse = (json: object) => `data: ${JSON.stringify(json)}\n\n`;

function moderate(input: readonly string[]): object {
  const results = input.map((it) => {
    const score = it.includes("murder") ? 0.6 : 0.01;
    return { flagged: score > 0.5, categories: { violence: score > 0.5 }, category_scores: { violence: score } };
  });
  return { id: "modr_1", model: "mod", results, usage: { prompt_tokens: 7, total_tokens: 7 } };
}

const vendor = createServer(async (req, res) => {
  const body = await text(req);
  asked.push(body);
  const isStream = /"stream":\s*true/.test(body);
  res.writeHead(200, { "content-type": isStream ? "text/event-stream" : "application/json" });
  if (req.url?.endsWith("/moderations")) return res.end(JSON.stringify(moderate(JSON.parse(body).input)));
  const said = body.includes("You classify texts")
    ? `\`\`\`json\n{"rude": ${body.includes("stupid") ? 0.9 : 0.2}}\n\`\`\``
    : (/SAY>(.*?)<END/.exec(body)?.[1] ?? "nothing");
  const head = { id: "x", created: 1, model: "m" };
  if (!isStream) {
    const choices = [{ index: 0, message: { role: "assistant", content: said }, finish_reason: "stop" }];
    return res.end(JSON.stringify({ ...head, object: "chat.completion", choices, usage }));
  }
  const chunk = (fields: object) => sse({ ...head, object: "chat.completion.chunk", ...fields });
  for (const content of said.match(/.{1,10}/gs) ?? []) {
    res.write(chunk({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }));
    // Each is a chunk of its own at the gateway.
    await new Promise((resolve) => setImmediate(resolve));
  }
  res.write(chunk({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }));
  res.end(`${chunk({ choices: [], usage })}data: [DONE]\n\n`);
});

interface Message {
  readonly req: IncomingMessage;
  readonly body: string;
  readonly data: Row & { readonly texts: string[]; readonly stage: string };
}
const messages: Message[] = [];
const allow = ({ res }: { res: ServerResponse }) => reply(res, { action: "allow" });
/** What the receiver does with a message. */
let answerHook: (given: Message & { readonly res: ServerResponse }) => void = allow;

function reply(res: ServerResponse, json: unknown, status = 200): void {
  res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(json));
}

const receiver = createServer(async (req, res) => {
  const body = await text(req);
  const message = { req, body, data: JSON.parse(body).data };
  messages.push(message);
  answerHook({ ...message, res });
});
for (const server of [vendor, receiver]) {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.closeAllConnections();
    server.close();
  });
}
const portOf = (server: typeof vendor) => (server.address() as AddressInfo).port;
const hookUrl = `http://127.0.0.1:${portOf(receiver)}/check`;

const price = { inputUsdPerMillion: "1", outputUsdPerMillion: "2", maxOutputTokens: 500 };
const models = ["m", "judge"].map((name) => ({ name, ...price }));
const mod = { name: "mod", ...price, inputUsdPerMillion: "3" };
const providers = [{ name: "open", baseUrl: `http://127.0.0.1:${portOf(vendor)}/v1`, models: [...models, mod] }];
const platform = await runPlatform({ after }, { config: { providers, log: { level: "error" } } });
const { url, apiKey } = platform;
const tenants = `${url}/api/v1/ai/guardrails`;
const operators = `${url}/admin/guardrails`;

async function put(root: string, name: string, body: object): Promise<Row> {
  const answer = await requestJson(`${root}/${name}`, apiKey, { method: "PUT", body });
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return answer.body;
}
const putHook = (more: object = {}) => put(operators, "hook", { kind: "webhook", url: hookUrl, ...more });

afterEach(async () => {
  answerHook = allow;
  for (const root of [tenants, operators]) {
    const { body } = await requestJson(root, apiKey);
    for (const { name } of body["data"] as Row[]) await requestJson(`${root}/${name}`, apiKey, { method: "DELETE" });
  }
  messages.length = 0;
});

const toBody = (said: string, stream = false) => ({
  ...{ model: "m", stream, messages: [{ role: "user", content: `SAY>${said}<END` }] },
});
const chat = (said: string) => requestJson(`${url}/v1/chat/completions`, apiKey, { body: toBody(said) });
const contentOf = ({ body }: { body: Row }) =>
  (body["choices"] as { message: { content: string } }[] | undefined)?.[0]?.message.content;

async function chatStream(said: string, signal = new AbortController().signal): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    ...{ method: "POST", signal, body: JSON.stringify(toBody(said, true)) },
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
  });
}
const saidIn = (stream: string) => [...stream.matchAll(/"content":"(.*?)"/g)].map(([, it]) => it).join("");
const codeOf = ({ body }: { body: Row }) => (body["error"] as Row | undefined)?.["code"];

async function tryText(said: string): Promise<{ blocked: unknown; found: unknown[] }> {
  const { body } = await requestJson(`${operators}:test`, apiKey, { body: { text: said } });
  const found = (body["findings"] as Row[]).map(({ action, reason, count }) => [action, reason, count]);
  return { blocked: body["blocked"], found };
}

/** The scheme as standardwebhooks.com words it, from nothing of ours. */
function verify({ req, body }: Message, secret: string): void {
  const { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature } = req.headers;
  assert.ok(Math.abs(Number(timestamp) - Date.now() / 1_000) < 60);
  const key = Buffer.from(secret.slice("whsec_".length), "base64");
  const expected = createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64");
  assert.equal(signature, `v1,${expected}`);
  assert.match(String(id), /^msg_/);
}

test("a webhook is asked about requests and answers in signed messages; it allows, replaces, and blocks before anything is sent or set aside", async () => {
  const secret = `whsec_${randomBytes(32).toString("base64")}`;
  const made = await putHook({ secret });
  assert.equal(made["has_secret"], true);
  assert.doesNotMatch(JSON.stringify(made), /whsec_/);
  assert.equal(contentOf(await chat("hello there")), "hello there");
  const [first, second] = messages;
  for (const message of messages) verify(message, secret);
  assert.deepEqual([first?.data.stage, first?.data.texts], ["request", ["SAY>hello there<END"]]);
  assert.deepEqual([second?.data.stage, second?.data.texts], ["answer", ["hello there"]]);
  assert.notEqual(first?.req.headers["webhook-id"], second?.req.headers["webhook-id"]);
  assert.deepEqual([first?.data["model"], first?.data["trial"]], ["m", false]);
  assert.match(String(first?.data["tenant_id"]), /./);
  assert.equal(first?.data["call_id"], second?.data["call_id"]);
  // Said again without its secret, it keeps it; at another address it would be sent to whoever is there.
  await putHook({ timeout_ms: 1_000 });
  await chat("again");
  verify(messages.at(-1) ?? assert.fail(), secret);
  const elsewhere = { kind: "webhook", url: "https://elsewhere.example.com/" };
  const moved = await requestJson(`${operators}/hook`, apiKey, { method: "PUT", body: elsewhere });
  assert.equal(moved.body["code"] ?? codeOf(moved), "GATEWAY_095");
  assert.equal((await putHook({ secret: null }))["has_secret"], false);

  answerHook = ({ res, data }) =>
    reply(res, { action: "replace", texts: data.texts.map((it) => it.replaceAll("blue", "red")) });
  const replaced = await chat("blue sky");
  assert.equal(contentOf(replaced), "red sky");
  assert.match(asked.at(-1) ?? "", /SAY>red sky<END/);
  assert.equal(replaced.headers.get("lyss-guardrails"), "hook=mask:1");
  assert.equal(messages.at(-1)?.req.headers["webhook-signature"], undefined);

  answerHook = ({ res }) => reply(res, { action: "block", reason: "policy.secret" });
  await waitForNoCall(platform);
  const [sent, rows, before] = [asked.length, (await listUsage(platform)).length, await balanceOf(platform)];
  const blocked = await chat("anything");
  assert.deepEqual([blocked.status, codeOf(blocked)], [400, "content_filter"]);
  assert.deepEqual([asked.length, (await listUsage(platform)).length], [sent, rows]);
  const now = await balanceOf(platform);
  assert.equal(now.available + now.held, before.available + before.held);
  let told: Row[] = [];
  await waitUntil(async () => {
    const { body } = await requestJson(`${url}/api/v1/events?type=guardrail.found&limit=200`, apiKey);
    told = (body["data"] as { data: Row }[]).map(({ data }) => data);
    return told.some(({ action, reason }) => action === "block" && reason === "policy.secret");
  });
  assert.ok(told.some(({ action, kind, side }) => action === "mask" && kind === "webhook" && side === "request"));
});

test("a rule that flags only tells what its webhook says", async () => {
  answerHook = ({ res }) => reply(res, { action: "block", reason: "tone" });
  await putHook({ action: "flag" });
  const answer = await chat("as it is");
  assert.equal(contentOf(answer), "as it is");
  assert.equal(answer.headers.get("lyss-guardrails"), "hook=flag:1");
});

test("a stream is held back a window at a time: what is let through leaves as it is replaced, and what is blocked ends it, charged once", async () => {
  const said = `${"a blue word, ".repeat(8)}then a bad one`;
  await putHook({ on: "answer", window_chars: 40 });
  answerHook = ({ res, data }) => {
    const [it = ""] = data.texts;
    if (it.includes("bad")) reply(res, { action: "block", reason: "bad" });
    else reply(res, { action: "replace", texts: [it.replaceAll("blue", "red")] });
  };
  await waitForNoCall(platform);
  const before = await listUsage(platform);
  const stream = await (await chatStream(said)).text();
  assert.ok(messages.length > 2 && messages.every(({ data }) => String(data.texts[0]).length >= 14));
  const shown = messages.slice(1).every(({ data }) => /red/.test(String((data["before"] as string[])[0])));
  assert.ok(shown, "what has left is shown as it left");
  assert.match(saidIn(stream), /^a red word, a red/);
  assert.doesNotMatch(stream, /blue|bad one/);
  assert.match(stream, /content_filter/);
  assert.doesNotMatch(stream, /\[DONE\]/);
  const rows = await waitForUsage(platform, before.length + 1);
  assert.equal(rows.length, before.length + 1);
  assert.equal(rows.find(({ id }) => !before.some((it) => it.id === id))?.status, "truncated");
  answerHook = allow;
  assert.equal(saidIn(await (await chatStream(said)).text()), said);
});

test("where a webhook gives no verdict in time nothing goes on unseen, but for a rule that fails open", async () => {
  answerHook = () => undefined;
  await putHook({ timeout_ms: 150 });
  assert.deepEqual(await tryText("hello"), { blocked: true, found: [["error", "timeout", 1]] });
  assert.equal(messages[0]?.data["trial"], true);
  const refused = await chat("hello");
  assert.deepEqual([refused.status, codeOf(refused)], [503, "GATEWAY_080"]);
  await putHook({ timeout_ms: 150, on_error: "open" });
  messages.length = 0;
  for (const answer of [await chat("hello"), await chat("hello")]) {
    assert.deepEqual([contentOf(answer), answer.headers.get("lyss-guardrails")], ["hello", "hook=error:1"]);
  }
  assert.equal(messages.length, 2, "it is not asked again in the same call");
});

test("a caller who leaves while a webhook is asked about its stream ends the question, the call, and what it costs", async () => {
  const abort = new AbortController();
  const gone = Promise.withResolvers<void>();
  answerHook = ({ res }) => {
    res.once("close", gone.resolve);
    abort.abort();
  };
  await putHook({ on: "answer", window_chars: 20, timeout_ms: 30_000 });
  await waitForNoCall(platform);
  const before = await listUsage(platform);
  const call = chatStream("some words that nobody will ever read", abort.signal).then((it) => it.text());
  await assert.rejects(call, { name: "AbortError" });
  await gone.promise;
  const rows = await waitForUsage(platform, before.length + 1);
  assert.equal(rows.find(({ id }) => !before.some((it) => it.id === id))?.status, "canceled");
});

test("a tenant's webhook is https and public, its secret is one, and the platform asks no model of a tenant's", async () => {
  const refusalOf = async (root: string, body: object) => {
    const answer = await requestJson(`${root}/bad`, apiKey, { method: "PUT", body });
    return [answer.status, JSON.stringify(answer.body)] as const;
  };
  for (const at of ["https://10.0.0.1/x", "https://169.254.169.254/", "https://localhost/", hookUrl]) {
    const [status, said] = await refusalOf(tenants, { kind: "webhook", url: at });
    assert.ok(
      status === 400 && /url: (only https is allowed|the (address|name) is not public)/.test(said),
      `${at}: ${said}`,
    );
  }
  const shared = { kind: "webhook", url: "https://hook.example.com/" };
  assert.match((await refusalOf(tenants, { ...shared, secret: "whsec_c2hvcnQ=" }))[1], /24 to 64 bytes/);
  assert.match((await refusalOf(tenants, { kind: "model", model: "none" }))[1], /GATEWAY_001|does not exist/);
  assert.match((await refusalOf(operators, { kind: "model", model: "mod" }))[1], /GATEWAY_094/);
  assert.match((await refusalOf(tenants, { kind: "model", model: "m", ask: "chat" }))[1], /name what to look for/);
});

test("a moderation model judges by thresholds, as a call of its own that is paid once and names the call that it is part of", async () => {
  const rule = { kind: "model", model: "mod", categories: ["violence"] };
  await put(tenants, "mod", { ...rule, threshold: 0.7 });
  await waitForNoCall(platform);
  const before = await listUsage(platform);
  const sent = asked.length;
  const fine = await chat("a murder story");
  assert.equal(contentOf(fine), "a murder story");
  assert.equal(asked.length - sent, 3, "the request and the answer are judged once each, and no judge is judged");
  await put(tenants, "mod", rule);
  const blocked = await chat("a murder story");
  assert.deepEqual([blocked.status, codeOf(blocked)], [400, "content_filter"]);
  await put(tenants, "mod", { ...rule, on: "answer" });
  const stream = await (await chatStream("a murder story")).text();
  assert.ok(/content_filter/.test(stream) && !/murder/.test(stream), stream);
  const known = new Set(before.map(({ id }) => id));
  const rows = (await waitForUsage(platform, before.length + 6)).filter(({ id }) => !known.has(id));
  // Seven tokens at 3 USD a million, ten at 1 and five at 2.
  const paid = rows.map(({ model, status, cost_nanos }) => `${model} ${status} ${cost_nanos}`).sort();
  const judged = "mod completed 21000";
  assert.deepEqual(paid.slice(2), [judged, judged, judged, judged]);
  assert.equal(paid[0], "m completed 20000");
  assert.match(paid[1] ?? "", /^m truncated /);
  const part = await requestJson(`${url}/v1/requests/${rows.find(({ model }) => model === "mod")?.id}/receipt`, apiKey);
  const parent = rows.find(({ status, model }) => model === "m" && status === "truncated")?.id;
  assert.equal(part.body["part_of"], parent);
  const whole = await requestJson(`${url}/v1/requests/${parent}/receipt`, apiKey);
  const found = (whole.body["guardrails"] as Row[]).map(({ kind, action, reason }) => [kind, action, reason]);
  assert.deepEqual([found, whole.body["part_of"]], [[["model", "block", "violence"]], null]);
  await assertMoneyAddsUp(platform);
});

test("any model that chats judges by scores; one whose answer has none is no judge", async () => {
  await put(tenants, "tone", { kind: "model", model: "judge", ask: "chat", categories: ["rude"], on: "request" });
  assert.equal(contentOf(await chat("you are kind")), "you are kind");
  assert.equal(codeOf(await chat("you are stupid")), "content_filter");
  const judge = JSON.parse(asked.at(-1) ?? "");
  assert.deepEqual(JSON.parse(judge.messages[1].content), ["SAY>you are stupid<END"]);
  await put(tenants, "tone", { kind: "model", model: "judge", ask: "chat", categories: ["lewd"], on: "request" });
  assert.equal(codeOf(await chat("you are kind")), "GATEWAY_080");
});

test("webhooks and models are set and tried by command", async () => {
  const env = { LYSS_URL: url, LYSS_API_KEY: apiKey };
  const lyss = (...words: readonly string[]) => runLyss(["guardrail", ...words], env);
  const hook = await lyss(
    "add",
    "hook",
    "--platform",
    "--kind",
    "webhook",
    "--webhook",
    hookUrl,
    "--timeout-ms",
    "900",
  );
  assert.match(hook.output, /timeout ms +900[\s\S]*signed +false/, hook.complaint);
  answerHook = ({ res }) => reply(res, { action: "block", reason: "no" });
  assert.match((await lyss("test", "hello", "--platform")).output, /hook +webhook +block +1 +no\n\nIt is blocked/);
  const added = await lyss(
    "add",
    "mod",
    "--kind",
    "model",
    "--judge",
    "mod",
    "--category",
    "violence",
    "--threshold",
    "0.5",
  );
  assert.match(added.output, /categories +\["violence"\]/, added.complaint);
  assert.match((await lyss("test", "murder", "--name", "mod")).output, /mod +model +block +1 +violence/);
});
