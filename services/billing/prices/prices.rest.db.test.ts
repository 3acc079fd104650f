import assert from "node:assert/strict";
import { after, test } from "node:test";
import { BillingService, PriceOrigin } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { eachTransport } from "@lyss/kit/testing/each-transport.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createBillingRpc } from "../rpc.ts";
import { billing } from "../service.ts";

const service = await startTestService({ after }, billing, { clients: {} });
const { ops, random } = service;
/** The bearer token is the caller: `<tenant>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !permissions) return undefined;
    return { tenantId, userId: "usr_a", keyId: "", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());

type Method = "GET" | "POST" | "PUT" | "DELETE";
const call = (method: Method, path: string, body?: unknown, token = "ten_op/platform:billing") =>
  server.call(token, method, path, body);
const terms = {
  rates: { input: "150000000", cache_read: "75000000", output: "600000000", reasoning: "700000000" },
  tiers: [{ above_input_tokens: "200000", rates: { input: "300000000" }, modes: { batch: { input: "150000000" } } }],
  modes: { batch: { input: "75000000", output: "300000000" } },
  windows: [{ from_minute: 960, to_minute: 30, rates: { output: "500000000" } }],
  markup_ppm: 50_000,
};

test("an operator puts a price with all its terms, the tenant sees it, and a repeat is the same version", async () => {
  const prices = [{ provider: "p", model: "rest", terms }];
  const put = await call("PUT", "/admin/billing/prices", { prices });
  assert.equal(put.status, 200);
  const [version] = put.json.data;
  assert.deepEqual(
    [version.terms, version.origin, version.tenant_id, version.in_force],
    [terms, "operator", null, true],
  );
  assert.deepEqual((await call("PUT", "/admin/billing/prices", { prices })).json, put.json);
  const said = (await service.listEvents()).filter(({ type }) => type === "billing.prices.changed");
  assert.deepEqual([said.length, said[0]?.data["actorId"]], [1, "usr_a"]);
  const { json } = await call("GET", "/v1/billing/prices?provider=p", undefined, "ten_a/billing:read");
  const seen = json.data.find((it: { model: string }) => it.model === "rest");
  assert.deepEqual([seen.id, seen.terms, seen.input_nanos_per_million], [version.id, terms, "150000000"]);
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const scheduled = await call("PUT", "/admin/billing/prices", {
    prices: [{ provider: "p", model: "rest", terms: { rates: { input: "1" } } }],
    effective_at: later,
  });
  assert.deepEqual([scheduled.json.data[0].effective_at, scheduled.json.data[0].in_force], [later, false]);
  const versions = await call("GET", "/admin/billing/prices/versions?provider=p&model=rest&limit=1");
  assert.deepEqual([versions.json.data[0].version, typeof versions.json.next_cursor], [2, "string"]);
});

test("a plan is made, put on a tenant and tried out, and taken off again", async () => {
  const body = { markup_ppm: -100_000, description: "ten percent off" };
  const { json: plan } = await call("PUT", "/admin/billing/plans/partners", body);
  assert.deepEqual([plan.name, plan.markup_ppm, plan.version, plan.tenants], ["partners", -100_000, 1, 0]);
  assert.equal(plan.max_credit_limit, "0");
  assert.equal((await call("PUT", "/admin/billing/plans/partners/tenants/ten_b")).status, 200);
  assert.equal((await call("GET", "/admin/billing/plans/partners")).json.tenants, 1);
  const { json: tenants } = await call("GET", "/admin/billing/plans/partners/tenants");
  assert.deepEqual(
    tenants.data.map((it: { tenant_id: string }) => it.tenant_id),
    ["ten_b"],
  );
  await call("PUT", "/admin/billing/prices", {
    prices: [{ provider: "p", model: "plain", terms: { rates: { input: "1000" } } }],
  });
  const mine = await call("GET", "/v1/billing/prices?provider=p", undefined, "ten_b/billing:read");
  const plain = mine.json.data.find((it: { model: string }) => it.model === "plain");
  assert.equal(plain.terms.markup_ppm, -100_000);
  const range = { from: new Date(Date.now() - 86_400_000).toISOString(), to: new Date().toISOString() };
  const tried = await call("POST", "/admin/billing/prices:dry-run", { ...range, plan: "partners" });
  assert.deepEqual([tried.status, tried.json.data], [200, []]);
  assert.equal((await call("DELETE", "/admin/billing/plans/partners/tenants/ten_b")).status, 200);
  assert.equal((await call("GET", "/admin/billing/plans")).json.data[0].tenants, 0);
});

test("what is no price, no plan or no range is refused in both languages, naming the field", async () => {
  const priced = (other: object) => ({ prices: [{ provider: "p", model: "m", terms: other }] });
  const cases: readonly (readonly [Method, string, unknown, number, RegExp])[] = [
    ["PUT", "/admin/billing/prices", priced({ rates: {} }), 400, /rates/],
    ["PUT", "/admin/billing/prices", priced({ rates: { input: "-1" } }), 400, /input/],
    ["PUT", "/admin/billing/prices", priced({ rates: { color: "1" } }), 400, /color/],
    ["PUT", "/admin/billing/prices", priced({ rates: { input: "1" }, markup_ppm: -1_000_001 }), 400, /markup_ppm/],
    ["PUT", "/admin/billing/prices", { ...priced({ rates: { input: "1" } }), plan: "none" }, 404, /none/],
    [
      "PUT",
      "/admin/billing/prices",
      { ...priced({ rates: { input: "1" } }), effective_at: "2020-01-01T00:00:00Z" },
      400,
      /effective_at/,
    ],
    ["PUT", "/admin/billing/plans/No Plan", { markup_ppm: 1 }, 400, /name/],
    ["GET", "/admin/billing/plans/none", undefined, 404, /none/],
    ["POST", "/admin/billing/prices:dry-run", { from: "2026-01-01T00:00:00Z", to: "2026-12-01T00:00:00Z" }, 400, /93/],
    ["GET", "/admin/billing/prices/versions?provider=p", undefined, 400, /model/],
  ];
  for (const [method, path, body, status, text] of cases) {
    const answer = await call(method, encodeURI(path), body);
    assert.equal(answer.status, status, `${method} ${path} ${JSON.stringify(body)}`);
    assert.match(answer.json.error.message_i18n.en_US, text);
    assert.match(answer.json.error.message_i18n.zh_CN, /\p{Script=Han}/u);
  }
});

test("the price book is for those who operate the platform: a tenant's own rights do not open it", async () => {
  for (const token of ["ten_a/billing:*", "ten_a/*"]) {
    for (const [method, path] of [
      ["GET", "/admin/billing/plans"],
      ["PUT", "/admin/billing/plans/mine"],
      ["PUT", "/admin/billing/prices"],
      ["POST", "/admin/billing/prices:dry-run"],
    ] as const) {
      assert.equal(
        (await call(method, path, method === "GET" ? undefined : {}, token)).status,
        403,
        `${token} ${path}`,
      );
    }
  }
});

eachTransport("the price book", (serve) => {
  test("a peer puts prices and plans, and reads versions and estimates, as over REST", async () => {
    await using served = await serve(BillingService, createBillingRpc(ops));
    const { client } = served;
    const [model, name] = [random.id("m"), random.id("plan").toLowerCase().replace("_", "-")];
    const price = { provider: "p", model, terms: { rates: { input: 5n, cacheRead: 0n }, markupPpm: 10 } };
    const origin = PriceOrigin.OPERATOR;
    const { prices } = await client.putPrices({ prices: [price], origin });
    assert.deepEqual([prices[0]?.version, prices[0]?.terms?.rates?.input, prices[0]?.origin], [1, 5n, origin]);
    assert.deepEqual([prices[0]?.terms?.rates?.cacheRead, prices[0]?.terms?.rates?.output], [0n, undefined]);
    const { plan } = await client.putPlan({ name, markupPpm: 7 });
    assert.deepEqual([plan?.name, plan?.markupPpm], [name, 7]);
    await client.putPrices({ prices: [price], origin, plan: name });
    const { prices: own } = await client.listPriceVersions({ provider: "p", model, plan: name });
    assert.deepEqual([own.length, own[0]?.planId], [1, plan?.planId]);
    await client.assignPlan({ name, tenantId: "ten_c" });
    assert.equal((await client.listPlanTenants({ name })).tenants[0]?.tenantId, "ten_c");
    await client.unassignPlan({ name, tenantId: "ten_c" });
    assert.equal((await client.getPlan({ name })).plan?.tenants, 0);
    assert.ok((await client.listPlans({})).plans.some((it) => it.name === name));
    const [from, to] = [{ seconds: 1_700_000_000n }, { seconds: 1_700_003_600n }];
    assert.deepEqual((await client.estimateCosts({ from, to, plan: name })).estimates, []);
    for (const bad of [
      client.putPrices({ prices: [{ provider: "p", model, terms: { rates: {} } }] }),
      client.estimateCosts({ to }),
      client.putPlan({ name, markupPpm: -2_000_000 }),
      client.getPlan({ name: "" }),
    ]) {
      await assert.rejects(bad, (err) => isFailure(err, kitFailures.invalid_request));
    }
  });
});
