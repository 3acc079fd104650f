import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { createCatalog } from "./catalog.ts";
import { aiGatewayConfig } from "./config.ts";
import { toUpstreamFailure } from "./dialects/openai/upstream-failure.ts";
import type { Provider } from "./model.ts";
import { createProviderPolicies, judgeProvider } from "./provider-policies.ts";

function provider(name: string, tenantId = ""): Provider {
  const names = { providerId: `${tenantId}:${name}`, tenantId, name, dialect: "openai", baseUrl: "https://x" } as const;
  return {
    ...names,
    source: "config",
    credentialId: "",
    models: [],
    onDisconnect: "cancel",
    serverTools: false,
    createdAt: new Date(0),
  };
}

function start(policies: object = {}) {
  const clock = createFakeClock();
  const catalog = createCatalog();
  const told: string[] = [];
  const settings = (given: object) => aiGatewayConfig.resilience.parse({ policies: given });
  const made = createProviderPolicies(settings(policies), catalog, {
    ...{ clock, random: createRandom(clock) },
    onBreakerChange: (policy, { to }) => told.push(`${policy} ${to}`),
  });
  return { catalog, made, told, settings };
}

const abort = () => new AbortController();
const down = () => Promise.reject(new Error("connection reset"));
const once = { breaker: { trip: { kind: "consecutive", maxFailures: 1 } } };

test("a provider has its own policy's limits, else those of all, else the defaults; the simulated one has none", () => {
  const { made } = start({ "provider.own": { bulkhead: {} }, provider: { breaker: {} } });
  const partsOf = (name: string) => {
    const { breaker, bulkhead } = made.policyOf(provider(name)).stats();
    return [breaker !== undefined, bulkhead !== undefined];
  };
  assert.deepEqual(
    [partsOf("own"), partsOf("other"), partsOf("simulated")],
    [
      [false, true],
      [true, false],
      [false, false],
    ],
  );
  assert.deepEqual(Object.keys(start().made.policyOf(provider("any")).stats()), [
    "calls",
    "retry",
    "bulkhead",
    "breaker",
  ]);
  assert.ok(start().made.policyOf(provider("any")).stats().breaker);
});

test("providers of the same name of two tenants never share a breaker", async () => {
  const { made, told } = start({ provider: once });
  const [mine, yours] = [provider("own", "ten_1"), provider("own", "ten_2")];
  await assert.rejects(made.policyOf(mine).open(down, abort()));
  assert.deepEqual(told, ["provider.own@ten_1 open"]);
  (await made.policyOf(yours).open(async () => 1, abort())).end();
});

test("a policy is found by its name, made if need be, and forgotten with its provider", () => {
  const { made, catalog } = start();
  catalog.setShared([provider("shared")]);
  catalog.setTenants([provider("own", "ten_1")]);
  assert.equal(made.find("provider.shared"), made.policyOf(provider("shared")));
  assert.equal(made.find("provider.own@ten_1")?.name, "provider.own@ten_1");
  for (const name of ["provider.own", "provider.shared@ten_1", "provider.nobody", "shared", ""]) {
    assert.equal(made.find(name), undefined, name);
  }
  catalog.setTenants([]);
  made.prune();
  assert.deepEqual([...made.stats().keys()], ["provider.shared"]);
});

test("new limits leave an open breaker open", async () => {
  const { made, settings } = start({ provider: once });
  const policy = made.policyOf(provider("any"));
  await assert.rejects(policy.open(down, abort()));
  made.update(settings({ provider: { ...once, bulkhead: {} } }));
  assert.equal(policy.stats().breaker?.state, "open");
  assert.ok(policy.stats().bulkhead);
});

test("open breakers at half of the shared providers call for less to be offered; a tenant's own do not", async () => {
  const { made } = start({ provider: once });
  const fail = (of: Provider) => assert.rejects(made.policyOf(of).open(down, abort()));
  for (const name of ["a", "b", "c"]) made.policyOf(provider(name));
  await fail(provider("own", "ten_1"));
  await fail(provider("a"));
  assert.equal(made.level(), "normal");
  await fail(provider("b"));
  assert.equal(made.level(), "reduced");
});

test("a provider is judged by 5xx and silence, not by what was wrong with the request or the key", () => {
  const verdict = (status: number) =>
    judgeProvider(toUpstreamFailure({ model: "m", status, body: undefined, retryAfterMs: undefined }));
  for (const status of [400, 401, 403, 404, 405, 410, 413, 422])
    assert.equal(verdict(status), "success", String(status));
  for (const status of [500, 502, 503, 504, 529]) assert.equal(verdict(status), "failure", String(status));
  assert.equal(verdict(429), "ignored");
});
