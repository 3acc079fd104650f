import assert from "node:assert/strict";
import { after, test } from "node:test";
import { permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "./service.ts";

const { ops } = await startTestService({ after }, auth, { clients: {} });
/** The bearer token is the caller: `<tenant>/<person>/<role>`. */
const server = await startTestServer({
  mounted: [{ name: "auth", routes: auth.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, role] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !role) return undefined;
    return { tenantId, userId, keyId: "", ...noSession, permissions: permissionsByRole[role] ?? [], models: [] };
  },
});
after(() => server.close());

const { call } = server;

test("the public keys are there for everyone", async () => {
  const { status, json } = await call("", "GET", "/.well-known/jwks.json");
  assert.equal(status, 200);
  assert.deepEqual(json, { keys: ops.getJwks().keys });
});

for (const prefix of ["/v1", "/api/v1"]) {
  test(`a key is created, read, listed, rotated and revoked under ${prefix}`, async () => {
    const ann = `ten${prefix.replaceAll("/", "_")}/usr_ann/member`;
    const created = await call(ann, "POST", `${prefix}/keys`, { name: "laptop" });
    assert.equal(created.status, 201);
    const { secret, ...key } = created.json;
    assert.match(secret, /^lyss_[0-9A-Za-z]{36}$/);
    assert.deepEqual(key.permissions, ["model:call", "model:list", "billing:read"]);
    assert.deepEqual([key.user_id, key.created_by, key.expires_at], ["usr_ann", "usr_ann", null]);
    assert.deepEqual((await call(ann, "GET", `${prefix}/keys/${key.id}`)).json, key);

    const rotated = await call(ann, "POST", `${prefix}/keys/${key.id}/rotate`);
    assert.equal(rotated.status, 200);
    assert.notEqual(rotated.json.secret, secret);
    const list = await call(ann, "GET", `${prefix}/keys`);
    assert.deepEqual(list.json, {
      object: "list",
      data: [{ ...key, prefix: rotated.json.secret.slice(0, 11) }],
      next_cursor: null,
    });
    assert.ok((await call(ann, "DELETE", `${prefix}/keys/${key.id}`)).json.revoked_at);
    assert.equal((await call(ann, "POST", `${prefix}/keys/${key.id}/rotate`, { grace_seconds: 5 })).status, 409);
  });
}

test("a member reaches only keys of their own, an admin those of the tenant, a stranger none", async () => {
  const { json: key } = await call("ten_scope/usr_ann/member", "POST", "/v1/keys", { name: "laptop" });
  const reach = async (token: string) => {
    const { status } = await call(token, "GET", `/v1/keys/${key.id}`);
    const { json } = await call(token, "GET", "/v1/keys");
    assert.equal(json.data.length, status === 200 ? 1 : 0, token);
    return status;
  };
  assert.equal(await reach("ten_scope/usr_ann/member"), 200);
  assert.equal(await reach("ten_scope/usr_bob/member"), 404);
  assert.equal(await reach("ten_scope/usr_root/admin"), 200);
  assert.equal(await reach("ten_other/usr_root/owner"), 404);
  for (const [method, path] of [
    ["DELETE", ""],
    ["POST", "/rotate"],
  ] as const) {
    for (const token of ["ten_scope/usr_bob/member", "ten_other/usr_root/owner"]) {
      assert.equal((await call(token, method, `/v1/keys/${key.id}${path}`)).status, 404);
    }
    assert.equal((await call("ten_scope/usr_eve/viewer", method, `/v1/keys/${key.id}${path}`)).status, 403);
  }
});

test("nobody writes more into a key than a key has, and an admin does not take over an owner's key", async () => {
  const ann = "ten_mass/usr_ann/member";
  for (const field of ["tenant_id", "created_by", "revoked_at", "secret", "prefix", "grantor"]) {
    assert.equal((await call(ann, "POST", "/v1/keys", { name: "x", [field]: "usr_root" })).status, 400, field);
  }
  assert.equal((await call(ann, "POST", "/v1/keys", { name: "x", permissions: ["*"] })).status, 403);
  assert.equal((await call(ann, "POST", "/v1/keys", { name: "x", expires_at: "2020-01-01T00:00:00Z" })).status, 400);
  const owned = await call("ten_mass/usr_root/owner", "POST", "/v1/keys", { name: "root", permissions: ["*"] });
  assert.equal((await call("ten_mass/usr_adm/admin", "POST", `/v1/keys/${owned.json.id}/rotate`)).status, 403);
});

test("only an operator makes a key that operates the platform, and no owner takes one over", async () => {
  const ask = (role: string, permission: string) =>
    call(`ten_ops/usr_${role}/${role}`, "POST", "/v1/keys", { name: "ops", permissions: [permission] });
  for (const permission of ["platform:events", "platform:*"]) {
    for (const role of ["owner", "admin", "member", "viewer"]) {
      assert.equal((await ask(role, permission)).status, 403, `${role} ${permission}`);
    }
    const { status, json } = await ask("operator", permission);
    assert.equal(status, 201);
    assert.equal((await call("ten_ops/usr_owner/owner", "POST", `/v1/keys/${json.id}/rotate`)).status, 403);
  }
});
