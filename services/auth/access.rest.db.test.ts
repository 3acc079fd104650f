import assert from "node:assert/strict";
import { after, test } from "node:test";
import {
  groupArchived,
  groupCreated,
  groupMemberAdded,
  groupMemberRemoved,
  groupPermissionsChanged,
} from "@lyss/contracts/events/group.ts";
import { tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import { userCreated, userUpdated } from "@lyss/contracts/events/user.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { TenantStatus } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { UserStatus } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "./service.ts";

const service = await startTestService({ after }, auth, { clients: {} });
const { ops } = service;
await service.hear();
/** The bearer token is the caller: `<tenant>/<person>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "auth", routes: auth.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !permissions) return undefined;
    return { tenantId, userId, keyId: "", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());

const tenantId = "ten_1";
const start = (userId: string, role: string, methods = ["pwd"], tenant = tenantId) =>
  ops.startSession({ userId, tenantId: tenant, role, methods, clientAddress: "", userAgent: "" });

async function ask(token: string, path: string, body: object, headers?: Record<string, string>) {
  const { status, json } = await server.call(token, "POST", `/api/v1/users/${path}/check-permission`, body, headers);
  return { status, json, code: json.error?.code };
}

const person = async (userId: string, role: string, tenant = tenantId) =>
  service.say(userCreated, { userId, tenantId: tenant, role });
await person("usr_member", "member");
await person("usr_admin", "admin");
await person("usr_op", "operator");
await person("usr_other", "owner", "ten_2");
await service.say(groupCreated, { groupId: "grp_top", tenantId, name: "Top" });
await service.say(groupCreated, { groupId: "grp_low", tenantId, name: "Low", parentId: "grp_top" });
await service.say(groupMemberAdded, { groupId: "grp_top", tenantId, userId: "usr_member", role: "admin" });
await service.untilHeard();

const member = `${tenantId}/usr_member/user:read`;
const admin = `${tenantId}/usr_admin/user:*,group:*`;

test("everybody may ask what they are allowed themselves, and is told what decided", async () => {
  const role = await ask(member, "me", { permission: "key:create", explain: true });
  assert.equal(role.status, 200, JSON.stringify(role.json));
  assert.deepEqual([role.json.user_id, role.json.allowed], ["usr_member", true]);
  assert.deepEqual(role.json.decided_by, {
    ...{ source: "role", name: "member", permission: "key:create", scope: "tenant" },
  });
  assert.match(role.json.explanation, /the role member gives 'key:create'/);
  const pair = await ask(member, "usr_member", { resource: "user", action: "delete" });
  assert.deepEqual(pair.json, {
    ...{ object: "permission_check", user_id: "usr_member", permission: "user:delete", allowed: false },
  });
  assert.equal((await ask(member, "me", { permission: "user:delete", scope: { type: "own" } })).json.allowed, true);
  const chinese = await ask(member, "me", { permission: "user:delete", explain: true }, { "accept-language": "zh-CN" });
  assert.deepEqual([chinese.json.decided_by, /拒绝/.test(chinese.json.explanation)], [null, true]);
  const operator = `${tenantId}/usr_op/user:read`;
  assert.equal((await ask(operator, "me", { permission: "platform:tenants" })).json.allowed, true);
  assert.equal((await ask(admin, "me", { permission: "platform:tenants" })).json.allowed, false);
});

test("a role in a group counts there and below, and whoever may not know of the group is told that there is none", async () => {
  const inGroup = (id: string) => ({ permission: "member:manage", scope: { type: "group", id }, explain: true });
  const below = await ask(member, "me", inGroup("grp_low"));
  assert.deepEqual([below.json.allowed, below.json.decided_by.source], [true, "group_role"]);
  assert.equal((await ask(admin, "usr_member", inGroup("grp_top"))).json.allowed, true);
  // Who manages all groups does so in each of them.
  const managing = await ask(admin, "usr_admin", inGroup("grp_top"));
  assert.deepEqual([managing.json.allowed, managing.json.decided_by.source], [true, "role"]);
  assert.equal((await ask(admin, "usr_admin", inGroup("grp_none"))).code, "AUTH_061");
  assert.equal((await ask(`${tenantId}/usr_op/user:read`, "me", inGroup("grp_top"))).status, 404);
});

test("about others ask those who hold user:check; another tenant's people do not exist; bad input names the field", async () => {
  assert.equal((await ask(member, "usr_admin", { permission: "key:read" })).status, 403);
  assert.equal((await ask(admin, "usr_member", { permission: "key:read" })).json.allowed, true);
  assert.equal((await ask(admin, "usr_other", { permission: "key:read" })).code, "AUTH_060");
  assert.equal((await ask("", "me", { permission: "key:read" })).status, 401);
  for (const [body, field] of [
    [{}, "permission"],
    [{ permission: "key:*" }, "permission"],
    [{ permission: "key:read", resource: "key", action: "read" }, "permission"],
    [{ resource: "key" }, "permission"],
    [{ permission: "key:read", scope: { type: "group" } }, "scope.id"],
    [{ permission: "key:read", role: "owner" }, "role"],
  ] as const) {
    const answer = await ask(member, "me", body);
    assert.deepEqual([answer.status, answer.json.error.details.field], [400, field], JSON.stringify(body));
  }
});

test("what a group gives is in the verdict of a session as soon as it is heard, and every node is told to ask anew", async () => {
  await person("usr_ann", "viewer");
  const { sessionId } = await start("usr_ann", "viewer");
  const held = async () => {
    const verdict = await ops.checkSession({ sessionId });
    return verdict.isActive && verdict.permissions.includes("billing:audit");
  };
  const changes = async () => (await service.listEvents()).filter(({ type }) => type === "access.changed").length;
  const given = { groupId: "grp_low", tenantId, permissions: ["billing:audit"] };
  await service.say(groupPermissionsChanged, given);
  await service.untilHeard();
  assert.equal(await held(), false);
  let before = await changes();
  const place = { groupId: "grp_low", tenantId, userId: "usr_ann" };
  const joins = () => service.say(groupMemberAdded, { ...place, role: "viewer" });
  const steps: readonly (readonly [say: () => Promise<void>, expected: boolean])[] = [
    [joins, true],
    [() => service.say(groupMemberRemoved, place), false],
    [joins, true],
    [() => service.say(groupPermissionsChanged, { ...given, permissions: [] }), false],
    [() => service.say(groupPermissionsChanged, given), true],
  ];
  for (const [say, expected] of steps) {
    await say();
    await service.untilHeard();
    assert.equal(await held(), expected);
    assert.equal(await changes(), before + 1);
    before++;
  }
  const why = await ask(`${tenantId}/usr_ann/user:read`, "me", { permission: "billing:audit", explain: true });
  assert.deepEqual([why.json.decided_by.source, why.json.decided_by.name], ["group_permission", "grp_low"]);
  await service.say(groupArchived, { groupId: "grp_low", tenantId });
  await service.untilHeard();
  assert.equal(await held(), false);
});

test("whoever is suspended is allowed nothing", async () => {
  await person("usr_sus", "owner");
  await service.say(userUpdated, {
    ...{ userId: "usr_sus", tenantId, role: "owner", status: UserStatus.SUSPENDED, version: 2n },
  });
  await service.untilHeard();
  const answer = await ask(admin, "usr_sus", { permission: "key:read", explain: true });
  assert.deepEqual([answer.json.allowed, answer.json.decided_by], [false, null]);
});

test("a tenant's settings decide how its people sign in and for how long; operators are never shut out", async () => {
  const tenant = "ten_policy";
  const settings = {
    signInMethods: ["sso"],
    sessionIdleMinutes: 5,
    sessionLifetimeHours: 1,
    requireMfa: false,
    silentImpersonation: true,
  };
  const say = (version: bigint, given: object) =>
    service.say(tenantUpdated, { tenantId: tenant, status: TenantStatus.ACTIVE, settings: given, version });
  await say(3n, settings);
  await say(2n, { ...settings, signInMethods: [] });
  await service.untilHeard();
  await assert.rejects(start("usr_p", "member", ["pwd"], tenant), (err) =>
    isFailure(err, authFailures.sign_in_method_refused),
  );
  await assert.rejects(start("usr_p", "member", ["hwk"], tenant), (err) =>
    isFailure(err, authFailures.sign_in_method_refused),
  );
  const tokens = await start("usr_p", "member", ["fed"], tenant);
  assert.equal(tokens.refreshExpiresInSeconds, 300);
  const verdict = await ops.checkSession({ sessionId: tokens.sessionId });
  assert.ok(verdict.isActive);
  assert.equal(verdict.session.expiresAt.getTime() - verdict.session.createdAt.getTime(), 3_600_000);
  await start("usr_o", "operator", ["pwd"], tenant);
});
