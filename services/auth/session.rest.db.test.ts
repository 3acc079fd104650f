import assert from "node:assert/strict";
import { after, test } from "node:test";
import { permissionsByRole } from "@lyss/contracts/access/roles.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "./service.ts";

const clock = createFakeClock();
const { ops, random } = await startTestService({ after }, auth, { clients: {}, clock });
/** The bearer token is the caller: `<tenant>/<person>/<role>/<session>`. */
const server = await startTestServer({
  mounted: [{ name: "auth", routes: auth.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, role, sessionId = ""] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !role) return undefined;
    const permissions = permissionsByRole[role] ?? [];
    return { tenantId, userId, keyId: "", ...noSession, sessionId, permissions, models: [] };
  },
});
after(() => server.close());
const { call } = server;

async function signIn(tenantId = random.id("ten"), role = "member", userId = random.id("usr")) {
  const device = { clientAddress: "192.0.2.1", userAgent: "a browser" };
  const tokens = await ops.startSession({ tenantId, userId, role, methods: ["pwd"], ...device });
  return { ...tokens, tenantId, userId, bearer: `${tenantId}/${userId}/${role}/${tokens.sessionId}` };
}

const sendForm = (path: string, fields: Record<string, string>, bearer = "") =>
  fetch(server.url + path, {
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded", authorization: `Bearer ${bearer}` },
    body: new URLSearchParams(fields).toString(),
  });

test("a refresh token is followed as JSON and as a form, at both addresses", async () => {
  let { refreshToken } = await signIn();
  for (const path of ["/api/v1/auth/refresh", "/v1/auth/refresh"]) {
    const { status, json, headers } = await call("", "POST", path, { refresh_token: refreshToken });
    assert.deepEqual(
      [status, json.token_type, json.expires_in, headers.get("cache-control")],
      [200, "Bearer", 900, "no-store"],
    );
    const answer = await sendForm(path, { refresh_token: json.refresh_token });
    refreshToken = ((await answer.json()) as { refresh_token: string }).refresh_token;
    assert.equal(answer.status, 200);
  }
  const refused = await call("", "POST", "/v1/auth/refresh", { refresh_token: "lyr_1" });
  assert.deepEqual([refused.status, refused.json.error.code], [401, "AUTH_007"]);
  assert.equal(
    (await call("", "POST", "/v1/auth/refresh", { refresh_token: refreshToken, role: "owner" })).status,
    400,
  );
});

test("revoking either token ends the session, and any other text is answered alike (RFC 7009)", async () => {
  for (const which of ["accessToken", "refreshToken"] as const) {
    const signedIn = await signIn();
    const { status, json } = await call("", "POST", "/v1/auth/revoke", {
      token: signedIn[which],
      token_type_hint: "x",
    });
    assert.deepEqual([status, json], [200, {}]);
    assert.equal((await ops.checkSession(signedIn)).isActive, false);
  }
  const { accessToken, sessionId } = await signIn();
  for (const token of ["x", "lyr_x", `${accessToken}x`, "lyss_x", "a.b.c"]) {
    const answer = await sendForm("/api/v1/auth/revoke", { token });
    assert.deepEqual([answer.status, await answer.text()], [200, "{}"], token);
  }
  assert.equal((await ops.checkSession({ sessionId })).isActive, true);
});

test("whoever may introspect learns of tokens of the own tenant that are good now, and of no others (RFC 7662)", async () => {
  const admin = await signIn(undefined, "admin");
  const person = await signIn(admin.tenantId);
  const other = await signIn();
  const ask = (token: string, bearer = admin.bearer) => call(bearer, "POST", "/api/v1/auth/introspect", { token });
  const { json } = await ask(person.accessToken);
  assert.deepEqual(
    [json.active, json.token_type, json.sub, json.tenant_id, json.sid, json.amr, json.exp - json.iat],
    [true, "access_token", person.userId, person.tenantId, person.sessionId, ["pwd"], 900],
  );
  assert.ok(json.scope.split(" ").includes("model:call"));
  assert.equal((await ask(person.refreshToken)).json.token_type, "refresh_token");
  const form = await sendForm("/v1/auth/introspect", { token: person.accessToken }, admin.bearer);
  assert.equal(((await form.json()) as { active: boolean }).active, true);
  for (const token of ["x", other.accessToken, other.refreshToken, `${person.accessToken}x`]) {
    assert.deepEqual((await ask(token)).json, { active: false });
  }
  assert.equal((await ask(person.accessToken, person.bearer)).status, 403);
  await ops.revokeToken({ token: new Secret(person.accessToken), clientAddress: "" });
  assert.deepEqual((await ask(person.accessToken)).json, { active: false });
});

test("a request learns who it is from; without a credential it is refused", async () => {
  const { bearer, userId, tenantId, sessionId } = await signIn();
  for (const path of ["/api/v1/auth/validate", "/v1/auth/validate"]) {
    const { status, json } = await call(bearer, "GET", path);
    assert.deepEqual([status, json.valid, json.user_id, json.tenant_id], [200, true, userId, tenantId]);
    assert.deepEqual([json.session_id, json.key_id, json.models], [sessionId, null, []]);
    assert.equal((await call("", "GET", path)).status, 401);
  }
});

test("people see where they are signed in, and end one, all others, or all", async () => {
  const userId = random.id("usr");
  const mine = await signIn(undefined, "member", userId);
  const { tenantId, bearer } = mine;
  const [second, third] = [await signIn(tenantId, "member", userId), await signIn(tenantId, "member", userId)];
  const list = async () => (await call(bearer, "GET", "/api/v1/auth/sessions")).json.data;
  const shown = await list();
  assert.deepEqual(
    shown.map(({ id, current }: { id: string; current: boolean }) => [id, current]).sort(),
    [
      [mine.sessionId, true],
      [second.sessionId, false],
      [third.sessionId, false],
    ].sort(),
  );
  assert.deepEqual(
    [shown[0].user_agent, shown[0].client_address, shown[0].methods],
    ["a browser", "192.0.2.1", ["pwd"]],
  );
  const end = (path: string, as = bearer) => call(as, "DELETE", `/v1/auth/sessions${path}`);
  assert.deepEqual((await end(`/${second.sessionId}`)).json, { ended: 1 });
  assert.equal((await end(`/${second.sessionId}`)).json.error.code, "AUTH_009");
  assert.deepEqual((await end("?keep_current=true")).json, { ended: 1 });
  assert.equal((await list()).length, 1);
  assert.deepEqual((await end("/current")).json, { ended: 1 });
  assert.equal((await list()).length, 0);
});

test("another's sessions are reached with session:manage, within the tenant, and by nobody else", async () => {
  const admin = await signIn(undefined, "admin");
  const person = await signIn(admin.tenantId);
  const stranger = await signIn(undefined, "admin");
  const list = (as: string) => call(as, "GET", `/v1/auth/sessions?user_id=${person.userId}`);
  assert.equal((await list(admin.bearer)).json.data[0].id, person.sessionId);
  assert.deepEqual((await list(stranger.bearer)).json.data, []);
  const peer = await signIn(admin.tenantId);
  assert.equal((await list(peer.bearer)).status, 403);
  const end = (as: string, id: string) => call(as, "DELETE", `/v1/auth/sessions/${id}?user_id=${person.userId}`);
  assert.equal((await end(peer.bearer, person.sessionId)).status, 403);
  assert.equal((await end(stranger.bearer, person.sessionId)).status, 404);
  assert.equal((await call(peer.bearer, "DELETE", `/v1/auth/sessions/${person.sessionId}`)).status, 404);
  assert.equal((await ops.checkSession(person)).isActive, true);
  assert.deepEqual((await end(admin.bearer, person.sessionId)).json, { ended: 1 });
});

test("signing out ends the session of the request, and again does nothing", async () => {
  const { bearer, sessionId } = await signIn();
  for (let i = 0; i < 2; i++) {
    const answer = await fetch(`${server.url}/api/v1/auth/logout`, {
      method: "POST",
      headers: { authorization: `Bearer ${bearer}` },
    });
    assert.deepEqual([answer.status, await answer.text()], [204, ""]);
  }
  assert.equal((await ops.checkSession({ sessionId })).isActive, false);
});
