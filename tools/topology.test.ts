import assert from "node:assert/strict";
import { test } from "node:test";
import { tenantCreated, tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { type AnyService, defineService } from "@lyss/kit/service/define-service.ts";
import { findTopologyProblems, renderTopology } from "./topology.ts";

function sample(name: string, rest: Partial<AnyService> = {}): AnyService {
  const empty = { needs: {}, publishes: [], hears: [], config: {}, routes: [], start: async () => ({ ops: {} }) };
  return defineService({ name, ...empty, ...rest });
}

const tenant = sample("tenant", { publishes: [tenantUpdated, tenantCreated] });
const shop = sample("shop", { needs: { tenant: TenantService }, hears: [tenantCreated] });

function judge(services: readonly AnyService[], folders = services.map(({ name }) => name)): string {
  return findTopologyProblems(services, folders)
    .map(({ message }) => message)
    .join("\n");
}

test("services that call downward and hear what is published are in order", () => {
  assert.equal(judge([tenant, shop]), "");
});

test("a service that is not listed, not there, or listed twice is named", () => {
  assert.equal(judge([tenant], ["tenant", "shop"]), "services/shop is not in the list");
  assert.equal(judge([tenant], []), "tenant has no folder services/tenant");
  assert.match(judge([tenant, sample("tenant")]), /^tenant stands in the list twice/);
});

test("a need or an event that nobody meets is named", () => {
  assert.match(judge([shop]), /shop hears tenant\.created, which nobody publishes/);
  assert.match(judge([shop]), /shop needs tenant, which is not a service of this program/);
});

test("an event has one owner", () => {
  const thief = sample("thief", { publishes: [tenantCreated] });
  assert.equal(judge([tenant, thief]), "tenant.created has one owner, not tenant and thief");
});

test("calls never lead back to where they began", () => {
  const needs = { a: TenantService, b: TenantService, c: TenantService };
  const ring = [
    sample("a", { needs: { b: needs.b } }),
    sample("b", { needs: { c: needs.c } }),
    sample("c", { needs: { a: needs.a } }),
  ];
  assert.equal(judge(ring), "Services need each other in a circle: a → b → c → a. Close it with an event instead.");
});

test("the page says who calls, publishes and hears whom, whatever the order of the list", () => {
  const page = renderTopology([tenant, shop]);
  assert.equal(page, renderTopology([shop, tenant]));
  assert.match(page, /^ {2}shop --> tenant$/m);
  assert.match(page, /^ {2}tenant -\.->\|tenant\.created\| shop$/m);
  assert.match(page, /^\| \[shop\]\(\.\.\/services\/shop\/README\.md\) \| 0 \| tenant \| – \| tenant\.created \|$/m);
  assert.match(page, /^\| \[tenant\]\(\S+\) \| 0 \| – \| tenant\.created, tenant\.updated \| – \|$/m);
});
