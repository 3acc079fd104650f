import assert from "node:assert/strict";
import { test } from "node:test";
import { createCatalog } from "./catalog.ts";
import type { Provider } from "./model.ts";
import { type Route, routeSchema } from "./routing/route.ts";

function provider(tenantId: string, name: string, ...models: readonly string[]): Provider {
  return { tenantId, name, models: models.map((model) => ({ name: model })) } as unknown as Provider;
}

function route(tenantId: string, name: string, ...targets: readonly string[]): Route {
  const written = targets.map((target) => target.split("/")).map(([at, model]) => ({ provider: at, model }));
  const spec = routeSchema.parse({ name, strategy: "fallback", targets: written });
  return { ...spec, tenantId, source: tenantId ? "tenant" : "config", version: 1, updatedAt: new Date(0) };
}

/** Where calls of a name go, each as whose provider it is and which model. */
function start() {
  const catalog = createCatalog();
  catalog.setShared([provider("", "openai", "m", "n"), provider("", "azure", "m")]);
  const targetsOf = (tenantId: string, name: string) =>
    catalog
      .findOffer(tenantId, name)
      ?.targets.map((target) => `${target.provider.tenantId}:${target.provider.name}/${target.model.name}`);
  return { catalog, targetsOf };
}

test("a tenant's own route stands before its models, these before the operator's route, that before his models", () => {
  const { catalog, targetsOf } = start();
  assert.deepEqual(targetsOf("t", "m"), [":openai/m", ":azure/m"]);
  catalog.setSharedRoutes([route("", "m", "azure/m", "openai/n")]);
  assert.deepEqual(targetsOf("t", "m"), [":azure/m", ":openai/n"]);
  catalog.setTenants([provider("t", "mine", "m")]);
  assert.deepEqual(targetsOf("t", "m"), ["t:mine/m"]);
  catalog.setTenantRoutes([route("t", "m", "openai/n", "mine/m")]);
  assert.deepEqual(targetsOf("t", "m"), [":openai/n", "t:mine/m"]);
  assert.deepEqual(targetsOf("other", "m"), [":azure/m", ":openai/n"]);
});

test("the operator's routes never go to a tenant's provider; a tenant's go to its own of that name first", () => {
  const { catalog, targetsOf } = start();
  catalog.setTenants([provider("t", "openai", "m")]);
  catalog.setSharedRoutes([route("", "shared", "openai/m")]);
  catalog.setTenantRoutes([route("t", "own", "openai/m")]);
  assert.deepEqual(targetsOf("t", "shared"), [":openai/m"]);
  assert.deepEqual(targetsOf("t", "own"), ["t:openai/m"]);
});

test("a target that is not there any more is passed over, and a route without any stands for nothing", () => {
  const { catalog, targetsOf } = start();
  catalog.setTenants([provider("t", "mine", "x")]);
  catalog.setTenantRoutes([route("t", "m", "mine/x", "azure/m"), route("t", "gone", "mine/x")]);
  catalog.setTenants([]);
  assert.deepEqual(targetsOf("t", "m"), [":azure/m"]);
  assert.equal(targetsOf("t", "gone"), undefined);
  catalog.setShared([provider("", "openai", "m")]);
  assert.deepEqual(targetsOf("t", "m"), [":openai/m"]);
});

test("each name is listed once, as far as the key may use it, and is the same object until something changes", () => {
  const { catalog } = start();
  catalog.setTenantRoutes([route("t", "smart", "openai/m"), route("t", "m", "azure/m")]);
  const names = (allowed: readonly string[]) => catalog.listOffers("t", allowed).map(({ name }) => name);
  assert.deepEqual(names([]).toSorted(), ["m", "n", "smart"]);
  assert.deepEqual(names(["smart"]), ["smart"]);
  assert.equal(catalog.findOffer("t", "smart"), catalog.findOffer("t", "smart"));
});
