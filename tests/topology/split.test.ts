import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findFreePorts } from "@lyss/kit/testing/free-ports.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { WebSocket } from "ws";
import { waitForNoHold } from "../read-money.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";

type Answer = Awaited<ReturnType<typeof requestJson>>;

const groups = ["audit,auth,event,group,sso,tenant,user,workflow", "billing,credential", "ai-gateway", "api-gateway"];

const dataDir = mkdtempSync(join(tmpdir(), "lyss-split-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));
const ports = await findFreePorts(groups.length);
const peers = groups.flatMap((group, i) =>
  group.split(",").map((name) => ["--peer", `${name}=http://127.0.0.1:${ports[i]}`]),
);

function start(group: string, port: number): Promise<RunningPlatform> {
  const args = ["--run", group, "--rpc-port", String(port), ...peers.flat()];
  const readyWhen = group === "api-gateway" ? /Lyss is ready at\s+(http\S+)/ : /program is running/;
  return runPlatform({ after }, { dataDir, args, readyWhen });
}

// In no particular order: each waits for the peers that it needs.
const processes = await Promise.all(
  [...groups.entries()].toReversed().map(([i, group]) => start(group, ports[i] ?? 0)),
);
const [gateway] = processes;
assert.ok(gateway);
const [secondPort = 0] = await findFreePorts(1);
const second = await start("api-gateway", secondPort);
const whole = await runPlatform({ after });

/** Waits until every subscription of an installation has handled what was published. */
async function waitUntilHandled({ url, apiKey }: RunningPlatform): Promise<void> {
  const isHandled = async () => {
    const { body } = await requestJson(`${url}/admin/events/subscriptions`, apiKey);
    return (body["data"] as { behind: number }[]).every(({ behind }) => behind === 0);
  };
  await waitUntil(isHandled, { withinMs: 10_000, what: "no events are behind" });
}

test("the same services as four processes give the answers that one process gives", async () => {
  const chat = { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] };
  const requests: readonly (readonly [path: string, body?: unknown, headers?: Record<string, string>])[] = [
    ["/v1/chat/completions", chat],
    ["/v1/chat/completions", { ...chat, max_tokens: 3 }],
    ["/v1/chat/completions", { model: "nope", messages: chat.messages }],
    ["/v1/chat/completions", "{"],
    ["/v1/chat/completions", chat, { "lyss-tags": "team=search, env=prod" }],
    ["/v1/chat/completions", chat, { "lyss-tags": "team" }],
    ["/v1/chat/completions", chat, { "lyss-keep-alive": "no" }],
    ["/v1/embeddings", { model: "simulated-embedding", input: "a b c" }],
    ["/v1/models"],
    ["/v1/models/simulated-chat"],
    ["/v1/billing/balance"],
    ["/v1/billing/prices"],
    ["/v1/billing/usage?limit=0"],
    ["/v1/billing/usage?tag=team=search,env=prod"],
    ["/v1/keys?limit=1"],
    ["/v1/keys/key_none", undefined, { "accept-language": "zh-CN" }],
    ["/api/v1/users/me"],
    ["/api/v1/ai/providers/none"],
    ["/api/v1/events?limit=1&type=tenant.created"],
    ["/admin/events/types"],
    ["/admin/events/evt_none"],
    ["/admin/events/subscriptions"],
    ["/admin/workflows?state=parked"],
    ["/admin/workflows/counts"],
    ["/.well-known/jwks.json"],
    ["/nowhere"],
  ];
  // Ids, times, secrets and the order of what happens side by side differ between two installations, and nothing else.
  const shapeOf = (value: unknown) =>
    JSON.stringify(value)
      .replace(/"(\w+_)[0-9a-hjkmnp-tv-z]{26}"/g, '"$1…"')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z|chatcmpl-\w+|lyss_\w+|00-[0-9a-f-]{52}|[0-9a-f]{32}/g, "…")
      // Audit logs are anchored by the clock, and what comes of it is heard meanwhile.
      .replace(/\{"type":"audit\.anchored"[^}]*\},?/g, "")
      // A key's use is noted in the background.
      .replace(/"last_used_at":("…"|null)/g, '"last_used_at":"…"')
      .replace(/"(created|base_url|latency_ms|x|kid|position|sequence|\w+_sequence)":("[^"]*"|\d+)/g, '"$1":"…"');
  for (const [path, body, headers] of requests) {
    if (path.startsWith("/v1/billing/")) await Promise.all([gateway, whole].map(waitForNoHold));
    if (path.startsWith("/admin/events/")) await Promise.all([gateway, whole].map(waitUntilHandled));
    const init = { body, ...(headers && { headers }) };
    const [split, one]: Answer[] = await Promise.all([
      requestJson(`${gateway.url}${path}`, gateway.apiKey, init),
      requestJson(`${whole.url}${path}`, whole.apiKey, init),
    ]);
    assert.ok(split && one);
    assert.deepEqual([path, split.status, shapeOf(split.body)], [path, one.status, shapeOf(one.body)]);
  }
  // What is sent on to a peer has more stages, and each listens.
  assert.doesNotMatch(gateway.output(), /Warning/);
});

test("the tags of a call reach its usage, and what is no tag is refused by name", async () => {
  for (const { url, apiKey } of [gateway, whole]) {
    const { body: usage } = await requestJson(`${url}/v1/billing/usage?tag=env=prod`, apiKey);
    const [row, ...others] = usage["data"] as { tags: unknown }[];
    assert.deepEqual([row?.tags, others], [{ env: "prod", team: "search" }, []]);
    const call = { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] };
    const { status, body } = await requestJson(`${url}/v1/chat/completions`, apiKey, {
      ...{ body: call, headers: { "lyss-tags": "team=a b" } },
    });
    const { error } = body as { error: { param: string; code: string } };
    assert.deepEqual([status, error.param, error.code], [400, "lyss-tags", "GATEWAY_002"]);
  }
});

test("a stream arrives event by event through two processes, and ends with [DONE]", async () => {
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${gateway.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({
      model: "simulated-chat",
      stream: true,
      messages: [{ role: "user", content: "simulate.tokens=5" }],
    }),
  });
  const text = await answer.text();
  assert.equal(text.split("data: ").length - 1, 8);
  assert.ok(text.endsWith("data: [DONE]\n\n"));
});

test("a key that is revoked on one node is refused on all within a second", async () => {
  const { body: key } = await requestJson(`${gateway.url}/v1/keys`, gateway.apiKey, { body: { name: "short" } });
  const secret = String(key["secret"]);
  const nodes = [gateway, second];
  for (const node of nodes) assert.equal((await requestJson(`${node.url}/v1/models`, secret)).status, 200);
  await requestJson(`${gateway.url}/v1/keys/${key["id"]}`, gateway.apiKey, { method: "DELETE" });
  await Promise.all(
    nodes.map(({ url }) => {
      const isRefused = async () => (await requestJson(`${url}/v1/models`, secret)).status === 401;
      return waitUntil(isRefused, { withinMs: 1_000, what: "the key is refused" });
    }),
  );
});

test("a WebSocket whose key is revoked hears so from whichever process serves it, and nothing that it held stays set aside", async () => {
  for (const platform of [gateway, whole]) {
    const { url, apiKey } = platform;
    const { body: key } = await requestJson(`${url}/v1/keys`, apiKey, { body: { name: "short" } });
    const sockets = ["/v1/realtime?model=simulated-realtime", "/v1/responses"].map((path) => {
      const headers = { authorization: `Bearer ${key["secret"]}` };
      return new WebSocket(`${url.replace("http", "ws")}${path}`, { headers });
    });
    await Promise.all(sockets.map((socket) => once(socket, "open")));
    const endings = sockets.map(async (socket) => {
      const heard: { type: string; error?: { code: string } }[] = [];
      socket.on("message", (data) => void heard.push(JSON.parse(String(data))));
      const [code] = await once(socket, "close");
      const last = heard.at(-1);
      return [code, last?.type, last?.error?.code];
    });
    await requestJson(`${url}/v1/keys/${key["id"]}`, apiKey, { method: "DELETE" });
    for (const ending of endings) assert.deepEqual(await ending, [1_008, "error", "invalid_api_key"]);
    await waitForNoHold(platform);
  }
});

test("a peer's port answers nobody without the token", async () => {
  for (const port of ports) {
    const answer = await fetch(`http://127.0.0.1:${port}/v1/models`, { headers: { authorization: "Bearer x" } });
    assert.equal(answer.status, 401);
  }
});

test("a missing peer stops the boot by name", async () => {
  const boot = (args: readonly string[]) =>
    runPlatform({ after }, { dataDir, args, env: { LYSS_RPC_BOOT_TIMEOUT_MS: "500" } });
  await assert.rejects(
    boot(["--run", "ai-gateway"]),
    /billing is needed by ai-gateway|ended with 1[\s\S]*billing[\s\S]*credential/,
  );
  const dead = ["auth", "billing", "credential"].flatMap((name) => ["--peer", `${name}=http://127.0.0.1:1`]);
  await assert.rejects(
    boot(["--run", "ai-gateway", ...dead]),
    /(auth|billing) did not serve at http:\/\/127\.0\.0\.1:1/,
  );
  const routed = ["ai-gateway", "auth", "billing", "credential", "event", "group", "user", "workflow"].flatMap(
    (name) => ["--peer", `${name}=http://127.0.0.1:1`],
  );
  await assert.rejects(boot(["--run", "api-gateway", ...routed]), /tenant is needed by api-gateway/);
  await assert.rejects(boot(["--run", "nonsense"]), /nonsense/);
});

test("a service that dies answers as unavailable, and is found again when it is back", async () => {
  const [, , billingProcess] = processes;
  assert.ok(billingProcess);
  const balance = () => requestJson(`${gateway.url}/v1/billing/balance`, gateway.apiKey);
  await billingProcess.kill();
  assert.equal((await balance()).status, 503);
  const chat = { body: { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] } };
  assert.equal((await requestJson(`${gateway.url}/v1/chat/completions`, gateway.apiKey, chat)).status, 503);
  await start("billing,credential", ports[1] ?? 0);
  assert.equal((await balance()).status, 200);
  const isServed = async () =>
    (await requestJson(`${gateway.url}/v1/chat/completions`, gateway.apiKey, chat)).status === 200;
  await waitUntil(isServed, { withinMs: 5_000, what: "calls are served again" });
});
