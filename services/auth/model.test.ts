import assert from "node:assert/strict";
import { test } from "node:test";
import { permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { permits } from "@lyss/kit/rpc/call-context.ts";
import { defaultKeyPermissions, earlier, findModelNotHeld, findPermissionNotHeld, keyFields } from "./model.ts";

const grantor = (permissions: readonly string[], models: readonly string[] = []) => ({
  userId: "usr_a",
  permissions,
  models,
});

test("nobody gives a permission that they lack, by name or by wildcard", () => {
  const cases: readonly (readonly [held: readonly string[], wanted: string, isHeld: boolean])[] = [
    [["*"], "*", true],
    [["*"], "key:*", true],
    [["*:*"], "*", true],
    [["key:*"], "key:create", true],
    [["key:*"], "key:*", true],
    [["*:read"], "key:read", true],
    [["key:create"], "key:*", false],
    [["key:create"], "*:create", false],
    [["key:*"], "*", false],
    [["*:read"], "*", false],
    [["*:read"], "key:*", false],
    [["key:*"], "keys:create", false],
    [[], "model:call", false],
    [["*"], "platform:events", false],
    [["*"], "platform:*", false],
    [["*:*"], "platform:*", false],
    [["*:events"], "platform:events", false],
    [["platform:events"], "platform:events", true],
    [["platform:events"], "platform:*", false],
    [["platform:*"], "platform:events", true],
    [["platform:*"], "*:events", false],
    [["*", "platform:*"], "*", true],
  ];
  for (const [held, wanted, isHeld] of cases) {
    assert.equal(
      findPermissionNotHeld(grantor(held), [wanted]),
      isHeld ? undefined : wanted,
      `${held} gives ${wanted}`,
    );
  }
});

test("who may use some models gives some of those, and never all", () => {
  assert.equal(findModelNotHeld(grantor(["*"]), []), undefined);
  assert.equal(findModelNotHeld(grantor(["*"], ["a", "b"]), ["a"]), undefined);
  assert.equal(findModelNotHeld(grantor(["*"], ["a", "b"]), ["a", "c"]), "c");
  assert.equal(findModelNotHeld(grantor(["*"], ["a", "b"]), []), "*");
});

test("whoever creates keys by role can give the usual permissions; a viewer creates none", () => {
  for (const role of ["operator", "owner", "admin", "member"]) {
    const held = permissionsByRole[role] ?? [];
    assert.ok(permits(held, "key:create"));
    assert.equal(findPermissionNotHeld(grantor(held), defaultKeyPermissions), undefined, role);
  }
  assert.equal(permits(permissionsByRole.viewer ?? [], "key:create"), false);
  assert.equal(permits(permissionsByRole.member ?? [], "key:manage"), false);
  assert.equal(permits(permissionsByRole.admin ?? [], "billing:top_up"), false);
  const operating = Object.keys(permissionsByRole).filter((role) =>
    permits(permissionsByRole[role] ?? [], "platform:events"),
  );
  assert.deepEqual(operating, ["operator"]);
});

test("a permission is resource:action and nothing else", () => {
  const parse = (permission: string) => keyFields.permissions.safeParse([permission]).success;
  for (const good of ["*", "*:*", "model:*", "*:read", "model:call", "billing:top_up"]) assert.ok(parse(good), good);
  for (const bad of [
    "",
    "model",
    "model:",
    ":call",
    "Model:call",
    "model:call:all",
    "**",
    "model :call",
    "model:call\n",
  ]) {
    assert.equal(parse(bad), false, bad);
  }
});

test("the earlier of two times, where null never comes", () => {
  const [a, b] = [new Date(1), new Date(2)];
  assert.equal(earlier(a, b), a);
  assert.equal(earlier(b, a), a);
  assert.equal(earlier(null, b), b);
  assert.equal(earlier(a, null), a);
  assert.equal(earlier(null, null), null);
});
