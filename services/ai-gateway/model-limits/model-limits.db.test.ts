import assert from "node:assert/strict";
import { after, test } from "node:test";
import { modelLimitReached } from "@lyss/contracts/events/ai-gateway.ts";
import { createOutbox } from "@lyss/kit/events/outbox.ts";
import { startTestServer, testCaller } from "@lyss/kit/http/http-test-server.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { ServiceDeps } from "@lyss/kit/service/define-service.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { aiGateway } from "../service.ts";
import { type ModelLimit, modelLimitSchema } from "./model-limit.ts";
import { createModelLimitStore } from "./model-limit-store.ts";
import { createReachedLimits } from "./reached-limits.ts";

// A gateway whose providers nobody asks needs none of the other services.
const clients = {} as ServiceDeps<(typeof aiGateway)["needs"], (typeof aiGateway)["config"]>["clients"];
const service = await startTestService({ after }, aiGateway, { clients, config: { aiGateway: { simulator: false } } });
const { ops } = service;
const operator: Caller = { ...testCaller, permissions: ["platform:resilience"] };
const server = await startTestServer({
  mounted: [{ name: "ai-gateway", routes: aiGateway.routes, ops, peerUrl: undefined }],
  guard: (req) => (req.headers.authorization === "Bearer operator" ? operator : testCaller),
});
after(() => server.close());

async function ask(
  method: string,
  path: string,
  given: { readonly body?: unknown; readonly as?: string; readonly ifMatch?: string; readonly language?: string } = {},
) {
  const { body, as = "operator", ifMatch, language = "en-US" } = given;
  const answer = await fetch(`${server.url}/admin/model-limits${path}`, {
    method,
    headers: {
      ...{ authorization: `Bearer ${as}`, "accept-language": language },
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(ifMatch !== undefined && { "if-match": ifMatch }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: the JSON of any route.
  return { status: answer.status, etag: answer.headers.get("etag"), body: (await answer.json()) as any };
}
const codeOf = ({ status, body }: Awaited<ReturnType<typeof ask>>) => [status, body.error?.code];
const spec = { provider: "openai", requests_per_minute: 10 };

test("a limit is made, read, changed under If-Match, listed in pages and removed, and each change is an event", async () => {
  const made = await ask("PUT", "/a", { body: spec });
  assert.deepEqual([made.status, made.etag], [200, '"1"'], JSON.stringify(made.body));
  const { updated_at: _at, ...about } = made.body;
  assert.deepEqual(about, {
    ...{ object: "model_limit", name: "a", provider: "openai", per: "all", requests_per_minute: 10 },
    ...{ cost_window_ms: 3_600_000, source: "api", version: 1 },
    used: { in_flight: 0, requests: 0, tokens: 0, cost_nanos: "0" },
  });
  assert.deepEqual((await ask("GET", "/a")).body, made.body);
  assert.deepEqual(codeOf(await ask("PUT", "/a", { body: spec, ifMatch: '"7"' })), [412, "GATEWAY_029"]);
  const changed = await ask("PUT", "/a", { body: { ...spec, per: "key" }, ifMatch: '"1"' });
  assert.deepEqual([changed.status, changed.etag, changed.body.used], [200, '"2"', null]);
  for (const name of ["c", "b"]) await ask("PUT", `/${name}`, { body: spec });
  const first = await ask("GET", "?limit=2");
  const rest = await ask("GET", `?limit=2&cursor=${first.body.next_cursor}`);
  const names = [...first.body.data, ...rest.body.data].map(({ name }: { name: string }) => name);
  assert.deepEqual([names, rest.body.next_cursor], [["a", "b", "c"], null]);
  for (const name of names) assert.equal((await ask("DELETE", `/${name}`)).status, 200);
  assert.deepEqual(codeOf(await ask("GET", "/a")), [404, "GATEWAY_027"]);
  assert.deepEqual(codeOf(await ask("DELETE", "/a")), [404, "GATEWAY_027"]);
  const events = (await service.listEvents()).filter(({ type }) => type === "model_limit.changed");
  assert.deepEqual(
    events.map(({ data }) => data["name"]),
    ["a", "a", "c", "b", "a", "b", "c"],
  );
});

test("what is no limit is refused, in both languages, and only operators set any", async () => {
  const wrong: readonly [string, unknown][] = [
    ["nothing", {}],
    ["nothing that it is for", { requests_per_minute: 1 }],
    ["nothing that it counts", { provider: "openai" }],
    ["an unknown field", { ...spec, nonsense: 1 }],
    ["none at all", { ...spec, requests_per_minute: 0 }],
    ["a cost that is no amount", { ...spec, cost_usd: "-1" }],
    ["a window of a second", { ...spec, cost_window_ms: 1_000 }],
  ];
  for (const [what, body] of wrong) assert.deepEqual(codeOf(await ask("PUT", "/x", { body })), [400, "KIT_002"], what);
  const chinese = await ask("PUT", "/x", { body: { provider: "openai" }, language: "zh-CN" });
  assert.match(JSON.stringify(chinese.body), /必须指定供应商或模型/);
  assert.deepEqual(codeOf(await ask("PUT", "/Bad%20Name", { body: spec })), [400, "KIT_002"]);
  for (const method of ["GET", "PUT", "DELETE"]) {
    const body = method === "PUT" ? spec : undefined;
    assert.equal((await ask(method, "/x", { as: "tenant", body })).status, 403, method);
  }
});

test("a change on one node counts on another within two seconds", async () => {
  const node = await service.startNode();
  await service.hear();
  const startMs = performance.now();
  await node.ops.putModelLimit({
    ...{ name: "far", provider: "openai", per: "all", maxConcurrent: 1, costWindowMs: 60_000 },
    expectedVersion: undefined,
  });
  await waitUntil(async () => (await ask("GET", "/far")).status === 200);
  assert.ok(performance.now() - startMs < 2_000);
});

test("that a limit is met is told once a minute on however many nodes: of one for all together to nobody's name, else to each tenant", async () => {
  const clock = createFakeClock();
  const { db, random } = service;
  const outbox = createOutbox({ source: "ai-gateway", publishes: [modelLimitReached], clock, random });
  const start = () => createReachedLimits({ db, outbox, clock, store: createModelLimitStore(db.sql) });
  const nodes = [start(), start()];
  const limitOf = (name: string, per: "all" | "key"): ModelLimit => ({
    ...modelLimitSchema.parse({ name, per, model: "gpt", requestsPerMinute: 1 }),
    ...{ source: "config", version: 1, updatedAt: new Date(0) },
  });
  const callers = ["a", "b"].map((id) => ({ tenantId: `ten_${id}`, userId: `usr_${id}`, keyId: `key_${id}` }));
  const meet = async () => {
    for (const { note, jobs } of nodes) {
      for (const by of callers) {
        note(limitOf("met.all", "all"), "requests", by);
        note(limitOf("met.key", "key"), "tokens", by);
      }
      for (const { run } of jobs) await run(AbortSignal.timeout(10_000));
    }
    const events = (await service.listEvents()).filter(({ type }) => type === "model_limit.reached");
    return events.map(({ data }) => [data["name"], data["of"], data["tenantId"], data["keyId"], data["model"]]);
  };
  const told = [
    ["met.all", "requests", undefined, undefined, "gpt"],
    ["met.key", "tokens", "ten_a", "key_a", "gpt"],
    ["met.key", "tokens", "ten_b", "key_b", "gpt"],
  ];
  assert.deepEqual(await meet(), told);
  assert.deepEqual(await meet(), told);
  clock.advance(60_000);
  assert.deepEqual(await meet(), [...told, ...told]);
});
