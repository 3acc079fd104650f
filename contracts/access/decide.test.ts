import assert from "node:assert/strict";
import { test } from "node:test";
import { type AccessScope, decide, type Grant } from "./decide.ts";

const tenant: AccessScope = { kind: "tenant", id: "" };
const platform: AccessScope = { kind: "platform", id: "" };
const own: AccessScope = { kind: "own", id: "" };
const group = (id: string): AccessScope => ({ kind: "group", id });
const held = (permission: string, scope: AccessScope): Grant => ({
  permission,
  scope,
  source: { kind: "role", name: "r" },
});
const isAllowed = (grants: readonly Grant[], permission: string, scope: AccessScope) =>
  decide(grants, { permission, scope }).isAllowed;

test("what nobody gave is refused", () => {
  for (const scope of [tenant, platform, own, group("grp_1")]) {
    assert.equal(isAllowed([], "key:read", scope), false);
    assert.equal(isAllowed([held("user:read", tenant)], "key:read", scope), false);
  }
});

test("a permission in the tenant covers its groups and one's own, one in a group that group alone", () => {
  const inTenant = [held("group:*", tenant)];
  for (const scope of [tenant, own, group("grp_1")]) assert.equal(isAllowed(inTenant, "group:update", scope), true);
  assert.equal(isAllowed(inTenant, "group:update", platform), false);
  const inGroup = [held("group:update", group("grp_1"))];
  assert.equal(isAllowed(inGroup, "group:update", group("grp_1")), true);
  for (const scope of [tenant, own, platform, group("grp_2")]) {
    assert.equal(isAllowed(inGroup, "group:update", scope), false);
  }
  assert.equal(isAllowed([held("user:read", own)], "user:read", tenant), false);
});

test("what is done in a group takes a role there, or the management of all groups", () => {
  for (const permission of ["group:update", "group:delete", "member:manage"]) {
    assert.equal(
      isAllowed([held("group:update", tenant), held("group:delete", tenant)], permission, group("grp_1")),
      false,
    );
    assert.equal(isAllowed([held("group:manage", tenant)], permission, group("grp_1")), true);
    assert.equal(isAllowed([held("*", tenant)], permission, group("grp_1")), true);
  }
  assert.equal(isAllowed([held("audit:read", tenant)], "audit:read", group("grp_1")), true);
});

test("everything in a tenant is nothing on the platform, and the other way round", () => {
  assert.equal(isAllowed([held("*", tenant)], "platform:tenants", platform), false);
  assert.equal(isAllowed([held("*", tenant)], "platform:tenants", tenant), false);
  assert.equal(isAllowed([held("platform:*", platform)], "platform:tenants", platform), true);
  assert.equal(isAllowed([held("platform:*", platform)], "key:read", tenant), false);
});

test("the answer names what decided, or where else the permission is held, in both languages", () => {
  const grants: Grant[] = [
    held("key:read", tenant),
    { permission: "billing:read", scope: tenant, source: { kind: "group_permission", name: "grp_7" } },
    { permission: "group:update", scope: group("grp_1"), source: { kind: "group_role", name: "admin" } },
  ];
  const yes = decide(grants, { permission: "billing:read", scope: tenant });
  assert.equal(yes.grant, grants[1]);
  assert.match(yes.explanation.en_US, /'billing:read' is allowed: membership of the group grp_7/);
  assert.match(yes.explanation.zh_CN, /群组 grp_7/);
  const no = decide(grants, { permission: "group:update", scope: group("grp_2") });
  assert.equal(no.grant, undefined);
  assert.match(no.explanation.en_US, /held in this group, not in this group|refused/);
  assert.match(decide(grants, { permission: "user:update", scope: own }).explanation.en_US, /neither the role/);
});
