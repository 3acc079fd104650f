import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

// An operator's account refuses our key: its webhook is told. A tenant's budget runs out: what would be sent to its webhook waits for an address that is public.

const scope = closeInReverse({ after });
interface Message {
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}
const messages: Message[] = [];
const server = createServer(async (req, res) => {
  if (req.url !== "/hook") {
    req.resume();
    res.writeHead(401, { "content-type": "application/json" }).end("{}");
    return;
  }
  messages.push({ headers: req.headers, body: await text(req) });
  // The first is lost, so that it comes again.
  res.writeHead(messages.length === 1 ? 503 : 204).end();
}).listen(0, "127.0.0.1");
await once(server, "listening");
scope.after(async () => {
  server.closeAllConnections();
  server.close();
});
const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const price = { inputUsdPerMillion: "1", outputUsdPerMillion: "2", maxOutputTokens: 100 };
const { url, apiKey } = await runPlatform(scope, {
  config: {
    providers: [{ name: "refusing", baseUrl: `${at}/v1`, models: [{ name: "refused", ...price }] }],
    log: { level: "error" },
  },
});

type Json = Record<string, unknown>;
const ask = async (method: string, path: string, body?: object) => {
  const { status, body: json } = await requestJson(`${url}${path}`, apiKey, { method, ...(body && { body }) });
  assert.ok(status < 300, `${method} ${path}: ${status} ${JSON.stringify(json)}`);
  return json as Json;
};
const call = (model: string) =>
  requestJson(`${url}/v1/chat/completions`, apiKey, {
    body: { model, max_tokens: 50, messages: [{ role: "user", content: "Hello. simulate.tokens=40" }] },
  });
const deliveriesOf = async (root: string) => (await ask("GET", `${root}/deliveries`))["data"] as Json[];

async function lyss(...args: readonly string[]): Promise<string> {
  const { code, output, complaint } = await runLyss(args, { LYSS_URL: url, LYSS_API_KEY: apiKey });
  assert.equal(code, 0, complaint);
  return output;
}

test("S18: the operator's webhook hears of an account that refuses our key, signed, and again where it was lost; nobody is told the secret twice", async () => {
  const root = "/admin/webhooks/alerts";
  const made = await ask("PUT", root, { url: `${at}/hook` });
  const secret = String(made["secret"]);
  assert.equal((await ask("GET", root))["secret"], undefined);
  assert.equal((await ask("PUT", root, { url: `${at}/hook` }))["secret"], null);
  assert.equal((await call("refused")).status, 502);
  await waitUntil(async () => ((await deliveriesOf(root))[0]?.["attempts"] as Json[] | undefined)?.length === 1);
  // It would come again by itself five seconds later.
  await ask("POST", `${root}/deliveries/${messages[0]?.headers["webhook-id"]}:send`);
  await waitUntil(() => messages.length >= 2);
  const [lost, message] = messages;
  assert.ok(lost && message);
  assert.deepEqual([message.body, message.headers["webhook-id"]], [lost.body, lost.headers["webhook-id"]]);
  const said = JSON.parse(message.body);
  assert.deepEqual([said.type, said.data.name, said.data.status], ["provider.account.changed", "refusing", 401]);
  const { "webhook-id": id, "webhook-timestamp": seconds, "webhook-signature": signature } = message.headers;
  const key = Buffer.from(secret.replace("whsec_", ""), "base64");
  const digest = createHmac("sha256", key).update(`${id}.${seconds}.${message.body}`).digest("base64");
  assert.equal(signature, `v1,${digest}`);
  await waitUntil(async () => (await deliveriesOf(root))[0]?.["state"] === "delivered");
  const [delivery] = await deliveriesOf(root);
  const attempts = (delivery?.["attempts"] ?? []) as Json[];
  assert.deepEqual([delivery?.["event_id"], attempts.map(({ status }) => status)], [id, [503, 204]]);
});

test("S18: a tenant's webhook is told what its budget refused, and never at an address that is not public", async () => {
  const root = "/api/v1/webhooks/ours";
  const private_ = await requestJson(`${url}${root}`, apiKey, { method: "PUT", body: { url: `${at}/hook` } });
  assert.equal(private_.status, 400);
  // A name that is public by its looks, and resolves to nothing.
  await ask("PUT", root, { url: "https://hooks.invalid/x", types: ["billing.quota.exceeded"] });
  await lyss("budget", "set", "tenant", "--unit", "calls", "--limit", "1", "--period", "month");
  await waitUntil(async () => (await call("simulated-chat")).status >= 400);
  await waitUntil(async () => ((await deliveriesOf(root))[0]?.["attempts"] as Json[] | undefined)?.length === 1);
  const [{ type, state, attempts } = {}] = await deliveriesOf(root);
  assert.deepEqual([type, state], ["billing.quota.exceeded", "waiting"]);
  assert.ok(["unreachable", "refused"].includes(String((attempts as Json[])[0]?.["reason"])));
});

test("webhooks are made, tried, looked at, given another secret and removed by command", async () => {
  const made = await lyss("webhooks", "add", "by-hand", `${at}/hook`, "--platform", "--type", "export.failed");
  assert.match(made, /secret +whsec_\S+ \(shown only now\)/);
  assert.match(await lyss("webhooks", "test", "by-hand", "--platform"), /It was taken, in \d+ ms/);
  assert.equal(JSON.parse(messages.at(-1)?.body ?? "{}").type, "webhook.test");
  assert.match(await lyss("webhooks", "rotate", "by-hand", "--platform"), /secret before counts until/);
  const list = await lyss("webhooks", "list", "--platform");
  assert.match(list, /alerts +http\S+ +6 +active/);
  assert.match(list, /by-hand +http\S+ +1 +active/);
  const deliveries = await lyss("webhooks", "deliveries", "alerts", "--platform");
  const [id = ""] = /evt_\w+/.exec(deliveries) ?? [];
  const before = messages.length;
  await lyss("webhooks", "send", "alerts", id, "--platform");
  await waitUntil(() => messages.length > before);
  assert.equal(messages.at(-1)?.headers["webhook-id"], id);
  await lyss("webhooks", "pause", "by-hand", "--platform");
  assert.match(await lyss("webhooks", "show", "by-hand", "--platform"), /state +paused/);
  await lyss("webhooks", "delete", "by-hand", "--platform");
  assert.doesNotMatch(await lyss("webhooks", "list", "--platform"), /by-hand/);
});
