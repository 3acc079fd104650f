import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Secret } from "@lyss/kit/config/secret.ts";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { auth } from "../service.ts";
import { codeOf, withPassword } from "./testdata/factor-people.ts";
import { createSoftAuthenticator } from "./testdata/soft-authenticator.ts";

const { ops, sql, random } = await startTestService({ after }, auth, { clients: {} });
/** The bearer token is the session, or `key` for an API key that may do everything. */
const server = await startTestServer({
  mounted: [{ name: "auth", routes: auth.routes, ops, peerUrl: undefined }],
  async guard({ headers: { authorization } }) {
    const sessionId = (authorization ?? "").replace("Bearer ", "");
    const none = { ...noSession, models: [] };
    if (sessionId === "key") return { tenantId: "ten_a", userId: "usr_a", keyId: "key_a", ...none, permissions: ["*"] };
    const verdict = await ops.checkSession({ sessionId });
    if (!verdict.isActive) return undefined;
    const { tenantId, userId, createdAt, provenAt } = verdict.session;
    const times = { ...noSession, signedInMs: createdAt.getTime(), provenMs: provenAt?.getTime() ?? 0 };
    return { tenantId, userId, keyId: "", ...times, sessionId, permissions: verdict.permissions, models: [] };
  },
});
after(() => server.close());
const { call } = server;

async function signIn(userId = random.id("usr")) {
  const { sessionId } = await ops.startSession({ tenantId: "ten_a", userId, ...withPassword });
  return { userId, sessionId };
}
/** As if the session had last been proven more than ten minutes ago. */
const forgetProof = (sessionId: string) =>
  sql`update session set proven_at = proven_at - interval '601 s' where session_id = ${sessionId}`;
const steppedUp = auth.routes.filter((route) => route.kind === "json" && route.stepUp === "persons");

for (const prefix of ["/v1", "/api/v1"]) {
  test(`factors are added, used, renamed and removed under ${prefix}`, async () => {
    const { userId, sessionId } = await signIn();
    const ask = (method: string, path: string, body?: unknown) =>
      call(sessionId, method, `${prefix}/auth${path}`, body);
    const enrolled = await ask("POST", "/factors/totp", { name: "phone", account_name: "ann@example.com" });
    assert.equal(enrolled.status, 201);
    assert.match(enrolled.json.uri, /^otpauth:\/\/totp\/Lyss:ann%40example\.com\?secret=/);
    const confirm = `/factors/totp/${enrolled.json.id}/confirm`;
    for (const code of ["12345", "1234567", "abcdef", ""]) {
      assert.equal((await ask("POST", confirm, { code })).status, 400, code);
    }
    const code = codeOf(systemClock, new Secret(enrolled.json.secret));
    const { status, json: phone } = await ask("POST", confirm, { code: `${code.slice(0, 3)} ${code.slice(3)}` });
    assert.deepEqual([status, phone.kind, phone.recovery_codes.length], [200, "totp", 10]);

    const device = createSoftAuthenticator();
    const options = await ask("POST", "/factors/passkeys/options", {});
    const made = await ask("POST", "/factors/passkeys", { name: "laptop", response: device.create(options.json) });
    assert.deepEqual([made.status, made.json.recovery_codes], [201, []]);
    const renamed = await ask("PATCH", `/factors/${made.json.id}`, { name: "desk" });
    assert.equal(renamed.json.name, "desk");
    const list = await ask("GET", "/factors");
    assert.deepEqual(
      list.json.data.map(({ name }: { name: string }) => name),
      ["phone", "desk"],
    );
    assert.equal(list.json.recovery_codes_left, 10);
    assert.equal((await ask("POST", "/factors/recovery-codes")).json.recovery_codes.length, 10);

    const begun = await ops.beginSession({ tenantId: "ten_a", userId, ...withPassword });
    const challenge = begun.kind === "factor_required" ? begun.required.challengeToken.reveal() : assert.fail();
    const asked = await call("", "POST", `${prefix}/auth/mfa/challenge/options`, { challenge_token: challenge });
    const proof = { challenge_token: challenge, method: "passkey", response: device.get(asked.json) };
    const finished = await call("", "POST", `${prefix}/auth/mfa/challenge/verify`, proof);
    assert.deepEqual([finished.status, finished.json.token_type], [200, "Bearer"]);
    assert.equal((await call("", "POST", `${prefix}/auth/mfa/challenge/verify`, proof)).status, 401);
    const alone = await call("", "POST", `${prefix}/auth/passkeys/options`);
    const response = device.get(alone.json);
    assert.equal((await call("", "POST", `${prefix}/auth/passkeys/sign-in`, { response })).status, 200);
    assert.equal((await call("", "POST", `${prefix}/auth/passkeys/sign-in`, { response })).status, 400);

    assert.equal((await ask("DELETE", `/factors/${made.json.id}?end_other_sessions=true`)).status, 200);
    assert.equal((await ops.checkSession({ sessionId: finished.json.session_id })).isActive, false);
    assert.equal((await ask("DELETE", `/factors/${made.json.id}`)).status, 404);
    const stranger = await signIn();
    for (const [method, path, body] of [
      ["PATCH", `/factors/${phone.id}`, { name: "mine" }],
      ["DELETE", `/factors/${phone.id}`, undefined],
    ] as const) {
      assert.equal((await call(stranger.sessionId, method, `${prefix}/auth${path}`, body)).status, 404);
    }
  });
}

test("I11 what changes factors wants a proof of the last ten minutes: a factor where there is one; a key never has it", async () => {
  assert.ok(steppedUp.length >= 12);
  const { sessionId } = await signIn();
  const options = await call(sessionId, "POST", "/v1/auth/factors/passkeys/options", {});
  const device = createSoftAuthenticator();
  const added = await call(sessionId, "POST", "/v1/auth/factors/passkeys", { response: device.create(options.json) });
  await forgetProof(sessionId);
  for (const { method, path } of steppedUp) {
    const url = path.replace("{id}", added.json.id);
    const body = method === "DELETE" ? undefined : {};
    const refused = await call(sessionId, method, url, body);
    assert.deepEqual([refused.status, refused.json.error.code], [403, "KIT_017"], path);
    assert.match(refused.headers.get("www-authenticate") ?? "", /insufficient_user_authentication.*max_age="600"/);
    assert.equal((await call("key", method, url, body)).json.error.code, "KIT_018", path);
    assert.equal((await call("", method, url, body)).status, 401, path);
  }
  const again = await call(sessionId, "POST", "/v1/auth/step-up/options");
  const unverified = { method: "passkey", response: device.get(again.json, { isUnverified: true }) };
  assert.equal((await call(sessionId, "POST", "/v1/auth/step-up", unverified)).status, 400);
  assert.equal((await call(sessionId, "POST", "/v1/auth/factors/recovery-codes")).status, 403);
  const proof = { method: "passkey", response: device.get(again.json) };
  const proven = await call(sessionId, "POST", "/v1/auth/step-up", proof);
  assert.deepEqual([proven.status, proven.json.token_type], [200, "Bearer"]);
  assert.equal((await call(sessionId, "POST", "/v1/auth/factors/recovery-codes")).status, 200);
});

test("bad input names the field, unknown fields are refused, and nobody writes for another", async () => {
  const { sessionId } = await signIn();
  const cases: readonly (readonly [string, string, unknown, string])[] = [
    ["POST", "/factors/totp", { name: "x".repeat(101) }, "name"],
    ["POST", "/factors/totp", { user_id: "usr_root" }, "user_id"],
    ["POST", "/factors/passkeys", { response: { id: "!" } }, "response.id"],
    ["PATCH", "/factors/fac_a", { name: "x", kind: "passkey" }, "kind"],
    ["POST", "/step-up", { method: "magic" }, "method"],
    ["POST", "/step-up", { method: "totp", code: "1" }, "code"],
    ["POST", "/mfa/challenge/verify", { method: "totp", code: "123456" }, "challenge_token"],
  ];
  for (const [method, path, body, field] of cases) {
    const { status, json } = await call(sessionId, method, `/v1/auth${path}`, body);
    assert.deepEqual([status, json.error.details.field], [400, field], path);
  }
});
