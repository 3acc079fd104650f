import assert from "node:assert/strict";
import { after, test } from "node:test";
import { isTenantPermission, tenantPermissions } from "@lyss/contracts/access/permissions.ts";
import { builtInRoles, findNotHeld, permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { ssoConnectionCreated, ssoConnectionDeleted } from "@lyss/contracts/events/sso.ts";
import { tenantUpdated } from "@lyss/contracts/events/tenant.ts";
import { userCreated, userUpdated } from "@lyss/contracts/events/user.ts";
import { UserStatus } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "../service.ts";
import { maxRolesPerTenant } from "./role-model.ts";

const service = await startTestService({ after }, auth, { clients: {} });
const { ops, random, listEvents } = service;
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

const path = "/api/v1/tenants/me/roles";
const adminHolds = permissionsByRole["admin"] ?? [];

/** A tenant with an owner and an admin. */
async function begin() {
  const tenantId = random.id("ten");
  const as = (permissions: readonly string[] | string, userId = "usr_admin") =>
    `${tenantId}/${userId}/${typeof permissions === "string" ? permissions : permissions.join(",")}`;
  const owner = as("*", "usr_owner");
  const admin = as(adminHolds);
  const call = async (token: string, method: string, where: string, body?: object, headers?: object) => {
    const answer = await server.call(token, method, where, body, headers as Record<string, string>);
    return { ...answer, code: answer.json?.error?.code };
  };
  const make = (permissions: readonly string[], name = "support", token = owner) =>
    call(token, "POST", path, { name, title: "Support", permissions });
  /** A person with a role and an open session. */
  const person = async (role: string) => {
    const userId = random.id("usr");
    await service.say(userCreated, { userId, tenantId, role });
    await service.untilHeard();
    const { sessionId } = await ops.startSession({
      ...{ userId, tenantId, role, methods: ["pwd"], clientAddress: "", userAgent: "" },
    });
    const now = async () => {
      const verdict = await ops.checkSession({ sessionId });
      return verdict.isActive ? verdict.permissions : undefined;
    };
    return { userId, now };
  };
  return { tenantId, as, owner, admin, call, make, person };
}

const told = async (type: string, tenantId: string) =>
  (await listEvents()).filter((event) => event.type === type && event.data["tenantId"] === tenantId);

test("a role is made, shown beside the built-in ones, changed at its version, and removed; each is said with who did it", async () => {
  const { tenantId, owner, call, make } = await begin();
  const made = await make(["user:list", "billing:read", "user:list"]);
  assert.equal(made.status, 201, JSON.stringify(made.json));
  const { created_at, updated_at, ...rest } = made.json;
  assert.deepEqual(rest, {
    ...{ object: "role", name: "support", title: "Support", description: "", built_in: false, version: 1 },
    permissions: ["billing:read", "user:list"],
  });
  assert.equal(created_at, updated_at);
  assert.equal((await make(["user:list"])).code, "AUTH_091");
  const { json: list } = await call(owner, "GET", path);
  const names = list.data.map(({ name, built_in }: { name: string; built_in: boolean }) => `${name} ${built_in}`);
  assert.deepEqual(names, ["viewer true", "member true", "admin true", "owner true", "support false"]);
  assert.equal((await call(owner, "GET", `${path}/owner`)).json.permissions[0], "*");

  const one = `${path}/support`;
  assert.equal((await call(owner, "PATCH", one, { title: "x" }, { "if-match": '"7"' })).code, "AUTH_095");
  const changed = await call(owner, "PATCH", one, { permissions: ["key:*"], description: "d" }, { "if-match": '"1"' });
  assert.deepEqual([changed.status, changed.json.version, changed.json.permissions], [200, 2, ["key:*"]]);
  // What is so already says nothing new.
  assert.equal((await call(owner, "PATCH", one, { permissions: ["key:*"] })).json.version, 2);
  assert.deepEqual((await call(owner, "DELETE", one)).json, { object: "role", name: "support", deleted: true });
  assert.equal((await call(owner, "DELETE", one)).code, "AUTH_090");
  assert.equal((await call(owner, "GET", one)).code, "AUTH_090");

  const [created] = await told("role.created", tenantId);
  assert.deepEqual(
    [created?.data["actorId"], created?.data["permissions"]],
    ["usr_owner", ["billing:read", "user:list"]],
  );
  const updates = await told("role.updated", tenantId);
  assert.deepEqual(
    updates.map(({ data }) => data["changedFields"]),
    [["description", "permissions"]],
  );
  assert.equal((await told("role.removed", tenantId)).length, 1);
});

test("whoever has a role may do what it holds and see to their own account; what is taken from it their sessions, keys and clients lose", async () => {
  const { tenantId, owner, as, call, make, person } = await begin();
  await make(["model:call", "key:*", "client:*"]);
  const bob = await person("support");
  assert.deepEqual(await bob.now(), [
    ...["client:*", "key:*", "model:call"],
    ...["user:read", "session:read", "session:delete", "factor:manage"],
  ]);
  const held = (await bob.now()) ?? [];
  const bearer = as(held, bob.userId);
  const key = await call(bearer, "POST", "/v1/keys", { name: "k", permissions: ["model:call"] });
  assert.equal(key.status, 201, JSON.stringify(key.json));
  const keyNow = async () => {
    const verdict = await ops.verifyKey({ secret: new Secret(key.json.secret) });
    return verdict.isVerified ? verdict.key.permissions : undefined;
  };
  const client = await call(bearer, "POST", "/api/v1/auth/clients", {
    name: "c",
    permissions: ["model:call", "key:read"],
  });
  const scope = async () => {
    const { client_secret: secret, id: clientId } = client.json;
    const proof = { kind: "secret", secret: new Secret(secret) } as const;
    return (await ops.createClientToken({ clientId, proof, scope: "", clientAddress: "" })).scope;
  };
  assert.deepEqual([await keyNow(), await scope()], [["model:call"], "model:call key:read"]);
  const before = (await told("access.changed", tenantId)).length;
  await call(owner, "PATCH", `${path}/support`, { permissions: ["key:*"] });
  assert.equal((await bob.now())?.includes("model:call"), false);
  assert.deepEqual([await keyNow(), await scope()], [[], "key:read"]);
  const changes = (await told("access.changed", tenantId)).slice(before);
  assert.deepEqual(
    changes.map(({ data }) => data["userId"] ?? ""),
    [""],
    "every node asks anew of the whole tenant",
  );
  // A title is nothing that anybody may do.
  await call(owner, "PATCH", `${path}/support`, { title: "Desk" });
  assert.equal((await told("access.changed", tenantId)).length, before + 1);
});

test("a role that a setting gives is not removed, and the answer names the setting", async () => {
  const { tenantId, owner, call, make } = await begin();
  await make(["user:list"]);
  const connection = { connectionId: "sso_1", tenantId, name: "Acme", kind: "oidc" };
  await service.say(tenantUpdated, { tenantId, version: 2n, settings: { defaultRole: "support" } });
  await service.say(ssoConnectionCreated, { ...connection, version: 1n, roles: ["member", "support"] });
  await service.untilHeard();
  const remove = () => call(owner, "DELETE", `${path}/support`);
  const refused = await remove();
  assert.deepEqual(
    [refused.status, refused.code, refused.json.error.details],
    [409, "AUTH_097", { role: "support", usedBy: "sso_1, tenant" }],
  );
  assert.match(refused.json.error.message_i18n.zh_CN, /仍有设置授予角色“support”：sso_1, tenant/);
  await service.say(tenantUpdated, { tenantId, version: 3n, settings: { defaultRole: "" } });
  // What comes late is not what holds.
  await service.say(tenantUpdated, { tenantId, version: 2n, settings: { defaultRole: "support" } });
  await service.untilHeard();
  assert.equal((await remove()).json.error.details.usedBy, "sso_1");
  await service.say(ssoConnectionDeleted, { connectionId: "sso_1", tenantId, version: 2n });
  await service.untilHeard();
  assert.equal((await remove()).status, 200);
});

test("a decision names the role that the tenant has made", async () => {
  const { as, make, person, call } = await begin();
  await make(["billing:top_up"]);
  const bob = await person("support");
  const body = { permission: "billing:top_up", explain: true };
  const { json } = await call(as("user:read", bob.userId), "POST", "/api/v1/users/me/check-permission", body);
  assert.deepEqual([json.allowed, json.decided_by.source, json.decided_by.name], [true, "role", "support"]);
  assert.match(json.explanation, /the role support gives 'billing:top_up'/);
});

test("nobody makes, changes or removes a role that holds more than they do", async () => {
  const { admin, owner, as, call, make } = await begin();
  assert.equal((await make(["billing:top_up"], "finance", admin)).code, "AUTH_003");
  assert.equal((await make(["user:*"], "wide", as("role:manage,user:read"))).code, "AUTH_003");
  assert.equal((await make(["billing:top_up", "user:list"], "finance")).status, 201);
  for (const method of ["PATCH", "DELETE"]) {
    const body = method === "PATCH" ? { permissions: ["user:list"] } : undefined;
    const refused = await call(admin, method, `${path}/finance`, body);
    assert.deepEqual([refused.status, refused.code], [403, "AUTH_096"], method);
  }
  await make(["user:list"], "small");
  assert.equal((await call(admin, "PATCH", `${path}/small`, { permissions: ["billing:*"] })).code, "AUTH_003");
  assert.equal((await call(as("tenant:update"), "POST", path, { name: "xx", permissions: ["user:list"] })).status, 403);
  assert.equal((await call(owner, "DELETE", `${path}/small`)).status, 200);
});

test("a role holds what a tenant can give, under a name that no built-in role has", async () => {
  const { owner, make, call } = await begin();
  const operator = ["*", "platform:*"].join(",");
  for (const bad of [
    "*",
    "*:*",
    "platform:*",
    "platform:users",
    "*:read",
    "nothing:read",
    "user:nothing",
    "member:manage",
  ]) {
    const refused = await make([bad], "bad", owner.replace("*", operator));
    assert.deepEqual([refused.status, refused.code], [400, "KIT_002"], bad);
    assert.match(refused.json.error.message, /permissions/);
  }
  assert.equal((await make([], "none")).status, 400);
  for (const name of builtInRoles) {
    assert.equal((await make(["user:list"], name)).code, "AUTH_092", name);
    for (const method of ["PATCH", "DELETE"]) {
      const body = method === "PATCH" ? { permissions: ["user:list"] } : undefined;
      assert.equal((await call(owner, method, `${path}/${name}`, body)).code, "AUTH_092", name);
    }
  }
  for (const name of ["", "a", "Support", "1st", "a_b", "-a", "a-", "a".repeat(33), "ä1"]) {
    assert.equal((await make(["user:list"], name)).code, "KIT_002", name);
  }
  const extra = await call(owner, "POST", path, {
    name: "extra",
    permissions: ["user:list"],
    tenant_id: "ten_x",
    version: 9,
  });
  assert.equal(extra.code, "KIT_002");
});

test("another tenant's roles do not exist, except for operators; one's name means nothing elsewhere", async () => {
  const [here, there] = [await begin(), await begin()];
  await here.make(["user:list"]);
  const where = `/api/v1/tenants/${here.tenantId}/roles`;
  for (const [method, to, body] of [
    ["GET", where, undefined],
    ["POST", where, { name: "mine", permissions: ["user:list"] }],
    ["GET", `${where}/support`, undefined],
    ["PATCH", `${where}/support`, { title: "Mine" }],
    ["DELETE", `${where}/support`, undefined],
  ] as const) {
    assert.equal((await there.call(there.owner, method, to, body)).code, "TENANT_001", `${method} ${to}`);
  }
  const operator = there.as("*,platform:*", "usr_op");
  assert.equal((await there.call(operator, "GET", where)).code, "TENANT_001", "auth was told of no such tenant");
  await ops.setPrincipal({ tenantId: here.tenantId, userId: "", role: "", isBarred: false, version: 1n });
  assert.equal((await there.call(operator, "PATCH", `${where}/support`, { title: "Ours" })).status, 200);
  // The name is a role of one tenant.
  const stranger = { userId: random.id("usr"), tenantId: there.tenantId, role: "support" };
  await assert.rejects(
    ops.startSession({ ...stranger, methods: ["pwd"], clientAddress: "", userAgent: "" }),
    /There is no role 'support'/,
  );
});

test("a role that somebody has is not removed, and the answer says how many have it, in both languages", async () => {
  const { tenantId, owner, make, call, person } = await begin();
  await make(["user:list"]);
  const bob = await person("support");
  await person("support");
  await service.say(userUpdated, {
    userId: bob.userId,
    tenantId,
    role: "support",
    status: UserStatus.SUSPENDED,
    version: 2n,
  });
  await service.untilHeard();
  const refused = await call(owner, "DELETE", `${path}/support`, undefined, { "accept-language": "zh-CN" });
  assert.deepEqual([refused.status, refused.code], [409, "AUTH_093"]);
  assert.match(refused.json.error.message, /仍有 2 人/);
  for (const { userId } of [bob]) {
    await service.say(userUpdated, { userId, tenantId, role: "viewer", status: UserStatus.ACTIVE, version: 3n });
  }
  await service.untilHeard();
  assert.match((await call(owner, "DELETE", `${path}/support`)).json.error.message, /'support': 1\./);
});

test("a tenant has a hundred roles at most, also when two are made at once", async () => {
  const { make } = await begin();
  const statuses: number[] = [];
  for (let at = 0; at < maxRolesPerTenant - 1; at++) statuses.push((await make(["user:list"], `role-${at}`)).status);
  assert.deepEqual([...new Set(statuses)], [201]);
  const last = await Promise.all(["one", "two"].map((name) => make(["user:list"], name)));
  assert.deepEqual(last.map(({ status }) => status).sort(), [201, 409]);
});

test("what permissions there are is listed in the caller's language, and the built-in roles know no other", async () => {
  const { owner, call } = await begin();
  const { json } = await call(owner, "GET", "/api/v1/permissions", undefined, { "accept-language": "zh-CN" });
  assert.equal(json.data.length, Object.keys(tenantPermissions).length);
  assert.match(JSON.stringify(json.data), /调用模型/);
  for (const role of ["admin", "member", "viewer"]) {
    for (const permission of permissionsByRole[role] ?? [])
      assert.ok(isTenantPermission(permission) || permission === "group:*", permission);
  }
});

test("each built-in role holds all that the one before it does", () => {
  for (const [at, role] of builtInRoles.entries()) {
    const less = permissionsByRole[builtInRoles[at - 1] ?? ""] ?? [];
    assert.equal(findNotHeld(permissionsByRole[role] ?? [], less), undefined, role);
  }
});
