import assert from "node:assert/strict";
import { after, test } from "node:test";
import { permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { decodeJwt } from "jose";
import { auth } from "../service.ts";

const clock = createFakeClock();
const { ops, db, random, listEvents } = await startTestService({ after }, auth, { clients: {}, clock });
/** The bearer token is the caller: `<tenant>/<person>/<role>/<key>`. */
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
const path = "/api/v1/auth/clients";

async function begin(permissions = ["model:call", "billing:read"], more: object = {}) {
  const [tenantId, userId] = [random.id("ten"), random.id("usr")];
  await ops.setPrincipal({ tenantId, userId, role: "admin", isBarred: false, version: 1n });
  const bearer = `${tenantId}/${userId}/admin`;
  const { status, json } = await call(bearer, "POST", path, { name: "nightly", permissions, ...more });
  assert.equal(status, 201, JSON.stringify(json));
  const ask = (scope = "", secret: string = json.client_secret, clientAddress = "192.0.2.1") =>
    ops.createClientToken({
      ...{ clientId: json.id, proof: { kind: "secret", secret: new Secret(secret) }, scope, clientAddress },
    });
  return { tenantId, userId, bearer, client: json, ask };
}

/** What a token may do now; undefined for one that is refused. */
async function verdictOf(accessToken: string): Promise<readonly string[] | undefined> {
  const read = await ops.readToken({ token: new Secret(accessToken) });
  return read?.permissions;
}

const refusedAs = (type: FailureType) => (err: unknown) => isFailure(err, type);

test("a token of a client names the client alone, and has no refresh token (RFC 9068)", async () => {
  const { tenantId, client, ask } = await begin();
  const token = await ask();
  assert.deepEqual([token.scope, token.expiresInSeconds], ["model:call billing:read", 900]);
  assert.equal("refreshToken" in token, false);
  const { sub, client_id, tenant_id, scope, amr, auth_time, role } = decodeJwt(token.accessToken);
  assert.deepEqual([sub, client_id, tenant_id, scope], [client.id, client.id, tenantId, token.scope]);
  assert.deepEqual([amr, auth_time, role], [undefined, undefined, undefined]);
  const introspector = `${tenantId}/usr_x/admin`;
  const { json } = await call(introspector, "POST", "/api/v1/auth/introspect", { token: token.accessToken });
  assert.deepEqual([json.active, json.client_id, json.sub, json.amr], [true, client.id, client.id, undefined]);
  const { json: other } = await call("ten_other/usr_x/admin", "POST", "/v1/auth/introspect", {
    token: token.accessToken,
  });
  assert.deepEqual(other, { active: false });
  const { json: shown } = await call(introspector, "GET", `${path}/${client.id}`);
  assert.equal(shown.last_used_at, new Date(clock.nowMs()).toISOString());
});

test("a scope narrows a token, and what the client does not hold is refused", async () => {
  const { ask } = await begin(["model:*"]);
  const narrow = await ask("model:call  model:call");
  assert.equal(narrow.scope, "model:call");
  assert.deepEqual(await verdictOf(narrow.accessToken), ["model:call"]);
  for (const scope of ["billing:read", "model:call *", "platform:users", "x".repeat(300)]) {
    await assert.rejects(ask(scope), refusedAs(authFailures.scope_not_held), scope);
  }
});

test("a wrong, junk, foreign or old secret, and a disabled, expired or removed client are refused alike", async () => {
  const { bearer, client, ask } = await begin(undefined, {
    expires_at: new Date(clock.nowMs() + 86_400_000).toISOString(),
  });
  const other = await begin();
  const refused = (secret?: string) => assert.rejects(ask("", secret), refusedAs(authFailures.client_refused));
  for (const secret of ["", "x", "lys_", "a".repeat(200), other.client.client_secret]) await refused(secret);
  const { json: rotated } = await call(bearer, "POST", `${path}/${client.id}/rotate`, { grace_seconds: 60 });
  await ask();
  await ask("", rotated.client_secret);
  clock.advance(60_000);
  await refused();
  const under = await ask("", rotated.client_secret);
  const set = (body: object) => call(bearer, "PATCH", `${path}/${client.id}`, body);
  assert.equal((await set({ disabled: true })).status, 200);
  await refused(rotated.client_secret);
  assert.equal(await verdictOf(under.accessToken), undefined, "also for the token it has");
  await set({ disabled: false });
  assert.ok(await verdictOf(under.accessToken));
  const now = new Date(clock.nowMs() + 1_000).toISOString();
  assert.equal((await set({ expires_at: now })).status, 200);
  clock.advance(1_000);
  assert.equal(await verdictOf(under.accessToken), undefined);
  await refused(rotated.client_secret);
  assert.equal((await call(bearer, "POST", `${path}/${client.id}/rotate`)).status, 409);
  await set({ expires_at: null });
  const last = await ask("", rotated.client_secret);
  assert.equal((await call(bearer, "DELETE", `${path}/${client.id}`)).status, 200);
  assert.equal(await verdictOf(last.accessToken), undefined);
  await refused(rotated.client_secret);
});

test("a token is taken back by whoever holds it (RFC 7009), and the client's others stay", async () => {
  const { ask } = await begin();
  const [one, other] = [await ask(), await ask()];
  assert.equal((await call("", "POST", "/api/v1/auth/revoke", { token: one.accessToken })).status, 200);
  assert.equal(await verdictOf(one.accessToken), undefined);
  assert.ok(await verdictOf(other.accessToken));
});

test("a client holds what who gave it its permissions holds, until somebody else answers for it", async () => {
  const { tenantId, userId, client, ask } = await begin();
  const token = await ask();
  const tell = (role: string, isBarred: boolean, version: bigint) =>
    ops.setPrincipal({ tenantId, userId, role, isBarred, version });
  await tell("viewer", false, 2n);
  assert.deepEqual(await verdictOf(token.accessToken), ["billing:read"]);
  const changes = (await listEvents()).filter(({ type }) => type === "access.changed");
  assert.equal(changes.at(-1)?.data["userId"], client.id, "every node asks anew");
  await tell("viewer", true, 3n);
  assert.equal(await verdictOf(token.accessToken), undefined);
  await assert.rejects(ask(), refusedAs(authFailures.client_refused));
  await ops.setPrincipal({ tenantId, userId: "usr_next", role: "owner", isBarred: false, version: 1n });
  const body = { permissions: client.permissions };
  const { json } = await call(`${tenantId}/usr_next/owner`, "PATCH", `${path}/${client.id}`, body);
  assert.equal(json.granted_by, "usr_next");
  assert.deepEqual(await verdictOf(token.accessToken), ["model:call", "billing:read"]);
});

test("nobody gives a client what they lack, learns a secret that is more, or lets a program make programs", async () => {
  const { tenantId, bearer, client } = await begin(["model:call"]);
  const give = (body: object, as = bearer) =>
    call(as, "POST", path, { name: "x", permissions: ["model:call"], ...body });
  for (const permission of ["*", "platform:users", "billing:*"]) {
    const { status, json } = await give({ permissions: [permission] });
    assert.deepEqual([status, json.error.code], [403, "AUTH_003"], permission);
  }
  const strong = await give({ permissions: ["*"] }, `${tenantId}/usr_owner/owner`);
  assert.equal(strong.status, 201);
  assert.equal((await call(bearer, "POST", `${path}/${strong.json.id}/rotate`)).status, 403);
  assert.equal(
    (await call(bearer, "PATCH", `${path}/${strong.json.id}`, { allowed_ips: [] })).status,
    200,
    "unchanged",
  );
  const wider = { allowed_ips: ["203.0.113.0/24"] };
  assert.equal((await call(bearer, "PATCH", `${path}/${strong.json.id}`, wider)).status, 403);
  assert.equal((await call(bearer, "PATCH", `${path}/${strong.json.id}`, { disabled: true })).status, 200);
  const itself = `${tenantId}/${client.id}/owner/${client.id}`;
  for (const [method, target, body] of [
    ["POST", path, { name: "x", permissions: ["model:call"] }],
    ["POST", `${path}/${client.id}/rotate`, {}],
    ["PATCH", `${path}/${client.id}`, { name: "y" }],
    ["DELETE", `${path}/${client.id}`, undefined],
    ["POST", "/v1/keys", { name: "x" }],
  ] as const) {
    const { status, json } = await call(itself, method, target, body);
    assert.deepEqual([status, json.error.code], [403, "AUTH_074"], `${method} ${target}`);
  }
  assert.equal((await give({}, `${tenantId}/usr_m/member`)).status, 403);
});

test("an export of a person names the programs that they made or gave permissions, without a secret", async () => {
  const { tenantId, userId, client } = await begin();
  const { service_clients: clients } = await db.transaction((tx) => ops.exportPerson(tx, { tenantId, userId }));
  assert.partialDeepStrictEqual(clients, [{ client_id: client.id, name: "nightly", created_by: userId }]);
  assert.doesNotMatch(JSON.stringify(clients), new RegExp(client.client_secret));
  const another = await db.transaction((tx) => ops.exportPerson(tx, { tenantId, userId: "usr_other" }));
  assert.equal((another["service_clients"] as object[]).length, 0);
});

test("another tenant's clients do not exist", async () => {
  const { client } = await begin();
  const { bearer } = await begin();
  for (const [method, target] of [
    ["GET", client.id],
    ["PATCH", client.id],
    ["DELETE", client.id],
    ["POST", `${client.id}/rotate`],
  ] as const) {
    const { status, json } = await call(bearer, method, `${path}/${target}`, method === "PATCH" ? {} : undefined);
    assert.deepEqual([status, json.error.code], [404, "AUTH_070"], method);
  }
  const { json } = await call(bearer, "GET", `${path}?name_prefix=NIGHT&status=active&limit=1`);
  assert.deepEqual([json.data.length, json.next_cursor], [1, null]);
});

test("a client calls from allowed addresses only", async () => {
  const { ask } = await begin(undefined, { allowed_ips: ["203.0.113.0/24"] });
  await assert.rejects(ask(), refusedAs(authFailures.address_not_allowed));
  const token = await ask("", undefined, "203.0.113.9");
  const { sid } = decodeJwt(token.accessToken);
  const verdict = await ops.checkSession({ sessionId: String(sid) });
  assert.deepEqual(verdict.isActive && verdict.client?.allowedIps, ["203.0.113.0/24"]);
});

test("a secret that was found in public disables its client, and one that is good no more disables nothing", async () => {
  const { bearer, client, ask } = await begin();
  const report = async (token: string) => {
    const { json } = await call("", "POST", "/v1/keys/leaked", [{ token, type: "lyss" }]);
    return json[0].label;
  };
  const { json: rotated } = await call(bearer, "POST", `${path}/${client.id}/rotate`);
  assert.equal(await report(client.client_secret), "true_positive");
  assert.ok(await ask("", rotated.client_secret), "the secret before the rotation opens nothing");
  assert.equal(await report(`${rotated.client_secret.slice(0, -1)}-`), "false_positive");
  assert.equal(await report(rotated.client_secret), "true_positive");
  await assert.rejects(ask("", rotated.client_secret), refusedAs(authFailures.client_refused));
  assert.ok((await call(bearer, "GET", `${path}/${client.id}`)).json.disabled_at);
  assert.equal(await report(rotated.client_secret), "true_positive", "a repeat is safe");
});

test("what happens to a client is told with who did it, never with a secret", async () => {
  const { bearer, client, userId } = await begin();
  await call(bearer, "POST", `${path}/${client.id}/rotate`);
  await call(bearer, "PATCH", `${path}/${client.id}`, { name: "weekly", disabled: true });
  await call(bearer, "DELETE", `${path}/${client.id}`);
  const said = (await listEvents()).filter(({ type, key }) => type.startsWith("service_client.") && key === client.id);
  assert.deepEqual(
    said.map(({ type, data }) => [
      type,
      data["createdBy"] ?? data["updatedBy"] ?? data["removedBy"],
      data["changedFields"],
    ]),
    [
      ["service_client.created", userId, undefined],
      ["service_client.updated", userId, ["secret"]],
      ["service_client.updated", userId, ["name", "disabled"]],
      ["service_client.removed", userId, undefined],
    ],
  );
  assert.doesNotMatch(JSON.stringify(said), /lys_/);
});

test("the metadata document names the endpoints and grants that there are (RFC 8414)", async () => {
  const { json } = await call("", "GET", "/.well-known/oauth-authorization-server");
  assert.match(json.token_endpoint, /^http:.*:8080\/api\/v1\/auth\/token$/);
  assert.deepEqual(json.grant_types_supported, ["client_credentials", "password", "refresh_token"]);
});
