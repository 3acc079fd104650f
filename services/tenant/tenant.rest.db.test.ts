import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Code, ConnectError } from "@connectrpc/connect";
import type { SetPrincipalRequest } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { startTestDns } from "./dns-test-server.ts";
import { tenant } from "./service.ts";
import { peersThatHear } from "./test-peers.ts";

/** What auth was told, and whether it is away. */
const told: string[] = [];
let isAuthAway = false;
function hear({ tenantId, userId, isBarred, version }: SetPrincipalRequest): void {
  if (isAuthAway) throw new ConnectError("away", Code.Unavailable);
  told.push(`${tenantId}${userId} ${isBarred} ${version}`);
}

const records = new Map<string, string[]>();
const dns = await startTestDns(records);
after(() => dns.close());
const config = { tenant: { dnsServers: [dns.server] } };
const service = await startTestService({ after }, tenant, { clients: peersThatHear(hear), config });
/** The bearer token is the caller: `<tenant>/<person>/<permissions>`. */
const server = await startTestServer({
  mounted: [{ name: "tenant", routes: tenant.routes, ops: service.ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, permissions] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !permissions) return undefined;
    return { tenantId, userId, keyId: "", ...noSession, permissions: permissions.split(","), models: [] };
  },
});
after(() => server.close());

const operator = "ten_home/usr_op/*,platform:*";
const ownerOf = (tenantId: string) => `${tenantId}/usr_own/*`;

async function call(token: string, method: string, path: string, body?: unknown, headers?: Record<string, string>) {
  const answer = await server.call(token, method, `/api/v1/tenants${path}`, body, headers);
  return { ...answer, etag: answer.headers.get("etag"), code: answer.json.error?.code };
}

async function create(slug: string): Promise<string> {
  const { status, json } = await call(operator, "POST", "", { name: slug, slug });
  assert.equal(status, 201);
  return json.id;
}

async function eventsOf(tenantId: string) {
  return (await service.listEvents()).filter(({ key }) => key === tenantId);
}

test("an operator creates a tenant that may work, and finds it by name, state and plan", async () => {
  const created = await call(operator, "POST", "", { name: " Acme Corp ", slug: "acme", plan: "pro" });
  assert.deepEqual([created.status, created.etag], [201, '"1"']);
  const { id, name, slug, plan, status, suspended_reason, settings } = created.json;
  assert.deepEqual([name, slug, plan, status, suspended_reason], ["Acme Corp", "acme", "pro", "active", null]);
  const none = {
    require_mfa: false,
    sign_in_methods: [],
    session_idle_minutes: 0,
    session_lifetime_hours: 0,
    silent_impersonation: false,
    default_role: "member",
  };
  assert.deepEqual(settings, none);
  const again = await call(operator, "POST", "", { name: "Other", slug: "acme" });
  assert.deepEqual([again.status, again.code], [409, "TENANT_003"]);
  await create("acme-labs");
  await create("beta");
  const slugs = async (query: string) =>
    (await call(operator, "GET", query)).json.data.map((row: { slug: string }) => row.slug);
  assert.deepEqual(await slugs("?query=ACME"), ["acme-labs", "acme"]);
  assert.deepEqual(await slugs("?query=acme&plan=pro&status=active"), ["acme"]);
  assert.deepEqual(await slugs("?status=suspended"), []);
  const first = await call(operator, "GET", "?limit=2");
  assert.deepEqual(await slugs(`?limit=2&cursor=${first.json.next_cursor}`), ["acme"]);
  const [said] = await eventsOf(id);
  assert.deepEqual(
    [said?.type, said?.data["actorId"], said?.data["clientAddress"]],
    [...["tenant.created", "usr_op", "127.0.0.1"]],
  );
});

test("whoever comes in becomes a member, a viewer, or what a role of the tenant says that holds no more than who sets it", async () => {
  const id = await create("newcomers");
  const set = async (role: string, held = "*") => {
    const body = { settings: { default_role: role } };
    const { status, json, code } = await call(`${id}/usr_own/${held}`, "PATCH", "/me", body);
    return status === 200 ? json.settings.default_role : code;
  };
  assert.equal(await set("viewer"), "viewer");
  assert.equal(await set("caller", "tenant:update"), "caller", "a member may as much");
  assert.equal(await set("payer", "tenant:update"), "AUTH_096");
  assert.equal(await set("payer", "*"), "payer");
  assert.equal(await set("payer", "tenant:update"), "payer", "what is so already changes nothing");
  assert.equal(await set("nobody"), "AUTH_005");
  for (const role of ["admin", "owner", "operator", "No Role"]) assert.equal(await set(role), "KIT_002", role);
  assert.equal((await call(`${id}/usr_own/*`, "GET", "/me")).json.settings.default_role, "payer");
});

test("a tenant's admin reads and changes it, but not its plan; others' tenants do not exist", async () => {
  const id = await create("own");
  const owner = ownerOf(id);
  assert.equal((await call(owner, "GET", "/me")).json.id, id);
  const settings = { require_mfa: true, sign_in_methods: ["sso", "password", "sso"], session_idle_minutes: 30 };
  const changed = await call(owner, "PATCH", "/me", { name: "Own", settings });
  assert.deepEqual([changed.status, changed.etag, changed.json.name], [200, '"2"', "Own"]);
  assert.deepEqual(changed.json.settings, {
    ...{ require_mfa: true, sign_in_methods: ["password", "sso"] },
    ...{ session_idle_minutes: 30, session_lifetime_hours: 0, silent_impersonation: false, default_role: "member" },
  });
  const same = await call(owner, "PATCH", `/${id}`, { settings: { sign_in_methods: ["password", "sso"] } });
  assert.equal(same.etag, '"2"');
  const plan = await call(owner, "PATCH", "/me", { plan: "enterprise" });
  assert.deepEqual([plan.status, plan.code], [403, "TENANT_005"]);
  assert.equal((await call(operator, "PATCH", `/${id}`, { plan: "enterprise" })).json.plan, "enterprise");
  const late = await call(owner, "PATCH", "/me", { name: "Late" }, { "if-match": '"2"' });
  assert.deepEqual([late.status, late.code, late.json.error.details.current], [412, "TENANT_004", 3]);
  assert.equal((await call(owner, "PATCH", "/me", { name: "Timely" }, { "if-match": '"3"' })).status, 200);

  const stranger = ownerOf("ten_other");
  for (const [method, path, body] of [
    ["GET", "", undefined],
    ["PATCH", "", { name: "Mine" }],
    ["GET", "/domains", undefined],
    ["POST", "/domains", { domain: "own.example" }],
    ["POST", "/domains/own.example/verify", undefined],
    ["DELETE", "/domains/own.example", undefined],
    ["GET", "/data-policy", undefined],
    ["PUT", "/data-policy", { retention_days: 1, store_bodies: true }],
    ["GET", "/data-policy/versions", undefined],
  ] as const) {
    const answer = await call(stranger, method, `/${id}${path}`, body);
    assert.equal(answer.status, 404, `${method} ${path}`);
  }
  assert.equal((await call(owner, "POST", `/${id}/suspend`, { reason: "x" })).status, 403);
  assert.equal((await call(`${id}/usr_v/tenant:read`, "PATCH", "/me", { name: "x" })).status, 403);
  assert.equal((await call("", "GET", "/me")).status, 401);
});

test("bad input names the field and its bound, in the caller's language; unknown fields are refused", async () => {
  const owner = ownerOf(await create("bounds"));
  for (const [method, path, body, field] of [
    ["PATCH", "/me", { name: "" }, "name"],
    ["PATCH", "/me", { name: "x".repeat(101) }, "name"],
    ["PATCH", "/me", { status: "suspended" }, "status"],
    ["PATCH", "/me", { settings: { session_idle_minutes: 4 } }, "settings.session_idle_minutes"],
    ["PATCH", "/me", { settings: { sign_in_methods: ["carrier-pigeon"] } }, "settings.sign_in_methods.0"],
    ["PATCH", "/me", { settings: { role: "owner" } }, "settings.role"],
    ["POST", "/me/domains", { domain: "localhost" }, "domain"],
    ["POST", "/me/domains", { domain: "10.0.0.1" }, "domain"],
    ["POST", "/me/domains", { domain: "a b.example" }, "domain"],
    ["PUT", "/me/data-policy", { retention_days: 0, store_bodies: true }, "retention_days"],
    ["PUT", "/me/data-policy", { retention_days: 1 }, "store_bodies"],
  ] as const) {
    const answer = await call(owner, method, path, body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.equal(answer.json.error.details.field, field, JSON.stringify(answer.json.error));
  }
  const chinese = await call(owner, "POST", "/me/domains", { domain: "x" }, { "accept-language": "zh-CN" });
  assert.match(chinese.json.error.message, /必须是域名/);
});

test("auth is told at once of a suspension and of its end; with auth away both hold all the same, by their events", async () => {
  const id = await create("told-at-once");
  const suspend = () => call(operator, "POST", `/${id}/suspend`, { reason: "unpaid" });
  await suspend();
  assert.deepEqual(told, [`${id} true 2`]);
  await call(operator, "POST", `/${id}/reactivate`);
  isAuthAway = true;
  const unheard = await suspend();
  assert.deepEqual([unheard.status, unheard.json.status], [200, "suspended"]);
  isAuthAway = false;
  // Whoever asks again makes sure of it.
  await suspend();
  assert.deepEqual(told.slice(1), [`${id} false 3`, `${id} true 4`]);
});

test("a suspended tenant says why, and is let in again; both are told with who did it from where", async () => {
  const id = await create("suspended");
  const suspended = await call(operator, "POST", `/${id}/suspend`, { reason: " unpaid " });
  assert.deepEqual([suspended.json.status, suspended.json.suspended_reason], ["suspended", "unpaid"]);
  assert.equal((await call(operator, "POST", `/${id}/suspend`, { reason: "unpaid" })).etag, suspended.etag);
  const back = await call(operator, "POST", `/${id}/reactivate`);
  assert.deepEqual([back.json.status, back.json.suspended_reason, back.json.version], ["active", null, 3]);
  assert.equal((await call(operator, "POST", `/${id}/reactivate`)).json.version, 3);
  const said = await eventsOf(id);
  assert.deepEqual(
    said.map(({ type }) => type),
    ["tenant.created", "tenant.updated", "tenant.suspended", "tenant.updated", "tenant.reactivated"],
  );
  const { reason, actorId, clientAddress } = said[2]?.data ?? {};
  assert.deepEqual([reason, actorId, clientAddress], ["unpaid", "usr_op", "127.0.0.1"]);
  const home = await call("ten_home/usr_op/*,platform:*", "POST", "/ten_home/suspend", { reason: "oops" });
  assert.deepEqual([home.status, home.code], [409, "TENANT_006"]);
});

test("a domain is verified by its TXT record, by one tenant only", async () => {
  const one = ownerOf(await create("domain-one"));
  const two = ownerOf(await create("domain-two"));
  const added = await call(one, "POST", "/me/domains", { domain: "Bücher.Example." });
  assert.deepEqual([added.status, added.json.domain, added.json.verified], [201, "xn--bcher-kva.example", false]);
  assert.equal(added.json.txt_name, "_lyss.xn--bcher-kva.example");
  assert.deepEqual((await call(one, "POST", "/me/domains", { domain: "bücher.example" })).json, added.json);
  const path = "/me/domains/xn--bcher-kva.example";
  const unproven = await call(one, "POST", `${path}/verify`);
  assert.deepEqual([unproven.status, unproven.code, unproven.json.error.retryable], [409, "TENANT_008", true]);
  assert.equal((await call(two, "POST", `${path}/verify`)).code, "TENANT_007");
  const other = await call(two, "POST", "/me/domains", { domain: "bücher.example" });
  records.set(added.json.txt_name, ["v=spf1 -all", added.json.txt_value, other.json.txt_value]);
  const verified = await call(one, "POST", `${path}/verify`);
  assert.deepEqual([verified.status, verified.json.verified], [200, true]);
  assert.deepEqual((await call(one, "POST", `${path}/verify`)).json, verified.json);
  assert.equal((await call(two, "POST", `${path}/verify`)).code, "TENANT_009");
  assert.equal((await service.ops.findDomain({ domain: added.json.domain }))?.tenantId, one.split("/")[0]);
  assert.equal((await call(one, "DELETE", path)).json.deleted, true);
  assert.equal((await call(one, "DELETE", path)).code, "TENANT_007");
  assert.equal((await call(two, "POST", `${path}/verify`)).json.verified, true);
  assert.equal((await call(two, "GET", "/me/domains")).json.data.length, 1);
});

test("of two tenants that can both prove a domain at once, one gets it", async () => {
  const owners = await Promise.all(["race-one", "race-two"].map(async (slug) => ownerOf(await create(slug))));
  const added = await Promise.all(owners.map((each) => call(each, "POST", "/me/domains", { domain: "race.example" })));
  records.set(
    "_lyss.race.example",
    added.map(({ json }) => json.txt_value),
  );
  const answers = await Promise.all(owners.map((each) => call(each, "POST", "/me/domains/race.example/verify")));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 409]);
});

test("a data policy has versions, and keeps no bodies until somebody says so", async () => {
  const owner = ownerOf(await create("policy"));
  const before = await call(owner, "GET", "/me/data-policy");
  assert.deepEqual([before.etag, before.json.store_bodies, before.json.retention_days], ['"0"', false, 90]);
  const wanted = { retention_days: 30, store_bodies: true, redact: ["phone", "email"] };
  const set = await call(owner, "PUT", "/me/data-policy", wanted, { "if-match": '"0"' });
  assert.deepEqual([set.status, set.etag, set.json.redact], [200, '"1"', ["email", "phone"]]);
  assert.equal((await call(owner, "PUT", "/me/data-policy", wanted)).etag, '"1"');
  const racing = [10, 20].map((days) =>
    call(owner, "PUT", "/me/data-policy", { ...wanted, retention_days: days }, { "if-match": '"1"' }),
  );
  assert.deepEqual((await Promise.all(racing)).map(({ status }) => status).sort(), [200, 412]);
  const { json } = await call(owner, "GET", "/me/data-policy/versions?limit=1");
  assert.equal(json.data[0].version, 2);
  const rest = await call(owner, "GET", `/me/data-policy/versions?cursor=${json.next_cursor}`);
  assert.deepEqual(rest.json.data, [set.json]);
});

test("what somebody has set in their organisation is in the export of them, and nobody else's", async () => {
  const tenantId = await create("exported");
  const owner = ownerOf(tenantId);
  assert.equal((await call(owner, "POST", "/me/domains", { domain: "exported.example" })).status, 201);
  const policy = { retention_days: 31, store_bodies: false, redact: [] };
  assert.equal((await call(owner, "PUT", "/me/data-policy", policy)).status, 200);
  const exported = (userId: string) =>
    service.db.transaction((tx) => service.ops.exportPerson(tx, { tenantId, userId }));
  const { added_domains: domains, data_policies: policies } = (await exported("usr_own")) as Record<string, object[]>;
  assert.partialDeepStrictEqual(domains, [{ domain: "exported.example", verified_at: null }]);
  assert.partialDeepStrictEqual(policies, [{ retention_days: 31 }]);
  const others = Object.values(await exported("usr_other")) as object[][];
  assert.deepEqual(
    others.map(({ length }) => length),
    [0, 0],
  );
});
