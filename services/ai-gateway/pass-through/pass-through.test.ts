import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { after, test } from "node:test";
import { startTestServer, testCaller } from "@lyss/kit/http/http-test-server.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createTimerWheel } from "@lyss/kit/service/timer-wheel.ts";
import { silentLog } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { createCatalog } from "../catalog.ts";
import { aiGatewayConfig } from "../config.ts";
import { createCredentialCache } from "../credential-cache.ts";
import { toOpenAiFailureReply } from "../dialects/openai/failure-reply.ts";
import type { Provider } from "../model.ts";
import { passThroughRoutes } from "../pass-through-routes.ts";
import { createProviderPolicies } from "../provider-policies.ts";
import { createUpstreamPools } from "../upstream-pools.ts";
import { passThrough } from "./pass-through.ts";

const secret = "sk-vendors-own-secret";
let answer: (req: IncomingMessage, res: ServerResponse, body: Buffer) => void = () => undefined;
const vendor = createServer((req, res) => void buffer(req).then((body) => answer(req, res, body)));
vendor.listen(0, "127.0.0.1");
await once(vendor, "listening");
after(() => void vendor.close().closeAllConnections());
const baseUrl = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;

const providerOf = (name: string, source: Provider["source"]): Provider => ({
  ...{ providerId: name, tenantId: source === "tenant" ? "ten_1" : "", name, dialect: "openai", baseUrl, source },
  ...{ credentialId: "", models: [], onDisconnect: "cancel", serverTools: true, apiVersion: "" },
  ...{ unsupportedParameters: "drop", createdAt: new Date(0) },
});
const own = providerOf("own", "tenant");
const clock = systemClock;
const random = createRandom(clock);
const catalog = createCatalog();
catalog.setShared([providerOf("shared", "config")]);
catalog.setTenants([own]);
const settings = aiGatewayConfig.aiGateway.parse({});
const wheel = createTimerWheel({ tickMs: 100, clock });
// Tenants' own addresses are public ones; the vendor of this test is here.
const pools = createUpstreamPools(settings, { refuse: () => undefined, lookup: undefined as never }, { clock, wheel });
after(() => pools.close());
const credentials = createCredentialCache(undefined as never, { clock, random });
credentials.setLocal(own.providerId, secret);
const policies = createProviderPolicies(aiGatewayConfig.resilience.parse({}), catalog, {
  ...{ clock, random, onBreakerChange: () => undefined },
});
let isGuarded = false;
const guardrails = { isWanted: () => isGuarded } as unknown as Parameters<typeof passThrough>[0]["guardrails"];
const deps = { catalog, clock, credentials, guardrails, log: silentLog, policies, pools };

const callers: Readonly<Record<string, Caller>> = {
  one: { ...testCaller, tenantId: "ten_1", models: [] },
  other: { ...testCaller, tenantId: "ten_2", models: [] },
  modest: { ...testCaller, tenantId: "ten_1", models: ["gpt"] },
  unpermitted: { ...testCaller, tenantId: "ten_1", permissions: ["model:call"] },
};
const routes = passThroughRoutes({ prefix: "/v1", suffix: "", dialect: { toFailureReply: toOpenAiFailureReply } });
const server = await startTestServer({
  mounted: [
    {
      ...{ name: "ai-gateway", routes, peerUrl: undefined },
      ops: { passThrough: (exchange: Parameters<typeof passThrough>[1]) => passThrough(deps, exchange) },
    },
  ],
  guard: (req) => callers[String(req.headers.authorization).replace("Bearer ", "")],
});
after(() => server.close());

const ask = (path: string, { as = "one", ...init }: RequestInit & { as?: string } = {}) =>
  fetch(`${server.url}/v1/proxy${path}`, {
    ...init,
    headers: { authorization: `Bearer ${as}`, ...(init.headers as Record<string, string>) },
  });

test("method, path, query and body reach the tenant's own provider with its key, and nothing else of the caller does", async () => {
  const seen: unknown[] = [];
  answer = ({ method, url, headers }, res, body) => {
    seen.push([method, url, headers.authorization, headers["openai-beta"], headers.cookie, String(body)]);
    res.writeHead(201, { "content-type": "application/json", "set-cookie": "a=b", "x-ratelimit-limit-requests": "9" });
    res.end('{"id":"ftjob-1"}');
  };
  const made = await ask("/own/fine_tuning/jobs?limit=2&after=a%20b&key=lyss-secret", {
    method: "POST",
    body: '{"model":"gpt"}',
    headers: { "content-type": "application/json", "openai-beta": "x=v1", cookie: "session=mine" },
  });
  assert.deepEqual([made.status, await made.json()], [201, { id: "ftjob-1" }]);
  assert.deepEqual([made.headers.get("set-cookie"), made.headers.get("x-ratelimit-limit-requests")], [null, null]);
  assert.equal(made.headers.get("x-content-type-options"), "nosniff");
  await (await ask("/own/files/file-1", { method: "DELETE" })).text();
  assert.deepEqual(seen, [
    ["POST", "/v1/fine_tuning/jobs?limit=2&after=a+b", `Bearer ${secret}`, "x=v1", undefined, '{"model":"gpt"}'],
    ["DELETE", "/v1/files/file-1", `Bearer ${secret}`, undefined, undefined, ""],
  ]);
});

test("what a provider finds wrong is told as it says it; what it says of our key and of itself is not", async () => {
  for (const [status, expected, code] of [
    [404, 404, "vendors"],
    [422, 422, "vendors"],
    [401, 502, "GATEWAY_006"],
    [500, 502, "GATEWAY_007"],
    [302, 502, "GATEWAY_007"],
  ] as const) {
    answer = (_req, res) => {
      res.writeHead(status, { "content-type": "application/json", location: "http://169.254.169.254/" });
      res.end(JSON.stringify({ error: { code: "vendors", message: `about ${secret}` } }));
    };
    const got = await ask("/own/models", { redirect: "manual" });
    const { error } = (await got.json()) as { error: { code: string; message: string } };
    assert.deepEqual([got.status, error.code], [expected, code], String(status));
    if (code !== "vendors") assert.ok(!error.message.includes(secret));
  }
});

test("only the tenant's own provider is reached, by who may do so and is held to nothing that is not looked at", async () => {
  answer = () => assert.fail("nothing goes upstream");
  const refused = async (path: string, as?: string) => {
    const got = await ask(path, { as: as ?? "one" });
    return [got.status, ((await got.json()) as { error: { code: string } }).error.code];
  };
  assert.deepEqual(await refused("/shared/models"), [403, "GATEWAY_032"]);
  assert.deepEqual(await refused("/nobody/models"), [404, "GATEWAY_011"]);
  assert.deepEqual(await refused("/own/models", "other"), [404, "GATEWAY_011"]);
  assert.deepEqual(await refused("/own/models", "modest"), [403, "GATEWAY_033"]);
  assert.equal((await refused("/own/models", "unpermitted"))[0], 403);
  isGuarded = true;
  assert.equal((await refused("/own/models"))[1], "GATEWAY_059");
  isGuarded = false;
});

test("an answer streams as it comes; who leaves ends it there, and one that breaks off has no clean end", async () => {
  let isLeft = false;
  answer = (_req, res) => {
    res.on("close", () => {
      isLeft = true;
    });
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write("data: 1\n\n");
  };
  const leaving = new AbortController();
  const stream = await ask("/own/anything", { signal: leaving.signal });
  const first = await stream.body?.getReader().read();
  assert.equal(Buffer.from(first?.value ?? []).toString(), "data: 1\n\n");
  leaving.abort();
  await waitUntil(async () => isLeft);

  answer = (_req, res) => {
    res.writeHead(200, { "content-length": "100" });
    res.write("half", () => res.destroy());
  };
  await assert.rejects((await ask("/own/files/f/content")).text());
});
