import assert from "node:assert/strict";
import { after, test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { AuthService, CreateClientTokenResponseSchema } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { Secret } from "@lyss/kit/config/secret.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { jwtAssertionType } from "@lyss/kit/oauth/client-authentication.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { user } from "./service.ts";
import { peersThatServe } from "./test-peers.ts";

let sessions = 0;
const servePeers: Parameters<typeof peersThatServe>[0] = ({ rpc }) => {
  rpc(AuthService.method.startSession, ({ userId }) => ({
    result: {
      case: "tokens",
      value: {
        accessToken: `token of ${userId}`,
        expiresInSeconds: 900,
        refreshToken: "lyr_1",
        refreshExpiresInSeconds: 60,
        sessionId: `ses_${++sessions}`,
      },
    },
  }));
};
const peers = peersThatServe(servePeers);
/** About `svc_1`; whether the signature is right is auth's affair. */
const signed = `e30.${Buffer.from(JSON.stringify({ sub: "svc_1" })).toString("base64url")}.c2ln`;
const createClientToken: typeof peers.auth.createClientToken = async (request) => {
  const { clientId, clientSecret, clientAssertion, scope } = request;
  if (clientSecret !== "lys_right" && clientAssertion !== signed) throw new Failure(authFailures.client_refused);
  if (scope === "model:none") throw new Failure(authFailures.scope_not_held, { scope });
  const given = { accessToken: `token of ${clientId}`, expiresInSeconds: 900, scope: scope || "model:call" };
  return create(CreateClientTokenResponseSchema, given);
};
const clock = createFakeClock();
const { ops, sql } = await startTestService({ after }, user, {
  clients: { ...peers, auth: { ...peers.auth, createClientToken } },
  config: { user: { freeFailuresPerAddress: 3 } },
  clock,
});
/** The bearer token is the caller: `<tenant>/<person>/<permission>`. */
const server = await startTestServer({
  mounted: [{ name: "user", routes: user.routes, ops, peerUrl: undefined }],
  guard({ headers: { authorization } }) {
    const [tenantId, userId, permission] = (authorization ?? "").replace("Bearer ", "").split("/");
    if (!tenantId || !userId || !permission) return undefined;
    return { tenantId, userId, keyId: "", ...noSession, permissions: [permission], models: [] };
  },
});
after(() => server.close());

const password = "correct horse battery";
const input = { tenantId: "ten_a", password: new Secret(password), role: "member" } as const;
const ann = await ops.createUser({ ...input, email: "ann@example.com", name: "Ann" });
const bob = await ops.createUser({ ...input, email: "bob@example.com", name: "Bob", tenantId: "ten_b" });

const { call } = server;

test("a person signs in at every address that offers it, with the same answer", async () => {
  const expected = {
    access_token: `token of ${ann.userId}`,
    token_type: "Bearer",
    expires_in: 900,
    refresh_token: "lyr_1",
    refresh_expires_in: 60,
  };
  for (const path of ["/api/v1/users/login", "/v1/users/login"]) {
    const { json } = await call("", "POST", path, { email: "Ann@Example.com", password });
    assert.deepEqual(json, { ...expected, session_id: `ses_${sessions}` }, path);
  }
  for (const path of ["/v1/auth/token", "/api/v1/auth/token"]) {
    const grant = { grant_type: "password", username: "ann@example.com", password };
    const { json } = await call("", "POST", path, grant);
    assert.deepEqual(json, { ...expected, session_id: `ses_${sessions}` }, path);
    assert.equal((await call("", "POST", path, { ...grant, grant_type: "magic" })).status, 400);
  }
});

const basic = (id: string, secret: string) => ({ authorization: `Basic ${btoa(`${id}:${secret}`)}` });

async function askToken(fields: Record<string, string>, headers: Record<string, string> = {}, isForm = true) {
  const type = isForm ? "application/x-www-form-urlencoded" : "application/json";
  const answer = await fetch(`${server.url}/v1/auth/token`, {
    method: "POST",
    headers: { "content-type": type, ...headers },
    body: isForm ? new URLSearchParams(fields).toString() : JSON.stringify(fields),
  });
  const { status, headers: got } = answer;
  return { status, headers: got, json: (await answer.json()) as Record<string, unknown> };
}

test("a service client gets a token by its secret, in the header or in the form, or by what it signed, as JSON too (RFC 6749, 4.4; 7523)", async () => {
  const grant_type = "client_credentials";
  const shown = { client_id: "svc_1", client_secret: "lys_right" };
  const assertion = { client_assertion: signed, client_assertion_type: jwtAssertionType };
  const body = { access_token: "token of svc_1", token_type: "Bearer", expires_in: 900, scope: "model:call" };
  for (const answer of [
    await askToken({ grant_type }, basic("svc_1", "lys_right")),
    await askToken({ grant_type, client_id: "svc_1" }, basic("svc_1", "lys_right")),
    await askToken({ grant_type, ...shown, resource: "ignored, as the standard asks" }),
    await askToken({ grant_type, ...shown }, {}, false),
    await askToken({ grant_type, ...assertion }),
    await askToken({ grant_type, ...assertion, client_id: "svc_1" }, {}, false),
  ]) {
    assert.deepEqual([answer.status, answer.json], [200, body]);
    assert.equal(answer.headers.get("cache-control"), "no-store");
  }
  const narrow = await askToken({ grant_type, ...shown, scope: "model:list" });
  assert.equal(narrow.json["scope"], "model:list");
});

test("errors of the token endpoint are those of RFC 6749, 5.2, with what the platform says besides", async () => {
  const grant_type = "client_credentials";
  const right = basic("svc_1", "lys_right");
  for (const [expected, status, fields, headers] of [
    ["invalid_client", 401, { grant_type }, {}],
    ["invalid_client", 401, { grant_type }, basic("svc_1", "lys_wrong")],
    ["invalid_client", 401, { grant_type }, { authorization: "Basic !!!" }],
    ["invalid_client", 401, { grant_type, client_id: "svc_1" }, {}],
    [
      "invalid_client",
      401,
      { grant_type, client_assertion: `${signed}x`, client_assertion_type: jwtAssertionType },
      {},
    ],
    ["invalid_client", 401, { grant_type, client_assertion: "junk", client_assertion_type: jwtAssertionType }, {}],
    ["invalid_request", 400, { grant_type, client_assertion: signed, client_assertion_type: "urn:other" }, {}],
    ["invalid_request", 400, { grant_type, client_assertion: signed, client_assertion_type: jwtAssertionType }, right],
    ["invalid_scope", 400, { grant_type, scope: "model:none" }, right],
    ["invalid_request", 400, { grant_type, client_secret: "lys_right" }, right],
    ["invalid_request", 400, { grant_type, client_id: "svc_2" }, right],
    ["invalid_request", 400, { grant_type, client_id: "x".repeat(1_000) }, {}],
    ["invalid_request", 400, { grant_type: "password", username: "ann@example.com" }, {}],
    ["unsupported_grant_type", 400, { grant_type: "urn:ietf:params:oauth:grant-type:device_code" }, {}],
    ["invalid_grant", 401, { grant_type: "password", username: "nobody@example.com", password: "wrong" }, {}],
  ] as const) {
    const answer = await askToken(fields, headers);
    const told = `${expected}: ${JSON.stringify(answer.json)}`;
    assert.deepEqual([answer.status, answer.json["error"]], [status, expected], told);
    assert.match(String(answer.json["error_description"]), /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
    assert.match(String(answer.json["code"]), /^[A-Z]+_\d{3}$/);
    if (expected === "invalid_client") assert.equal(answer.headers.get("www-authenticate"), 'Basic realm="lyss"');
    assert.doesNotMatch(JSON.stringify(answer.json), /lys_right|lys_wrong/);
    clock.advance(86_400_000);
  }
});

test("wrong secrets of a client make wait at the address that shows them, and right ones cost nothing", async () => {
  const ask = (clientId: string, secret: string, clientAddress: string) =>
    ops.createClientToken({
      ...{ clientId, proof: { kind: "secret", secret: new Secret(secret) }, scope: "", clientAddress },
    });
  for (let i = 0; i < 20; i++) await ask("svc_9", "lys_right", "192.0.2.77");
  let wrong = 0;
  for (; wrong < 20; wrong++) {
    const refused = await ask("svc_9", "lys_wrong", "192.0.2.77").catch((err) => err as Failure);
    assert.ok(refused instanceof Failure);
    if (refused.type === userFailures.too_many_attempts) break;
  }
  assert.ok(wrong >= 3 && wrong < 20, `${wrong} wrong ones`);
  await assert.rejects(ask("svc_9", "lys_right", "192.0.2.77"), "the right one waits there, too");
  assert.ok(await ask("svc_9", "lys_right", "192.0.2.78"), "and comes in elsewhere");
  clock.advance(86_400_000);
  assert.ok(await ask("svc_9", "lys_right", "192.0.2.77"));
});

test("people of the tenant are shown, 'me' is the one who asks, and others do not exist", async () => {
  const reader = `ten_a/${ann.userId}/user:read`;
  for (const prefix of ["/api/v1", "/v1"]) {
    for (const id of ["me", ann.userId]) {
      const { status, json } = await call(reader, "GET", `${prefix}/users/${id}`);
      assert.equal(status, 200);
      assert.deepEqual([json.id, json.email, json.tenant_id, json.object], [ann.userId, ann.email, "ten_a", "user"]);
      assert.equal("password_hash" in json, false);
    }
    for (const id of [bob.userId, "usr_none", "%2e%2e"]) {
      assert.equal((await call(reader, "GET", `${prefix}/users/${id}`)).status, 404, id);
    }
    const { json: list } = await call(`ten_a/${ann.userId}/user:list`, "GET", `${prefix}/users`);
    assert.deepEqual(
      list.data.map(({ id }: { id: string }) => id),
      [ann.userId],
    );
    assert.equal((await call(reader, "GET", `${prefix}/users`)).status, 403);
    assert.equal((await call("", "GET", `${prefix}/users/me`)).status, 401);
  }
});

test("people read their own audit log, those with user:audit everybody's in the tenant, nobody another's", async () => {
  const cid = await ops.createUser({ ...input, email: "cid@example.com", name: "Cid" });
  await call("", "POST", "/v1/users/login", { email: "cid@example.com", password });
  const wrong = new Secret("wrong horse battery");
  await assert.rejects(ops.signIn({ email: cid.email, password: wrong, clientAddress: "192.0.2.9" }));
  await ops.flushRefusedSignIns();
  const own = `ten_a/${cid.userId}/user:read`;
  const auditor = `ten_a/${ann.userId}/user:*`;
  for (const [token, id] of [
    [own, "me"],
    [own, cid.userId],
    [auditor, cid.userId],
  ] as const) {
    const { status, json } = await call(token, "GET", `/api/v1/users/${id}/audit`);
    assert.equal(status, 200);
    assert.deepEqual(
      json.data.map((row: Record<string, unknown>) => [row["event_type"], row["version"], row["aggregate_id"]]),
      [
        ["user.audit.sign_in_refused", 3, cid.userId],
        ["user.audit.signed_in", 2, cid.userId],
        ["user.audit.created", 1, cid.userId],
      ],
    );
    assert.deepEqual(
      [json.data[1].event_data.actor_id, json.data[1].event_data.client_address],
      [cid.userId, "127.0.0.1"],
    );
    const verdict = await call(token, "GET", `/v1/users/${id}/audit:verify`);
    assert.deepEqual(verdict.json, { intact: true, entries: 3, broken_version: null });
  }
  for (const path of ["audit", "audit:verify"]) {
    const refused = await call(`ten_a/${ann.userId}/user:read`, "GET", `/v1/users/${cid.userId}/${path}`);
    assert.deepEqual([refused.status, refused.json.error.code], [403, "KIT_005"]);
    assert.equal((await call(`ten_b/${bob.userId}/user:*`, "GET", `/v1/users/${cid.userId}/${path}`)).status, 404);
    assert.equal((await call("", "GET", `/v1/users/me/${path}`)).status, 401);
  }
  const only = await call(own, "GET", "/v1/users/me/audit?type=user.audit.created&type=user.audit.signed_in&limit=1");
  assert.equal(only.json.data[0].event_type, "user.audit.signed_in");
  const rest = await call(own, "GET", `/v1/users/me/audit?type=user.audit.created&cursor=${only.json.next_cursor}`);
  assert.deepEqual([rest.json.data.length, rest.json.next_cursor], [1, null]);
  const { timestamp } = rest.json.data[0];
  assert.equal((await call(own, "GET", `/v1/users/me/audit?before=${timestamp}`)).json.data.length, 0);
  assert.equal((await call(own, "GET", `/v1/users/me/audit?from=${timestamp}`)).json.data.length, 3);
  assert.equal((await call(own, "GET", "/v1/users/me/audit?type=key.created")).status, 400);

  await sql`
    update event_log.event set data = jsonb_set(data, '{clientAddress}', '"203.0.113.9"')
    where key = ${cid.userId} and revision = 2`;
  const verdict = await call(own, "GET", "/v1/users/me/audit:verify");
  assert.deepEqual(verdict.json, { intact: false, entries: 2, broken_version: 2 });
});

test("guessing from one address is slowed down, and the answer says for how long", async () => {
  const guess = (email: string) => call("", "POST", "/api/v1/users/login", { email, password: "wrong horse battery" });
  for (let i = 0; i < 3; i++) assert.equal((await guess(`guess${i}@example.com`)).status, 401);
  const refused = await guess("guess9@example.com");
  assert.equal(refused.status, 429);
  assert.equal(refused.json.error.code, "USER_004");
  assert.equal(refused.headers.get("retry-after"), "1");
  assert.equal(JSON.stringify([refused.json, server.logged]).includes("wrong horse"), false);
});
