import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startTestServer, testCaller } from "@lyss/kit/http/http-test-server.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import type { Model, Provider } from "../model.ts";
import { aiGateway } from "../service.ts";
import { createAiGatewayStore } from "../store.ts";

// A gateway whose providers nobody asks needs none of the other services.
const clients = {} as ServiceDeps<(typeof aiGateway)["needs"], (typeof aiGateway)["config"]>["clients"];
const service = await startTestService({ after }, aiGateway, { clients, config: { aiGateway: { simulator: false } } });
const { ops } = service;

const model = (name: string): Model => ({
  ...{ name, upstreamName: name, inputUsdPerMillion: "1", outputUsdPerMillion: "2", maxOutputTokens: 100 },
  ...{ cachedInputUsdPerMillion: undefined, showsAllOutput: false },
});

async function addProvider(tenantId: string, name: string): Promise<void> {
  const provider: Provider = {
    ...{ providerId: `prv_${tenantId}_${name}`, tenantId, name, dialect: "openai", baseUrl: "https://x.test/v1" },
    ...{ source: "tenant", credentialId: "", models: [model("m"), model("n")], onDisconnect: "cancel" },
    ...{ serverTools: true, apiVersion: "2024-10-21", unsupportedParameters: "drop", createdAt: new Date(0) },
  };
  await service.db.transaction((tx) => createAiGatewayStore(service.db.sql).putProvider(tx, provider));
}
for (const tenantId of ["ten_1", "ten_2"]) for (const name of ["a", "b"]) await addProvider(tenantId, name);
await ops.loadTenantProviders();

const callers: Readonly<Record<string, Caller>> = {
  one: testCaller,
  other: { ...testCaller, tenantId: "ten_2" },
  reader: { ...testCaller, permissions: ["provider:read"] },
  caller: { ...testCaller, permissions: ["model:call"] },
};
const server = await startTestServer({
  mounted: [{ name: "ai-gateway", routes: aiGateway.routes, ops, peerUrl: undefined }],
  guard: (req) => callers[String(req.headers.authorization).replace("Bearer ", "")],
});
after(() => server.close());

interface Answer {
  readonly status: number;
  readonly etag: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of any route.
  readonly body: any;
}

const askAt = (path: string, { as = "one" } = {}) => send("GET", path, { as });
const ask = (method: string, path: string, given: Parameters<typeof send>[2] = {}) =>
  send(method, `/routes${path}`, given);

async function send(
  method: string,
  path: string,
  given: { readonly body?: unknown; readonly as?: string; readonly ifMatch?: string; readonly language?: string } = {},
): Promise<Answer> {
  const { body, as = "one", ifMatch, language = "en-US" } = given;
  const answer = await fetch(`${server.url}/api/v1/ai${path}`, {
    method,
    headers: {
      ...{ authorization: `Bearer ${as}`, "accept-language": language },
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(ifMatch !== undefined && { "if-match": ifMatch }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  return { status: answer.status, etag: answer.headers.get("etag"), body: await answer.json() };
}

const toA = { strategy: "fallback", targets: [{ provider: "a", model: "m" }] };
const codeOf = ({ status, body }: Answer) => [status, body.error?.code];

const smart = `/${encodeURIComponent("smart.1")}`;

test("a route is made, read, changed under If-Match, listed and removed, and each change is an event", async () => {
  const made = await ask("PUT", smart, { body: toA });
  assert.deepEqual([made.status, made.etag], [200, '"1"'], JSON.stringify(made.body));
  const { targets, ...about } = made.body;
  assert.deepEqual(about, {
    ...{
      object: "route",
      name: "smart.1",
      strategy: "fallback",
      hedge: null,
      continues: false,
      embedding: null,
      mirror: null,
      source: "tenant",
      version: 1,
    },
    updated_at: about.updated_at,
  });
  const { health, ...target } = targets[0];
  assert.deepEqual(target, {
    ...{ provider: "a", model: "m", priority: 0, weight: 1, quality: 1, tags: {}, users: [], keys: [] },
  });
  assert.deepEqual([health.state, health.until, health.first_byte_ms, health.availability], ["well", null, null, 1]);
  assert.deepEqual((await ask("GET", smart)).body, made.body);

  const both = {
    strategy: "weighted",
    targets: [
      { provider: "a", model: "m", weight: 9 },
      { provider: "b", model: "n" },
    ],
  };
  assert.deepEqual(codeOf(await ask("PUT", smart, { body: both, ifMatch: '"7"' })), [412, "GATEWAY_024"]);
  assert.deepEqual(codeOf(await ask("PUT", smart, { body: both, ifMatch: "seven" })), [400, "KIT_002"]);
  const changed = await ask("PUT", smart, { body: both, ifMatch: '"1"' });
  assert.deepEqual([changed.status, changed.etag, changed.body.targets.length], [200, '"2"', 2]);
  assert.deepEqual(codeOf(await ask("PUT", smart, { body: toA, ifMatch: '"1"' })), [412, "GATEWAY_024"]);

  assert.deepEqual((await ask("DELETE", smart)).body, { object: "route", name: "smart.1", deleted: true });
  assert.deepEqual(codeOf(await ask("GET", smart)), [404, "GATEWAY_021"]);
  assert.deepEqual(codeOf(await ask("DELETE", smart)), [404, "GATEWAY_021"]);
  const events = (await service.listEvents()).filter(({ type }) => type === "route.changed");
  assert.deepEqual(
    events.map(({ key, data }) => [key, data["name"]]),
    Array.from({ length: 3 }, () => ["ten_1", "smart.1"]),
  );
});

test("what a route was is kept in versions, put back as a newer one, and gone with the route", async () => {
  const toB = { strategy: "weighted", hedge: 90, targets: [{ provider: "b", model: "n", weight: 3 }] };
  for (const body of [toA, toB, toA]) await ask("PUT", "/kept", { body });
  const versions = (query = "") => askAt(`/route-versions/kept${query}`);
  const first = await versions("?limit=2");
  assert.deepEqual(
    first.body.data.map((it: Record<string, unknown>) => [it["version"], it["strategy"], it["hedge"]]),
    [
      [3, "fallback", null],
      [2, "weighted", 90],
    ],
  );
  const rest = await versions(`?cursor=${first.body.next_cursor}`);
  assert.deepEqual([rest.body.data.length, rest.body.data[0].version, rest.body.next_cursor], [1, 1, null]);
  const {
    object: _object,
    version: _version,
    updated_at: _at,
    ...body
  } = (await versions("?before=3&limit=1")).body.data[0];
  const back = await ask("PUT", "/kept", { body, ifMatch: '"3"' });
  assert.deepEqual([back.body.version, back.body.strategy, back.body.targets[0].weight], [4, "weighted", 3]);
  assert.deepEqual(codeOf(await askAt("/route-versions/kept", { as: "other" })), [404, "GATEWAY_021"]);
  assert.deepEqual(codeOf(await versions("?before=0")), [400, "KIT_002"]);
  assert.equal((await askAt("/route-versions/kept", { as: "caller" })).status, 403);
  await ask("DELETE", "/kept");
  assert.deepEqual(codeOf(await versions()), [404, "GATEWAY_021"]);
  await ask("PUT", "/kept", { body: toA });
  assert.equal((await versions()).body.data.length, 1, "one of the same name is another");
  await ask("DELETE", "/kept");
});

test("routes come in pages, by name", async () => {
  for (const name of ["c", "a", "b"]) await ask("PUT", `/${name}`, { body: toA });
  const first = await ask("GET", "?limit=2");
  assert.deepEqual(
    first.body.data.map(({ name }: { name: string }) => name),
    ["a", "b"],
  );
  const rest = await ask("GET", `?limit=2&cursor=${first.body.next_cursor}`);
  assert.deepEqual(
    rest.body.data.map(({ name }: { name: string }) => name),
    ["c"],
  );
  assert.equal(rest.body.next_cursor, null);
  assert.deepEqual(codeOf(await ask("GET", "?cursor=nonsense")), [400, "KIT_002"]);
  assert.deepEqual(codeOf(await ask("GET", "?nonsense=1")), [400, "KIT_002"]);
  for (const name of ["a", "b", "c"]) assert.equal((await ask("DELETE", `/${name}`)).status, 200);
});

test("a tenant sees, changes and removes no route of another, nor goes to its providers", async () => {
  await addProvider("ten_2", "theirs");
  await ops.loadTenantProviders();
  await ask("PUT", "/mine", { body: toA });
  assert.deepEqual((await ask("GET", "", { as: "other" })).body.data, []);
  for (const method of ["GET", "DELETE"]) {
    assert.deepEqual(codeOf(await ask(method, "/mine", { as: "other" })), [404, "GATEWAY_021"]);
  }
  assert.equal((await ask("PUT", "/mine", { as: "other", body: toA })).body.version, 1, "it makes one of its own");
  assert.equal((await ask("DELETE", "/mine", { as: "other" })).status, 200);
  assert.equal((await ask("GET", "/mine")).status, 200);
  const toTheirs = { targets: [{ provider: "theirs", model: "m" }] };
  assert.deepEqual(codeOf(await ask("PUT", "/mine", { body: toTheirs })), [400, "GATEWAY_023"]);
  await ask("DELETE", "/mine");
});

test("what is not a route is refused, with what is wrong, in both languages", async () => {
  const target = { provider: "a", model: "m" };
  const wrong: readonly [string, unknown][] = [
    ["nothing", {}],
    ["no target", { targets: [] }],
    ["an unknown field", { ...toA, nonsense: 1 }],
    ["an unknown field of a target", { targets: [{ ...target, nonsense: 1 }] }],
    ["an unknown strategy", { ...toA, strategy: "random" }],
    ["a weight below 0", { targets: [{ ...target, weight: -1 }] }],
    ["a quality above 1", { targets: [{ ...target, quality: 1.1 }] }],
    ["a priority over 100", { targets: [{ ...target, priority: 101 }] }],
    ["a target twice", { targets: [target, target] }],
    ["33 targets", { targets: Array.from({ length: 33 }, (_one, at) => ({ ...target, model: `m${at}` })) }],
    ["a tag that is none", { targets: [{ ...target, tags: { env: "a,b=c" } }] }],
    ["a provider and a route", { targets: [{ ...target, route: "smart" }] }],
    ["a condition that says nothing", { targets: [{ ...target, when: {} }] }],
    ["an unknown condition", { targets: [{ ...target, when: { mood: "good" } }] }],
    ["101 people", { targets: [{ ...target, users: Array.from({ length: 101 }, (_one, at) => `usr_${at}`) }] }],
  ];
  for (const [what, body] of wrong) assert.deepEqual(codeOf(await ask("PUT", "/x", { body })), [400, "KIT_002"], what);
  const unknown = { targets: [{ provider: "a", model: "nobodys" }] };
  const english = await ask("PUT", "/x", { body: unknown });
  assert.deepEqual(codeOf(english), [400, "GATEWAY_023"]);
  assert.match(english.body.error.message, /'a' offers no model 'nobodys'/);
  const chinese = await ask("PUT", "/x", { body: unknown, language: "zh-CN" });
  assert.match(chinese.body.error.message, /供应商“a”不提供模型“nobodys”/);
  const twice = await ask("PUT", "/x", { body: { targets: [target, target] }, language: "zh-CN" });
  assert.match(JSON.stringify(twice.body), /只能出现一次/);
  assert.deepEqual(codeOf(await ask("PUT", `/${"x".repeat(201)}`, { body: toA })), [400, "KIT_002"]);
  assert.deepEqual(codeOf(await ask("GET", "/x")), [404, "GATEWAY_021"], "nothing was made");
});

test("a route stands in another, goes with it when it changes, and never leads back to itself", async () => {
  await ask("PUT", "/inner", { body: { strategy: "fallback", targets: [{ provider: "a", model: "n" }] } });
  const when = { complexity: { min: 60 }, tools: true, mentions: ["prove", "证明"] };
  const nesting = {
    strategy: "fallback",
    targets: [
      { route: "inner", when },
      { provider: "b", model: "m" },
    ],
  };
  const outer = await ask("PUT", "/outer", { body: nesting });
  assert.equal(outer.status, 200, JSON.stringify(outer.body));
  assert.deepEqual(
    [outer.body.targets[0].route, outer.body.targets[0].when, outer.body.targets[0].health],
    [...["inner", when, null]],
  );
  const loop = await ask("PUT", "/inner", { body: { targets: [{ route: "outer" }] } });
  assert.deepEqual(codeOf(loop), [400, "GATEWAY_084"]);
  assert.match(loop.body.error.message, /the route 'outer' cannot stand in this one/);
  const nowhere = await ask("PUT", "/x", { body: { targets: [{ route: "nowhere" }] }, language: "zh-CN" });
  assert.match(nowhere.body.error.message, /路由“nowhere”不能放入此路由/);
  assert.deepEqual(codeOf(await ask("PUT", "/x", { body: { targets: [{ route: "x" }] } })), [400, "GATEWAY_084"]);
  assert.deepEqual(codeOf(await ask("PUT", "/x", { as: "other", body: nesting })), [400, "GATEWAY_084"]);
  assert.equal((await ask("DELETE", "/inner")).status, 200);
  assert.equal((await ask("GET", "/outer")).status, 200, "what is left of it serves");
  await ask("DELETE", "/outer");
});

test("each operation has its permission", async () => {
  for (const [method, path, body] of [
    ["PUT", "/x", toA],
    ["DELETE", "/x", undefined],
    ["POST", "/x:dry-run", toA],
  ] as const) {
    assert.equal((await ask(method, path, { as: "reader", body })).status, 403, method);
  }
  assert.equal((await ask("GET", "", { as: "reader" })).status, 200);
  for (const path of ["", "/x"]) assert.equal((await ask("GET", path, { as: "caller" })).status, 403);
});

test("a change on one node counts on another within two seconds", async () => {
  const node = await service.startNode();
  await service.hear();
  const spec = {
    strategy: "fallback" as const,
    targets: [],
    name: "far",
    hedge: null,
    continues: false,
    embedding: null,
    mirror: null,
  };
  const target = { provider: "a", model: "m", priority: 0, weight: 1, quality: 1, tags: {}, users: [], keys: [] };
  await node.ops.putRoute({ ...spec, targets: [target], tenantId: "ten_1", expectedVersion: undefined });
  const startMs = performance.now();
  await waitUntil(async () => (await ask("GET", "/far")).status === 200);
  await node.ops.removeRoute({ tenantId: "ten_1", name: "far" });
  await waitUntil(async () => (await ask("GET", "/far")).status === 404);
  assert.ok(performance.now() - startMs < 2 * 2_000);
});

test("a route that compares names a model that makes vectors, and keeps its examples through its versions", async () => {
  const meaning = { examples: ["my card was charged twice", " refund please "], similarity: 0.6 };
  const targets = [
    { provider: "a", model: "m", when: { meaning } },
    { provider: "b", model: "m" },
  ];
  assert.deepEqual(codeOf(await ask("PUT", "/near", { body: { targets } })), [400, "GATEWAY_127"]);
  assert.deepEqual(codeOf(await ask("POST", "/near:dry-run", { body: { targets } })), [400, "GATEWAY_127"]);
  assert.deepEqual(codeOf(await ask("PUT", "/near", { body: { targets, embedding: "none" } })), [400, "GATEWAY_098"]);
  const made = await ask("PUT", "/near", { body: { targets, embedding: "n" } });
  assert.deepEqual([made.status, made.body.embedding], [200, "n"], JSON.stringify(made.body));
  assert.deepEqual(made.body.targets[0].when.meaning.examples, ["my card was charged twice", "refund please"]);
  const { data } = (await askAt("/route-versions/near")).body;
  assert.deepEqual([data[0].embedding, data[0].targets[0].when.meaning.similarity], ["n", 0.6]);
  for (const wrong of [{ examples: [] }, { examples: [""] }, { examples: ["x"], similarity: 2 }, { example: "x" }]) {
    const body = { embedding: "n", targets: [{ ...targets[0], when: { meaning: wrong } }] };
    assert.equal((await ask("PUT", "/near", { body })).status, 400, JSON.stringify(wrong));
  }
  await ask("DELETE", "/near");
});

test("two who change a route at once: one of them is told, and nothing is lost", async () => {
  await ask("PUT", "/contended", { body: toA });
  const answers = await Promise.all(
    Array.from({ length: 6 }, () => ask("PUT", "/contended", { body: toA, ifMatch: '"1"' })),
  );
  const statuses = answers.map(({ status }) => status).toSorted();
  assert.deepEqual(statuses, [200, 412, 412, 412, 412, 412]);
  assert.equal((await ask("GET", "/contended")).body.version, 2);
});
