import assert from "node:assert/strict";
import { after, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { type Client, createClient, createRouterTransport } from "@connectrpc/connect";
import { groupFailures } from "@lyss/contracts/failures/group.ts";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { GetGroupResponseSchema, GroupService } from "@lyss/contracts/gen/lyss/group/v1/group_pb.js";
import { TenantService } from "@lyss/contracts/gen/lyss/tenant/v1/tenant_pb.js";
import { UserService } from "@lyss/contracts/gen/lyss/user/v1/user_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { sso } from "./service.ts";

const groups: Record<string, string[]> = { grp_plain: [], grp_payers: ["billing:top_up"], grp_callers: ["model:call"] };
// Nothing of the services around is asked here but the tenant's roles and groups; with them sign-on runs in tests/scenarios.
const nobody = createRouterTransport(({ rpc }) => {
  rpc(AuthService.method.listRoles, () => ({
    roles: [
      { name: "caller", permissions: ["model:call"] },
      { name: "payer", permissions: ["billing:top_up"] },
    ],
  }));
});
const group: Client<typeof GroupService> = {
  ...createClient(GroupService, nobody),
  async getGroup({ groupId = "" }) {
    const permissions = groups[groupId];
    if (!permissions) throw new Failure(groupFailures.not_found);
    return create(GetGroupResponseSchema, { group: { groupId, permissions } });
  },
};
const clients = {
  ...{ auth: createClient(AuthService, nobody), group },
  ...{ tenant: createClient(TenantService, nobody), user: createClient(UserService, nobody) },
};
const service = await startTestService({ after }, sso, { clients });
/** The bearer token is the caller: `<tenant>/<person>/<permissions, by commas>`. */
const server = await startTestServer({
  mounted: [{ name: "sso", routes: sso.routes, ops: service.ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, permission] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !permission) return undefined;
    return { tenantId, userId, keyId: "", ...noSession, permissions: permission.split(","), models: [] };
  },
});
after(() => server.close());
const { call } = server;
const path = "/api/v1/sso/connections";
const admin = "ten_a/usr_a/sso:manage";
const secret = "a secret that nobody is shown";
const body = { kind: "oidc", name: "Acme", issuer: "https://id.example.com", client_id: "lyss", client_secret: secret };

test("a connection lives from its setting up to its removal, its secret is shown by nothing, and each change is told", async () => {
  const made = await call(admin, "POST", path, { ...body, domains: ["Example.com"], enforced: true });
  assert.deepEqual([made.status, made.headers.get("etag"), made.json.domains], [201, '"1"', ["example.com"]]);
  const { id } = made.json;
  assert.equal(made.json.redirect_uri, `http://127.0.0.1:8080/api/v1/sso/${id}/callback`);
  const changed = await call(admin, "PATCH", `${path}/${id}`, { enforced: false, claims: { groups: "roles" } });
  assert.deepEqual(
    [changed.json.enforced, changed.json.claims],
    [false, { email: "email", name: "name", groups: "roles" }],
  );
  const late = await call(admin, "PATCH", `${path}/${id}`, { name: "X" }, { "if-match": '"1"' });
  assert.deepEqual([late.status, late.json.error.code], [412, "SSO_005"]);
  const list = await call(admin, "GET", path);
  assert.deepEqual(list.json.data, [changed.json]);
  assert.equal((await call(admin, "POST", path, body)).json.error.code, "SSO_002");
  const other = await call(admin, "POST", path, { ...body, name: "Other", domains: ["example.com"] });
  assert.deepEqual([other.json.error.code, other.json.error.details], ["SSO_003", { domain: "example.com" }]);
  assert.deepEqual((await call(admin, "DELETE", `${path}/${id}`)).json, {
    object: "sso.connection",
    id,
    deleted: true,
  });
  assert.equal((await call(admin, "GET", `${path}/${id}`)).status, 404);
  const events = await service.listEvents();
  const told = events.map(({ type, data }) => [type, data["actorId"], data["clientAddress"]]);
  const by = ["usr_a", "127.0.0.1"];
  assert.deepEqual(
    told,
    ["created", "updated", "deleted"].map((act) => [`sso.connection.${act}`, ...by]),
  );
  const rows = await service.sql`select encode(sealed_secret, 'escape') as sealed, party::text from connection`;
  assert.equal(JSON.stringify([made, changed, list, events, rows, server.logged]).includes(secret), false);
});

test("a connection makes people what a role of the tenant says that holds no more than who sets it", async () => {
  const owner = "ten_r/usr_o/*";
  const setter = "ten_r/usr_a/sso:manage";
  const made = await call(setter, "POST", path, { ...body, default_role: "caller" });
  assert.deepEqual([made.status, made.json.default_role], [201, "caller"]);
  const set = async (token: string, role: string | null) => {
    const { status, json } = await call(token, "PATCH", `${path}/${made.json.id}`, { default_role: role });
    return status === 200 ? json.default_role : json.error.code;
  };
  for (const role of ["payer", "admin"]) {
    assert.equal(await set(setter, role), "AUTH_096");
    assert.equal(
      (await call(setter, "POST", path, { ...body, name: role, default_role: role })).json.error.code,
      "AUTH_096",
    );
    assert.equal(await set(owner, role), role);
    assert.equal(await set(setter, role), role, "what is so already gives nothing");
  }
  assert.equal(await set(owner, "nobody"), "AUTH_005");
  assert.equal(await set(owner, "operator"), "KIT_002");
  assert.equal(await set(owner, null), null);
});

test("a connection puts people into a group only by those who could: what the group gives they hold, and they reach every group", async () => {
  const owner = "ten_g/usr_o/*";
  const setter = "ten_g/usr_a/sso:manage,group:manage,model:call";
  const rule = (group_id: string, value = "staff") => ({ value, group_id, role: "member" });
  const set = async (token: string, change: object, id = made.json.id) => {
    const { status, json } = await call(token, "PATCH", `${path}/${id}`, change);
    return status === 200 ? "set" : json.error.code;
  };
  const made = await call(setter, "POST", path, { ...body, group_mapping: [rule("grp_plain")] });
  assert.equal(made.status, 201);
  const refused = await call(setter, "POST", path, { ...body, name: "Pay", group_mapping: [rule("grp_payers")] });
  assert.deepEqual(
    [refused.status, refused.json.error.code, refused.json.error.details],
    [403, "SSO_016", { groupId: "grp_payers", permission: "billing:top_up" }],
  );
  assert.match(refused.json.error.message, /grp_payers gives people what you do not hold: billing:top_up/);
  assert.match(refused.json.error.message_i18n.zh_CN, /群组 grp_payers 会授予您自己没有的权限 billing:top_up/);
  assert.equal(await set(setter, { group_mapping: [rule("grp_plain"), rule("grp_payers")] }), "SSO_016");
  assert.equal(await set(setter, { group_mapping: [rule("grp_callers")] }), "set");
  assert.equal(await set(setter, { group_mapping: [rule("grp_gone")] }), "SSO_015");
  // Who does not reach every group learns nothing of which there are.
  for (const group of ["grp_plain", "grp_gone"]) {
    assert.equal(await set("ten_g/usr_b/sso:manage,model:call", { group_mapping: [rule(group)] }), "SSO_016");
  }
  assert.equal(await set(owner, { group_mapping: [rule("grp_payers"), rule("grp_plain")] }), "set");
  assert.equal(await set(setter, { group_mapping: [rule("grp_payers")] }), "set", "what is so already gives nothing");
  assert.equal(await set(setter, { group_mapping: [rule("grp_payers", "everybody")] }), "SSO_016");
});

test("who does not hold what a connection gives changes nothing of for whom it vouches, and manages nobody by it", async () => {
  const owner = "ten_h/usr_o/*";
  const setter = "ten_h/usr_a/sso:manage,group:manage";
  const group_mapping = [{ value: "staff", group_id: "grp_payers", role: "member" }];
  const { json } = await call(owner, "POST", path, { ...body, group_mapping });
  const one = `${path}/${json.id}`;
  for (const change of [
    { issuer: "https://id.example.org" },
    { client_id: "other" },
    { claims: { groups: "email" } },
    { create_people: true },
    { allowed_domains: ["example.org"] },
  ]) {
    const { status, json: answer } = await call(setter, "PATCH", one, change);
    assert.deepEqual([status, answer.error.code], [403, "SSO_016"], JSON.stringify(change));
  }
  assert.equal((await call(setter, "PATCH", one, { name: "Renamed", issuer: body.issuer })).status, 200);
  assert.equal((await call(setter, "POST", `${one}/scim-tokens`, {})).json.error.code, "SSO_016");
  const token = await call(owner, "POST", `${one}/scim-tokens`, {});
  assert.equal(token.status, 201);
  const rotate = `${one}/scim-tokens/${token.json.id}:rotate`;
  assert.equal((await call(setter, "POST", rotate, {})).json.error.code, "SSO_016");
  // Out of use it gives nobody anything; into use it is brought by who could.
  assert.equal((await call(setter, "PATCH", one, { enabled: false, issuer: "https://id.example.org" })).status, 200);
  assert.equal((await call(setter, "PATCH", one, { enabled: true })).json.error.code, "SSO_016");
  assert.equal((await call(owner, "PATCH", one, { enabled: true })).status, 200);
  assert.equal((await call(setter, "DELETE", `${one}/scim-tokens/${token.json.id}`)).status, 200);
});

test("a provider's groups make people what whoever sets it could make them", async () => {
  const owner = "ten_m/usr_o/*";
  const setter = "ten_m/usr_a/sso:manage";
  const rule = (role: string, value = "staff") => ({ value, role });
  const made = await call(setter, "POST", path, { ...body, role_mapping: [rule("caller"), rule("member", "all")] });
  assert.deepEqual(
    [made.status, made.json.role_mapping],
    [201, [rule("caller"), rule("member", "all")]],
    JSON.stringify(made.json),
  );
  const set = async (token: string, change: object) => {
    const { status, json } = await call(token, "PATCH", `${path}/${made.json.id}`, change);
    return status === 200 ? json.role_mapping : json.error.code;
  };
  for (const role of ["payer", "admin"]) {
    assert.equal(await set(setter, { role_mapping: [rule("caller"), rule(role)] }), "AUTH_096");
    assert.equal(
      (await call(setter, "POST", path, { ...body, name: role, role_mapping: [rule(role)] })).json.error.code,
      "AUTH_096",
    );
  }
  assert.equal(await set(owner, { role_mapping: [rule("nobody")] }), "AUTH_005");
  for (const role of ["owner", "operator"]) assert.equal(await set(owner, { role_mapping: [rule(role)] }), "KIT_002");
  assert.deepEqual(await set(owner, { role_mapping: [rule("payer")] }), [rule("payer")]);
  assert.deepEqual(await set(setter, { role_mapping: [rule("payer"), rule("caller")] }), [
    rule("payer"),
    rule("caller"),
  ]);
  assert.equal(await set(setter, { role_mapping: [rule("payer", "everybody")] }), "AUTH_096");
  assert.equal(await set(setter, { issuer: "https://id.example.org" }), "AUTH_096");
});

test("programs are told of logouts at public addresses by https, and nowhere else", async () => {
  const client = { name: "Wiki", redirect_uris: ["https://wiki.example.com/cb"] };
  const make = async (backchannel_logout_uri: string) => {
    const { status, json } = await call(admin, "POST", "/api/v1/sso/clients", { ...client, backchannel_logout_uri });
    return status === 201 ? json : json.error.code;
  };
  for (const uri of [
    "https://127.0.0.1/out",
    "http://wiki.example.com/out",
    "https://169.254.169.254/",
    "https://a:b@x.org/",
  ]) {
    assert.equal(await make(uri), "SSO_006", uri);
  }
  for (const uri of ["wiki", "file:///etc/passwd", "https://wiki.example.com/out#here"]) {
    assert.equal(await make(uri), "KIT_002", uri);
  }
  const { id, ...made } = await make("https://wiki.example.com/out");
  assert.deepEqual(
    [made.backchannel_logout_uri, made.backchannel_logout_session_required],
    ["https://wiki.example.com/out", false],
  );
  const inside = { backchannel_logout_uri: "https://10.0.0.1/out" };
  assert.equal((await call(admin, "PATCH", `/api/v1/sso/clients/${id}`, inside)).json.error.code, "SSO_006");
});

test("what cannot be, is too much, or leads inside is refused and says why; another tenant's connection does not exist", async () => {
  const { json } = await call(admin, "POST", path, { ...body, name: "Mine" });
  for (const [method, more] of [
    ["GET", ""],
    ["PATCH", ""],
    ["DELETE", ""],
    ["POST", ":test"],
  ] as const) {
    const sent = method === "PATCH" ? { name: "Theirs" } : undefined;
    assert.equal((await call("ten_b/usr_b/sso:manage", method, `${path}/${json.id}${more}`, sent)).status, 404, method);
    assert.equal((await call("ten_a/usr_a/user:read", method, `${path}/${json.id}${more}`, sent)).status, 403, method);
  }
  for (const [field, value, code] of [
    ["issuer", "https://127.0.0.1", "SSO_006"],
    ["issuer", "http://id.example.com", "SSO_006"],
    ["issuer", "https://169.254.169.254", "SSO_006"],
    ["issuer", "https://user:pass@id.example.com", "SSO_006"],
    ["issuer", "no address", "KIT_002"],
    ["issuer", "https://id.example.com/?a=b", "KIT_002"],
    ["name", "", "KIT_002"],
    ["name", "x".repeat(101), "KIT_002"],
    ["domains", ["not a domain"], "KIT_002"],
    ["domains", ["example.org", "example.org"], "KIT_002"],
    ["default_role", "owner", "KIT_002"],
    ["scopes", ['a"b'], "KIT_002"],
    ["claims", { other: "x" }, "KIT_002"],
    ["group_mapping", [{ value: "a", group_id: "grp_a", role: "owner" }], "KIT_002"],
    ["tenant_id", "ten_b", "KIT_002"],
    ["version", 7, "KIT_002"],
  ] as const) {
    const { status, json: answer } = await call(admin, "POST", path, { ...body, name: "New", [field]: value });
    assert.deepEqual([status, answer.error.code], [400, code], `${field}: ${JSON.stringify(value)}`);
    assert.ok(answer.error.message.startsWith(field) && answer.error.message_i18n.zh_CN.startsWith(field), field);
  }
  for (const returnTo of [
    "//evil.example.com",
    "/\\evil.example.com",
    "https://evil.example.com",
    "http://127.0.0.1.evil.example.com:1/",
    "javascript:alert(1)",
  ]) {
    const query = new URLSearchParams({ return_to: returnTo, code_challenge: "x".repeat(43) });
    const { json: answer } = await call("", "GET", `/api/v1/sso/${json.id}/start?${query}`);
    assert.equal(answer.error.code, "SSO_013", returnTo);
  }
});

test("programs register themselves where the operator lets them, so many at once, and one that nobody lets in is forgotten in an hour", async (t) => {
  const request = {
    redirect_uris: ["http://127.0.0.1:1/callback"],
    client_name: "Agent",
    token_endpoint_auth_method: "none",
  };
  const refused = await call("", "POST", "/oidc/register", request);
  assert.deepEqual([refused.status, refused.json.error], [403, "invalid_request"]);

  const clock = createFakeClock();
  const open = await startTestService(t, sso, {
    clients,
    clock,
    config: { sso: { clientRegistration: "open", maxRegisteredClients: 2 } },
  });
  const mounted = [{ name: "sso", routes: sso.routes, ops: open.ops, peerUrl: undefined }];
  const there = await startTestServer({ mounted, guard: () => undefined });
  t.after(() => there.close());
  const register = (more: object = {}) => there.call("", "POST", "/oidc/register", { ...request, ...more });
  const [first, second] = [await register(), await register({ grant_types: ["implicit"], logo_uri: "x" })];
  assert.deepEqual([first.status, second.status], [201, 201], "two may be called alike");
  assert.deepEqual(second.json.grant_types, ["authorization_code", "refresh_token"], "what cannot be is replaced");
  assert.equal((await register()).json.error, "temporarily_unavailable");
  const metadata = await there.call("", "GET", "/.well-known/oauth-authorization-server/oidc");
  assert.deepEqual(
    [metadata.status, metadata.json.registration_endpoint, metadata.json.code_challenge_methods_supported],
    [200, `${metadata.json.issuer}/register`, ["S256"]],
  );
  await open.sql`update client set let_in_at = created_at where client_id = ${first.json.client_id}`;
  clock.advance(3_600_001);
  await open.ops.sweep();
  assert.deepEqual(
    (await open.sql`select client_id from client`).map(({ client_id }) => client_id),
    [first.json.client_id],
  );
  clock.advance(90 * 86_400_000);
  await open.ops.sweep();
  assert.equal((await register()).status, 201);
});
