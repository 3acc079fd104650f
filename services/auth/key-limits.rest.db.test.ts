import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { generateKeySecret } from "./key-secret.ts";
import { auth } from "./service.ts";

const clock = createFakeClock();
const { ops, sql, random, listEvents } = await startTestService({ after }, auth, { clients: {}, clock });
/** The bearer token is the caller: `<tenant>/<person>/<role>`, and `/<key>` where it asks by one. */
const server = await startTestServer({
  mounted: [{ name: "auth", routes: auth.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, role, keyId = ""] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !role) return undefined;
    return { tenantId, userId, keyId, ...noSession, permissions: permissionsByRole[role] ?? [], models: [] };
  },
});
after(() => server.close());
const { call } = server;

const limits = {
  requests_per_minute: 60,
  max_concurrent_requests: 4,
  tokens_per_minute: 100_000,
  budget: { limit: "12.50", period: "month" },
  allowed_ips: ["203.0.113.0/24", "2001:db8::1"],
  allowed_origins: ["https://app.example.com"],
};
const none = {
  ...{ requests_per_minute: null, max_concurrent_requests: null, tokens_per_minute: null, budget: null },
  ...{ allowed_ips: [], allowed_origins: [] },
};

function pick(json: Record<string, unknown>, shape: object) {
  return Object.fromEntries(Object.keys(shape).map((name) => [name, json[name]]));
}

async function eventsOf(keyId: string) {
  return (await listEvents()).filter(({ key }) => key === keyId);
}

test("a key is made with limits, shows them, and each is changed and lifted by itself", async () => {
  const ann = "ten_limits/usr_ann/member";
  const created = await call(ann, "POST", "/v1/keys", { name: "web", description: "the shop", ...limits });
  assert.equal(created.status, 201);
  const { id, description } = created.json;
  assert.deepEqual([description, pick(created.json, limits)], ["the shop", limits]);
  assert.deepEqual(pick((await call(ann, "GET", `/v1/keys/${id}`)).json, limits), limits);

  for (const name of Object.keys(none)) {
    const lifted = { [name]: none[name as keyof typeof none] };
    const { status, json } = await call(ann, "PATCH", `/v1/keys/${id}`, lifted);
    assert.deepEqual([status, pick(json, lifted)], [200, lifted]);
  }
  const set = await call(ann, "PATCH", `/api/v1/keys/${id}`, { name: " shop ", ...limits, models: ["a"] });
  assert.deepEqual([set.json.name, set.json.models, pick(set.json, limits)], ["shop", ["a"], limits]);
  const events = (await eventsOf(id)).filter(({ type }) => type === "key.updated");
  assert.deepEqual(
    events.map(({ data }) => data.changedFields),
    [...Object.keys(none).map((name) => [name]), ["name", "models", ...Object.keys(limits)]],
  );
  const { data } = events.at(-1) ?? {};
  assert.partialDeepStrictEqual(data, { limits: { requestsPerMinute: 60, tokensPerMinute: "100000" } });
  assert.deepEqual(data?.limitsBefore, {});
  await call(ann, "PATCH", `/v1/keys/${id}`, limits);
  assert.equal((await eventsOf(id)).length, events.length + 1, "what changes nothing is not said");
});

test("each field of a key has bounds, which an error names in the caller's language", async () => {
  const ann = "ten_bounds/usr_ann/owner";
  const { json: key } = await call(ann, "POST", "/v1/keys", { name: "x" });
  const cases: readonly (readonly [field: string, value: unknown])[] = [
    ["name", ""],
    ["name", "x".repeat(101)],
    ["name", 1],
    ["description", "x".repeat(501)],
    ["permissions", Array(65).fill("model:call")],
    ["permissions.0", ["everything"]],
    ["models", Array(201).fill("a")],
    ["models.0", ["x".repeat(201)]],
    ["expires_at", "tomorrow"],
    ["requests_per_minute", 0],
    ["requests_per_minute", 1_000_001],
    ["requests_per_minute", 1.5],
    ["max_concurrent_requests", 0],
    ["max_concurrent_requests", 10_001],
    ["tokens_per_minute", -1],
    ["tokens_per_minute", 1_000_000_001],
    ["tokens_per_minute", "100"],
    ["budget.limit", { limit: "-1", period: "day" }],
    ["budget.limit", { limit: "1e3", period: "day" }],
    ["budget.period", { limit: "1", period: "year" }],
    ["budget.unit", { limit: "1", period: "day", unit: "tokens" }],
    ["allowed_ips.0", ["10.0.0.0/33"]],
    ["allowed_ips.1", ["10.0.0.1", "localhost"]],
    ["allowed_ips", Array(65).fill("10.0.0.1")],
    ["allowed_origins.0", ["https://app.example.com/"]],
    ["allowed_origins.0", ["null"]],
    ["allowed_origins.0", ["javascript:alert(1)"]],
    ["allowed_origins", Array(33).fill("https://a.example")],
  ];
  for (const [field, value] of cases) {
    const [top = ""] = field.split(".");
    for (const [method, path, body] of [
      ["POST", "/v1/keys", { name: "x", [top]: value }],
      ["PATCH", `/v1/keys/${key.id}`, { [top]: value }],
    ] as const) {
      const { status, json } = await call(ann, method, path, body, { "accept-language": "zh-CN" });
      const said = `${method} ${field} ${JSON.stringify(value).slice(0, 60)} ${JSON.stringify(json)}`;
      assert.equal(status, 400, said);
      assert.equal(json.error.details.field, field, said);
      assert.match(json.error.message, /\p{Script=Han}/u, said);
      assert.doesNotMatch(json.error.message_i18n.en_US, /\p{Script=Han}/u, said);
    }
  }
});

test("I9: who writes a key writes no field that is not offered, by any route", async () => {
  const ann = "ten_mass/usr_ann/member";
  const { json: key } = await call(ann, "POST", "/v1/keys", { name: "x" });
  const { secret: _secret, ...shown } = key;
  const fields = ["user_id", "userId", "tenant_id", "tenantId", "created_by", "created_at", "revoked_at", "secret"];
  const more = ["prefix", "grantor", "role", "limits", "allowed_routes", "remaining", "id", "key_id", "last_used_at"];
  const inherited = ["__proto__", "constructor", "prototype"];
  for (const field of [...fields, ...more, ...inherited]) {
    for (const [method, path] of [
      ["POST", "/v1/keys"],
      ["PATCH", `/v1/keys/${key.id}`],
      ["POST", `/v1/keys/${key.id}/rotate`],
    ] as const) {
      const body = JSON.stringify({ ...(path === "/v1/keys" && { name: "x" }), FIELD: "usr_root" }).replace(
        "FIELD",
        field,
      );
      const { status } = await fetch(server.url + path, {
        method,
        headers: { authorization: `Bearer ${ann}`, "content-type": "application/json" },
        body,
      });
      // Whom a new key acts for is a field, for those who manage keys.
      const isRefused = path === "/v1/keys" && field === "user_id" ? status === 403 : status === 400;
      assert.ok(isRefused, `${method} ${path} ${field}: ${status}`);
    }
  }
  assert.equal((await call(ann, "PATCH", `/v1/keys/${key.id}`, { permissions: ["*"] })).status, 403);
  assert.equal((await call(ann, "PATCH", `/v1/keys/${key.id}`, { permissions: ["key:manage"] })).status, 403);
  assert.deepEqual((await call(ann, "GET", `/v1/keys/${key.id}`)).json, shown);
  const rows = await sql`select distinct user_id as "userId" from key where tenant_id = 'ten_mass'`;
  assert.deepEqual([...rows], [{ userId: "usr_ann" }]);
});

test("what a key may is changed by its creator or who manages keys, never by itself or past what they hold", async () => {
  const [ann, admin] = ["ten_who/usr_ann/member", "ten_who/usr_adm/admin"];
  const grantor = { userId: "usr_adm", permissions: permissionsByRole["admin"] ?? [], models: [] };
  const { key } = await ops.createKey({
    ...{ tenantId: "ten_who", userId: "usr_ann", name: "given", permissions: [], models: [], expiresAt: null, grantor },
  });
  const change = (token: string, body: object) => call(token, "PATCH", `/v1/keys/${key.keyId}`, body);
  assert.equal((await change(ann, { name: "mine", description: "renamed" })).status, 200);
  for (const body of [
    limits,
    { permissions: ["model:call"] },
    { models: ["a"] },
    { expires_at: "2999-01-01T00:00:00Z" },
  ]) {
    const { status, json } = await change(ann, body);
    assert.deepEqual([status, json.error.code], [403, "AUTH_032"], JSON.stringify(body));
  }
  assert.equal((await change(admin, limits)).status, 200);
  assert.equal((await change("ten_who/usr_bob/member", { name: "stolen" })).status, 404);
  assert.equal((await change("ten_other/usr_adm/owner", { name: "stolen" })).status, 404);
  assert.equal((await change("ten_who/usr_eve/viewer", { name: "stolen" })).status, 403);

  const own = (await call(admin, "POST", "/v1/keys", { name: "own", ...limits })).json;
  const byItself = await call(`${admin}/${own.id}`, "PATCH", `/v1/keys/${own.id}`, { allowed_ips: [] });
  assert.deepEqual([byItself.status, byItself.json.error.code], [403, "AUTH_032"]);
  const byLimited = await call(`${admin}/${own.id}`, "POST", "/v1/keys", { name: "free" });
  assert.deepEqual([byLimited.status, byLimited.json.error.code], [403, "AUTH_031"]);
  const past = await call(admin, "PATCH", `/v1/keys/${own.id}`, { permissions: ["platform:events"] });
  assert.deepEqual([past.status, past.json.error.code], [403, "AUTH_003"]);
});

test("a key that is made with an expiring key ends with it at the latest", async () => {
  const adm = "ten_term/usr_adm/admin";
  const endsAt = new Date(clock.nowMs() + 3_600_000).toISOString();
  const { json: key } = await call(adm, "POST", "/v1/keys", { name: "short", expires_at: endsAt });
  const made = await call(`${adm}/${key.id}`, "POST", "/v1/keys", { name: "shorter" });
  assert.deepEqual([made.status, made.json.expires_at], [201, endsAt]);
  const longer = { name: "longer", expires_at: new Date(clock.nowMs() + 7_200_000).toISOString() };
  const refused = await call(`${adm}/${key.id}`, "POST", "/v1/keys", longer);
  assert.deepEqual([refused.status, refused.json.error.code], [403, "AUTH_030"]);
  const past = await call(adm, "PATCH", `/v1/keys/${key.id}`, { expires_at: "2020-01-01T00:00:00Z" });
  assert.deepEqual([past.status, past.json.error.code], [400, "AUTH_006"]);
  assert.equal((await call(adm, "PATCH", `/v1/keys/${key.id}`, { expires_at: null })).json.expires_at, null);
  await call(adm, "DELETE", `/v1/keys/${key.id}`);
  assert.equal((await call(adm, "PATCH", `/v1/keys/${key.id}`, { name: "again" })).status, 409);
});

test("keys are found by status, person and how their name begins, and patterns are plain text", async () => {
  const [ann, bob, admin] = ["ten_find/usr_ann/member", "ten_find/usr_bob/member", "ten_find/usr_adm/admin"];
  const make = async (token: string, name: string, more: object = {}) => {
    clock.advance(1);
    return (await call(token, "POST", "/v1/keys", { name, ...more })).json.id;
  };
  const web = await make(ann, "Web shop");
  const wide = await make(bob, "web%");
  const gone = await make(ann, "gone");
  await call(ann, "DELETE", `/v1/keys/${gone}`);
  const short = await make(bob, "short", { expires_at: new Date(clock.nowMs() + 1_000).toISOString() });
  clock.advance(1_000);
  const find = async (token: string, query: string) => {
    const { status, json } = await call(token, "GET", `/v1/keys?${query}`);
    return status === 200 ? json.data.map(({ id }: { id: string }) => id) : status;
  };
  assert.deepEqual(await find(admin, "name_prefix=WEB"), [wide, web]);
  assert.deepEqual(await find(admin, "name_prefix=web%25"), [wide]);
  assert.deepEqual(await find(admin, `name_prefix=${"%25".repeat(100)}`), []);
  assert.deepEqual(await find(admin, "name_prefix=%27%20or%201%3D1--"), []);
  assert.deepEqual(await find(admin, "status=active"), [wide, web]);
  assert.deepEqual(await find(admin, "status=revoked"), [gone]);
  assert.deepEqual(await find(admin, "status=expired"), [short]);
  assert.deepEqual(await find(admin, "user_id=usr_bob&limit=1"), [short]);
  assert.deepEqual(await find(ann, "user_id=usr_bob"), []);
  assert.deepEqual(await find(ann, "user_id=usr_ann&status=active"), [web]);
  assert.equal(await find(admin, "status=all"), 400);
  assert.equal(await find(admin, "status=active&status=revoked"), 400);
});

test("a leaked key is revoked by whoever shows it, once, and its owner is told; junk and strangers are told apart", async () => {
  const ann = "ten_leak/usr_ann/member";
  const { json: key } = await call(ann, "POST", "/v1/keys", { name: "leaked" });
  const { json: other } = await call(ann, "POST", "/v1/keys", { name: "kept" });
  const stranger = generateKeySecret(random);
  const junk = `lyss_${"a".repeat(36)}`;
  const tokens = [junk, key.secret, stranger, key.secret, "ghp_somebody_elses"];
  const body = tokens.map((token) => ({
    token,
    type: "lyss_api_key",
    url: "https://example.com/x",
    source: "content",
  }));
  const hash = (token: string) => createHash("sha256").update(token).digest("base64");
  const ours = [false, true, false, true, false];
  for (let round = 0; round < 2; round++) {
    const { status, json } = await call("", "POST", "/api/v1/keys/leaked", body);
    assert.equal(status, 200);
    assert.deepEqual(
      json,
      tokens.map((token, index) => ({
        token_hash: hash(token),
        token_type: "lyss_api_key",
        label: ours[index] ? "true_positive" : "false_positive",
      })),
    );
  }
  const verdict = await ops.verifyKey({ secret: new Secret(key.secret) });
  assert.deepEqual(verdict, { isVerified: false, reason: "revoked" });
  assert.ok((await ops.verifyKey({ secret: new Secret(other.secret) })).isVerified);
  const told = (await eventsOf(key.id)).slice(1);
  assert.deepEqual(
    told.map(({ type, data }) => [type, data.reason, data.userId, data.revokedBy ?? ""]),
    [["key.revoked", "KEY_REVOCATION_REASON_LEAKED", "usr_ann", ""]],
  );
  assert.ok(told[0]?.data.clientAddress);

  await sql.begin(async (tx) => {
    await tx`lock table key_secret, key in access exclusive mode`;
    // A look-up would wait for the lock until the test times out.
    const onlyJunk = await call("", "POST", "/v1/keys/leaked", Array(100).fill({ token: junk }));
    assert.equal(onlyJunk.status, 200);
  });
  const wrong = [
    [],
    Array(101).fill({ token: junk }),
    [{ token: "x".repeat(1_025) }],
    [{}],
    {},
    [{ token: junk, user: 1 }],
  ];
  for (const bad of wrong) {
    assert.equal((await call("", "POST", "/v1/keys/leaked", bad)).status, 400, JSON.stringify(bad).slice(0, 60));
  }
});

test("an old secret that leaks after its grace period takes nothing with it, within the period the key goes", async () => {
  const ann = "ten_grace/usr_ann/member";
  const { json: key } = await call(ann, "POST", "/v1/keys", { name: "rotated" });
  const rotated = (await call(ann, "POST", `/v1/keys/${key.id}/rotate`, { grace_seconds: 10 })).json;
  clock.advance(10_000);
  const { json } = await call("", "POST", "/v1/keys/leaked", [{ token: key.secret }]);
  assert.equal(json[0].label, "true_positive");
  assert.ok((await ops.verifyKey({ secret: new Secret(rotated.secret) })).isVerified);
  await call(ann, "POST", `/v1/keys/${key.id}/rotate`, { grace_seconds: 10 });
  await call("", "POST", "/v1/keys/leaked", [{ token: rotated.secret }]);
  assert.ok((await call(ann, "GET", `/v1/keys/${key.id}`)).json.revoked_at);
});

test("who manages keys makes them for others of the tenant, never for somebody who may do more", async () => {
  const tenantId = "ten_others";
  const say = (userId: string, role: string, isBarred = false) =>
    ops.setPrincipal({ tenantId, userId, role, isBarred, version: 1n });
  await say("usr_member", "member");
  await say("usr_owner", "owner");
  await say("usr_barred", "member", true);
  await ops.setPrincipal({ tenantId: "ten_else", userId: "usr_else", role: "member", isBarred: false, version: 1n });
  const admin = `${tenantId}/usr_admin/admin`;
  const make = (token: string, user_id: string) => call(token, "POST", "/v1/keys", { name: "x", user_id });
  const made = await make(admin, "usr_member");
  assert.deepEqual([made.status, made.json.user_id, made.json.created_by], [201, "usr_member", "usr_admin"]);
  assert.equal((await call(`${tenantId}/usr_member/member`, "GET", `/v1/keys/${made.json.id}`)).status, 200);
  assert.equal((await make(admin, "usr_admin")).status, 201, "for oneself, whoever one is");
  for (const unknown of ["usr_none", "usr_else", "usr_barred"]) {
    assert.equal((await make(admin, unknown)).status, 404, unknown);
  }
  assert.equal((await make(admin, "usr_owner")).status, 403);
  assert.equal((await make(`${tenantId}/usr_owner/owner`, "usr_owner")).status, 201);
  assert.equal((await make(`${tenantId}/usr_member/member`, "usr_owner")).status, 403);
});

test("a key may do what its person's role and groups give still, and no more", async () => {
  const [tenantId, userId, groupId] = ["ten_given", "usr_given", "grp_given"];
  await ops.setPrincipal({ tenantId, userId, role: "viewer", isBarred: false, version: 1n });
  const grantor = { userId, permissions: ["*"], models: [] };
  const permissions = ["billing:read", "model:call", "key:create"];
  const { secret } = await ops.createKey({
    ...{ tenantId, userId, name: "x", permissions, models: [], expiresAt: null, grantor },
  });
  const now = async () => {
    const verdict = await ops.verifyKey({ secret });
    return verdict.isVerified ? [...verdict.key.permissions].sort() : verdict.reason;
  };
  assert.deepEqual(await now(), ["billing:read"]);
  await sql`insert into group_access (group_id, tenant_id, parent_id, permissions)
    values (${groupId}, ${tenantId}, '', ${["model:*"]})`;
  await sql`insert into group_access_member (group_id, user_id, tenant_id, role)
    values (${groupId}, ${userId}, ${tenantId}, 'member')`;
  assert.deepEqual(await now(), ["billing:read", "model:call"]);
  await sql`update group_access set is_archived = true where group_id = ${groupId}`;
  assert.deepEqual(await now(), ["billing:read"]);
});
