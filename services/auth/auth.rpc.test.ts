import assert from "node:assert/strict";
import { after, test } from "node:test";
import { timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { AuthService, KeyRefusal, KeyStatus } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { eachTransport } from "@lyss/kit/testing/each-transport.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createLocalJWKSet, jwtVerify } from "jose";
import { createAuthRpc } from "./rpc.ts";
import { auth } from "./service.ts";

const { ops, random } = await startTestService({ after }, auth, { clients: {} });
const rpc = createAuthRpc(ops, systemClock);
const grantor = { userId: "usr_owner", permissions: ["*"], models: [] };

eachTransport("auth", (serve) => {
  test("a peer verifies a token with nothing but what GetJwks gives", async () => {
    await using served = await serve(AuthService, rpc);
    const userId = random.id("usr");
    const person = { userId, tenantId: "ten_a", methods: ["pwd"] };
    const { result } = await served.client.startSession({ ...person, role: "owner" });
    assert.ok(result.case === "tokens");
    const { accessToken, refreshToken, sessionId } = result.value;
    const { keys, issuer, audience } = await served.client.getJwks({});
    const jwks = keys.map(({ kty, crv, alg, use, kid, x }) => ({ kty, crv, alg, use, kid, x }));
    const { payload } = await jwtVerify(accessToken, createLocalJWKSet({ keys: jwks }), { issuer, audience });
    assert.deepEqual(payload["permissions"], ["*"]);
    const check = await served.client.checkSession({ sessionId });
    assert.deepEqual([check.isActive, check.userId, check.role, check.permissions], [true, userId, "owner", ["*"]]);
    const { tokens } = await served.client.refreshSession({ refreshToken });
    assert.equal(tokens?.sessionId, sessionId);
    const barred = { tenantId: "ten_a", userId, role: "owner", isBarred: true, version: 1n };
    assert.equal((await served.client.setPrincipal(barred)).isApplied, true);
    assert.equal((await served.client.checkSession({ sessionId })).isActive, false);
    const ended = await served.client.endSessions({ tenantId: "ten_a", userId });
    assert.equal(ended.ended, 0);
    const unknown = served.client.startSession({ ...person, userId: "usr_root", role: "root" });
    await assert.rejects(unknown, (err) => isFailure(err, authFailures.role_unknown));
  });

  test("a key lives from creation over rotation to revocation, and its verdicts are answers, not errors", async () => {
    await using served = await serve(AuthService, rpc);
    const { client } = served;
    const tenantId = random.id("ten");
    const expiresAt = timestampFromMs(systemClock.nowMs() + 3_600_000);
    const verdictOf = async (secret: string) => (await client.verifyKey({ secret })).result;

    const request = { tenantId, userId: "usr_a", name: "laptop", models: ["gpt-4o"], expiresAt, grantor };
    const { key, secret } = await client.createKey(request);
    assert.ok(key);
    assert.equal(key.status, KeyStatus.ACTIVE);
    const { keyId } = key;
    const verified = await verdictOf(secret);
    assert.ok(verified.case === "verified");
    assert.deepEqual(verified.value.models, ["gpt-4o"]);
    assert.deepEqual(verified.value.permissions, ["model:call", "model:list", "billing:read"]);
    assert.equal(verified.value.expiresAt && timestampMs(verified.value.expiresAt), timestampMs(expiresAt));

    const rotated = await client.rotateKey({ tenantId, keyId, graceSeconds: 0, grantor });
    assert.deepEqual(await verdictOf(secret), { case: "refused", value: KeyRefusal.EXPIRED });
    assert.equal((await verdictOf(rotated.secret)).case, "verified");
    assert.equal((await client.revokeKey({ tenantId, keyId })).key?.status, KeyStatus.REVOKED);
    assert.deepEqual(await verdictOf(rotated.secret), { case: "refused", value: KeyRefusal.REVOKED });
    for (const junk of ["", "sk-other-vendor", `lyss_${"a".repeat(36)}`, "x".repeat(65_536)]) {
      assert.deepEqual(await verdictOf(junk), { case: "refused", value: KeyRefusal.MALFORMED });
    }
    const { keys } = await client.listKeys({ tenantId });
    assert.deepEqual(keys, [(await client.getKey({ tenantId, keyId })).key]);
    for (const shown of [secret, rotated.secret]) assert.equal(served.logLines.join("\n").includes(shown), false);
  });

  test("a request without a grantor gives nothing, and bad input names the field", async () => {
    await using served = await serve(AuthService, rpc);
    const good = { tenantId: "ten_a", userId: "usr_a", name: "laptop", grantor };
    await assert.rejects(served.client.createKey({ tenantId: "ten_a", userId: "usr_a", name: "laptop" }), (err) =>
      isFailure(err, authFailures.permission_not_held),
    );
    const cases: readonly (readonly [input: object, field: string])[] = [
      [{ tenantId: "" }, "tenantId"],
      [{ name: "" }, "name"],
      [{ permissions: ["everything"] }, "permissions.0"],
      [{ permissions: Array(65).fill("model:call") }, "permissions"],
      [{ models: Array(201).fill("a") }, "models"],
    ];
    for (const [input, field] of cases) {
      await assert.rejects(served.client.createKey({ ...good, ...input }), (err) => {
        return isFailure(err, kitFailures.invalid_request) && err.details["field"] === field;
      });
    }
    for (const graceSeconds of [-1, 86_401]) {
      const rotating = served.client.rotateKey({ tenantId: "ten_a", keyId: "key_a", graceSeconds, grantor });
      await assert.rejects(rotating, (err) => isFailure(err, kitFailures.invalid_request));
    }
  });

  test("a key that is asked for again with one idempotency key is made once, and its secret is told again", async () => {
    await using served = await serve(AuthService, rpc);
    const { client } = served;
    const tenantId = random.id("ten");
    const request = { tenantId, userId: "usr_a", name: "laptop", grantor };
    const headers = { "idempotency-key": "one" };
    const first = await client.createKey(request, { headers });
    assert.deepEqual(await client.createKey(request, { headers }), first);
    assert.equal((await client.listKeys({ tenantId })).keys.length, 1);
    const others = [
      { ...request, name: "phone" },
      { ...request, grantor: { ...grantor, userId: "usr_b" } },
    ];
    for (const other of others) {
      await assert.rejects(client.createKey(other, { headers }), (err) =>
        isFailure(err, kitFailures.idempotency_conflict),
      );
    }
    const elsewhere = await client.createKey({ ...request, tenantId: random.id("ten") }, { headers });
    assert.notEqual(elsewhere.secret, first.secret);
  });
});
