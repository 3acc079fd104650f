import assert from "node:assert/strict";
import { after, test } from "node:test";
import { aiGatewayPersonErased } from "@lyss/contracts/events/ai-gateway.ts";
import { auditPersonErased } from "@lyss/contracts/events/audit.ts";
import { authPersonErased } from "@lyss/contracts/events/auth.ts";
import { groupPersonErased } from "@lyss/contracts/events/group.ts";
import { ssoPersonErased } from "@lyss/contracts/events/sso.ts";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import type { Role } from "./model.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

const { ops, random, listEvents, say, hear, untilHeard } = await startTestService({ after }, user, {
  clients: peersThatServe(({ rpc }) =>
    rpc(TenantService.method.getTenant, ({ tenantId }) => ({ tenant: { tenantId } })),
  ),
});
/** The bearer token is the caller: `<tenant>/<person>/<permissions, by commas>/<key>`. */
const server = await startTestServer({
  mounted: [{ name: "user", routes: user.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, held, keyId = ""] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !held) return undefined;
    return { tenantId, userId, keyId, ...noSession, permissions: held.split(","), models: [] };
  },
});
after(() => server.close());
const { call } = server;

const password = new Secret("correct horse battery");

/** A tenant with one person of each role; what each may do is told by the token. */
async function createTenant() {
  const tenantId = random.id("ten");
  const person = async (role: Role, name: string = role) => {
    const email = `${random.id(role)}@example.com`;
    const { userId } = await ops.createUser({ tenantId, email, password, name, role });
    const held = role === "member" || role === "viewer" ? "user:read" : "user:*";
    return { userId, email, token: `${tenantId}/${userId}/${held}` };
  };
  const [owner, admin, member] = [await person("owner"), await person("admin"), await person("member")];
  return { tenantId, person, owner, admin, member };
}

test("members of a tenant are listed in pages, by role, state and words; those of another by operators alone", async () => {
  const { tenantId, owner, admin, member, person } = await createTenant();
  const viewer = await person("viewer", "Vera");
  const list = async (query: string, token = admin.token, id = "me") => {
    const { status, json } = await call(token, "GET", `/api/v1/tenants/${id}/members${query}`);
    return status === 200 ? json.data.map((row: { id: string }) => row.id) : [status, json.error.code];
  };
  const all = [viewer, member, admin, owner].map(({ userId }) => userId);
  assert.deepEqual(await list(""), all);
  assert.deepEqual(await list("", admin.token, tenantId), all);
  assert.deepEqual(await list("?role=viewer"), [viewer.userId]);
  assert.deepEqual(await list("?search=VER%20example.com"), [viewer.userId]);
  await ops.updateUser({
    ...{ userId: viewer.userId, tenantId },
    actor: undefined,
    status: "suspended",
    clientAddress: "",
  });
  assert.deepEqual(await list("?status=suspended"), [viewer.userId]);
  const { json } = await call(admin.token, "GET", "/api/v1/tenants/me/members?limit=3");
  assert.deepEqual(await list(`?limit=3&cursor=${json.next_cursor}`), [owner.userId]);

  const other = await createTenant();
  assert.deepEqual(await list("", other.admin.token, tenantId), [404, "TENANT_001"]);
  assert.deepEqual(await list("", member.token), [403, "KIT_005"]);
  const operator = `${other.tenantId}/${other.admin.userId}/user:list,platform:tenants`;
  assert.deepEqual(await list("", operator, tenantId), all);
  assert.deepEqual(await list("?role=The%20King"), [400, "KIT_002"]);
});

test("people change their own name; names, roles and states of others are changed with user:update", async () => {
  const { owner, admin, member } = await createTenant();
  for (const [path, method] of [
    ["/api/v1/users/me", "PATCH"],
    ["/v1/users/me", "PUT"],
  ] as const) {
    const { status, json, headers } = await call(member.token, method, path, { name: `By ${method}` });
    assert.deepEqual([status, json.name, headers.get("etag")], [200, `By ${method}`, `"${json.version}"`]);
  }
  const refused = await call(member.token, "PATCH", `/v1/users/${admin.userId}`, { name: "X" });
  assert.deepEqual([refused.status, refused.json.error.code], [403, "KIT_005"]);
  const raised = await call(member.token, "PATCH", "/v1/users/me", { role: "admin" });
  assert.equal(raised.status, 403);

  const changed = await call(admin.token, "PATCH", `/v1/users/${member.userId}`, {
    role: "admin",
    status: "suspended",
  });
  assert.deepEqual([changed.status, changed.json.role, changed.json.status], [200, "admin", "suspended"]);
  const same = await call(admin.token, "PATCH", `/v1/users/${member.userId}`, { role: "admin" });
  assert.equal(same.json.version, changed.json.version, "what is so already changes nothing");
  const above = await call(admin.token, "PATCH", `/v1/users/${member.userId}`, { role: "owner" });
  assert.deepEqual([above.status, above.json.error.code, above.json.error.details.role], [403, "USER_008", "owner"]);
  const higher = await call(admin.token, "PATCH", `/v1/users/${owner.userId}`, { name: "Mine" });
  assert.deepEqual([higher.status, higher.json.error.code], [403, "USER_008"]);
  const operator = await call(owner.token, "PATCH", `/v1/users/${member.userId}`, { role: "operator" });
  assert.deepEqual([operator.status, operator.json.error.code], [403, "USER_008"]);
  const own = await call(admin.token, "PATCH", "/v1/users/me", { status: "inactive" });
  assert.deepEqual([own.status, own.json.error.code], [409, "USER_009"]);

  const told = (await listEvents()).filter(({ key, type }) => key === member.userId && type === "user.updated");
  const { updatedAt, ...data } = told.at(-1)?.data ?? {};
  assert.ok(updatedAt);
  assert.deepEqual(data["changes"], [
    { field: "role", oldValue: "member", newValue: "admin" },
    { field: "status", oldValue: "active", newValue: "suspended" },
  ]);
  assert.deepEqual([data["updatedBy"], data["role"], data["status"]], [admin.userId, "admin", "USER_STATUS_SUSPENDED"]);
  const { json: audit } = await call(owner.token, "GET", `/v1/users/${member.userId}/audit`);
  assert.deepEqual(
    audit.data.slice(0, 2).map((row: { event_data: { detail: string } }) => row.event_data.detail),
    ["status: active → suspended", "role: member → admin"],
  );
  const verdict = await call(owner.token, "GET", `/v1/users/${member.userId}/audit:verify`);
  assert.equal(verdict.json.intact, true);
});

test("a key is not its person: it changes and removes nobody without user:update", async () => {
  const { tenantId, member } = await createTenant();
  const key = `${tenantId}/${member.userId}/user:read/key_1`;
  assert.equal((await call(key, "GET", "/v1/users/me")).status, 200);
  assert.equal((await call(key, "PATCH", "/v1/users/me", { name: "Thief" })).status, 403);
  assert.equal((await call(key, "DELETE", "/v1/users/me")).status, 403);
});

test("a key makes nobody more than a member, and reaches nobody who is, unless it holds all that they do", async () => {
  const { tenantId, owner, admin, member } = await createTenant();
  const key = (held: string) => `${tenantId}/${owner.userId}/${held}/key_1`;
  const change = async (held: string, { userId }: { userId: string }, body: object) => {
    const { status, json } = await call(key(held), "PATCH", `/api/v1/users/${userId}`, body);
    return status === 200 ? json.role : json.error.code;
  };
  for (const role of ["admin", "owner"]) assert.equal(await change("user:*", member, { role }), "USER_008");
  assert.equal(await change("user:*", admin, { name: "Another" }), "USER_008");
  assert.equal(await change("user:*", member, { role: "viewer" }), "viewer");
  const invite = (held: string, role: string) =>
    call(key(held), "POST", "/api/v1/invitations", { email: `${random.id("x")}@example.com`, role });
  assert.equal((await invite("user:invite,user:update", "owner")).json.error.code, "USER_008");
  assert.equal((await invite("user:invite,user:update", "member")).status, 201);
  assert.equal(await change("*", member, { role: "admin" }), "admin");
});

test("the last owner is neither demoted, suspended nor removed, also when two leave at once", async () => {
  const { tenantId, person, owner, admin, member } = await createTenant();
  const second = await person("owner");
  const results = await Promise.all([
    call(owner.token, "PATCH", "/v1/users/me", { role: "member" }),
    call(second.token, "DELETE", "/v1/users/me"),
  ]);
  assert.deepEqual(results.map(({ status }) => status).sort(), [200, 409]);
  const last = results[0]?.status === 409 ? owner : second;
  for (const [method, path, body] of [
    ["PATCH", "/v1/users/me", { role: "admin" }],
    ["DELETE", "/v1/users/me", undefined],
  ] as const) {
    const refused = await call(last.token, method, path, body);
    assert.deepEqual([refused.status, refused.json.error.code], [409, "USER_007"], method);
    assert.match(refused.json.error.message_i18n.zh_CN, /至少须保留一名有效的 owner/);
  }
  assert.equal((await call(last.token, "PATCH", `/v1/users/${admin.userId}`, { role: "owner" })).status, 200);
  assert.equal(
    (await call(`${tenantId}/${admin.userId}/user:*`, "PATCH", `/v1/users/${last.userId}`, { status: "suspended" }))
      .status,
    200,
  );
  assert.equal(
    (await call(last.token, "PATCH", `/v1/users/${member.userId}`, { name: "X" })).status,
    403,
    "who is suspended changes nobody",
  );
});

test("who is removed does not exist any more, the address is free, and the audit log stays", async () => {
  const { tenantId, owner, member } = await createTenant();
  const removed = await call(owner.token, "DELETE", `/api/v1/users/${member.userId}`);
  assert.deepEqual([removed.status, removed.json], [200, { object: "user", id: member.userId, deleted: true }]);
  assert.equal((await call(owner.token, "GET", `/v1/users/${member.userId}`)).status, 404);
  assert.equal((await call(owner.token, "DELETE", `/v1/users/${member.userId}`)).status, 404);
  await ops.createUser({ tenantId, email: member.email, password, name: "Next", role: "member" });
  const { json } = await call(owner.token, "GET", `/v1/users/${member.userId}/audit`);
  assert.deepEqual(
    json.data.map((row: Record<string, unknown>) => row["event_type"]),
    ["user.audit.deleted", "user.audit.created"],
  );
  const event = (await listEvents()).find(({ key, type }) => key === member.userId && type === "user.deleted");
  assert.equal(event?.data["deletedBy"], owner.userId);
});

test("people of other tenants are neither changed nor removed, and If-Match keeps two changes apart", async () => {
  const [mine, theirs] = [await createTenant(), await createTenant()];
  for (const method of ["PATCH", "PUT", "DELETE"]) {
    const body = method === "DELETE" ? undefined : { name: "X" };
    assert.equal((await call(mine.owner.token, method, `/v1/users/${theirs.member.userId}`, body)).status, 404);
  }
  const path = `/v1/users/${mine.member.userId}`;
  const first = await call(mine.owner.token, "PATCH", path, { name: "One" }, { "if-match": '"1"' });
  assert.equal(first.status, 200);
  const late = await call(mine.owner.token, "PATCH", path, { name: "Two" }, { "if-match": '"1"' });
  assert.deepEqual([late.status, late.json.error.code, late.json.error.details.current], [412, "USER_010", 2]);
});

test("people are found by words, status and role, in each order, page by page", async () => {
  const { tenantId, person, owner } = await createTenant();
  for (const name of ["Zoë Adams", "bob Brown", "Bob Adams"]) await person("viewer", name);
  const list = async (query: string) => {
    const { status, json } = await call(owner.token, "GET", `/api/v1/users?${query}`);
    assert.equal(status, 200, query);
    return json as { readonly data: readonly { readonly name: string }[]; readonly next_cursor: string | null };
  };
  const names = async (query: string) => (await list(query)).data.map(({ name }) => name);
  assert.deepEqual(await names("search=ADAMS%20bob"), ["Bob Adams"]);
  assert.deepEqual(await names("search=%25"), []);
  assert.deepEqual(await names("role=viewer&sort=name"), ["Bob Adams", "bob Brown", "Zoë Adams"]);
  assert.deepEqual(await names("status=suspended"), []);
  for (const sort of ["name", "-name", "email", "-email", "created_at", "-created_at"]) {
    const whole = await names(`sort=${sort}`);
    assert.equal(whole.length, 6);
    const paged: string[] = [];
    let cursor: string | null = "";
    while (cursor !== null) {
      const page = await list(`sort=${sort}&limit=2${cursor && `&cursor=${cursor}`}`);
      paged.push(...page.data.map(({ name }) => name));
      cursor = page.next_cursor;
    }
    assert.deepEqual(paged, whole, sort);
  }
  const backwards = (await names("sort=-name")).reverse();
  assert.deepEqual(await names("sort=name"), backwards);
  assert.equal((await call(`${tenantId}/${owner.userId}/user:read`, "GET", "/v1/users")).status, 403);
});

test("bad input names the field, the bound and what is wanted, in both languages; unknown fields are refused", async () => {
  const { owner, member } = await createTenant();
  const path = `/v1/users/${member.userId}`;
  const cases: readonly (readonly [body: object, field: string])[] = [
    [{ name: "" }, "name"],
    [{ name: "x".repeat(101) }, "name"],
    [{ role: "root" }, "role"],
    [{ status: "gone" }, "status"],
    [{ tenant_id: "ten_x" }, "tenant_id"],
    [{ password_hash: "x" }, "password_hash"],
    [{ version: 9 }, "version"],
  ];
  for (const [body, field] of cases) {
    const { status, json } = await call(owner.token, "PATCH", path, body);
    assert.equal(status, 400, JSON.stringify(body));
    assert.equal(json.error.details.field, field);
    assert.notEqual(json.error.message_i18n.zh_CN, json.error.message_i18n.en_US);
  }
  for (const query of [
    "sort=password_hash",
    `search=${"x".repeat(101)}`,
    "status=x",
    "role=x",
    "cursor=x",
    "tenant_id=x",
  ]) {
    assert.equal((await call(owner.token, "GET", `/v1/users?${query}`)).status, 400, query);
  }
});

test("how far the forgetting of somebody who was removed is, is told to those who may change people", async () => {
  await hear();
  const { tenantId, owner, member } = await createTenant();
  const path = `/v1/users/${member.userId}/erasure`;
  assert.equal((await call(owner.token, "GET", path)).status, 404);
  await ops.deleteUser({ userId: member.userId, tenantId, actor: undefined, clientAddress: "" });
  const statesOf = async () => {
    const { json } = await call(owner.token, "GET", path);
    const parts: readonly { service: string; erased_at: string | null }[] = json.parts;
    return [json.state, ...parts.filter(({ erased_at: at }) => at !== null).map(({ service }) => service)];
  };
  assert.deepEqual(await statesOf(), ["running", "user"]);
  const gone = { userId: member.userId, tenantId };
  await say(authPersonErased, gone);
  await say(authPersonErased, gone);
  await say(auditPersonErased, gone);
  await untilHeard();
  assert.deepEqual(await statesOf(), ["running", "audit", "auth", "user"]);
  await say(groupPersonErased, gone);
  await say(aiGatewayPersonErased, gone);
  await say(ssoPersonErased, gone);
  await untilHeard();
  assert.deepEqual(await statesOf(), ["done", "ai-gateway", "audit", "auth", "group", "sso", "user"]);
  const stranger = await createTenant();
  assert.equal((await call(stranger.owner.token, "GET", path)).status, 404);
  assert.equal((await call(member.token, "GET", path)).status, 403);
});
