import assert from "node:assert/strict";
import { after, test } from "node:test";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { generateKeySecret } from "./key-secret.ts";
import type { CreateKeyInput } from "./ops/create-key.ts";
import { auth } from "./service.ts";
import { createSigningKeys } from "./signing-keys.ts";
import { createAuthStore } from "./store.ts";

const clock = createFakeClock();
const service = await startTestService({ after }, auth, { clients: {}, clock });
const { ops, sql, db, random } = service;
const lives = { signingKeyTtlMs: 2_592_000_000, accessTokenTtlMs: 900_000 };
const owner = { userId: "usr_owner", permissions: ["*"], models: [] };

function createKey(input: Partial<CreateKeyInput> = {}) {
  return ops.createKey({
    ...{ tenantId: "ten_a", userId: "usr_a", name: "laptop", permissions: [], models: [], expiresAt: null },
    ...{ grantor: owner, ...input },
  });
}

async function verdictOf(secret: Secret): Promise<string> {
  const verdict = await ops.verifyKey({ secret });
  return verdict.isVerified ? verdict.key.keyId : verdict.reason;
}

const inMs = (durationMs: number) => new Date(clock.nowMs() + durationMs);
const failsWith = (type: FailureType) => (err: unknown) => isFailure(err, type);

async function eventsOf(keyId: string) {
  const events = (await service.listEvents()).filter(({ key }) => key === keyId);
  return events.map(({ type, data }) =>
    [
      type,
      String(data.reason ?? "")
        .split("_")
        .at(-1),
    ]
      .join(" ")
      .trim(),
  );
}

test("an access token verifies against the published keys and says who may do what until when", async () => {
  const person = { userId: "usr_a", tenantId: "ten_a", methods: ["pwd"], clientAddress: "", userAgent: "" };
  const { accessToken, expiresInSeconds, sessionId } = await ops.startSession({ ...person, role: "member" });
  assert.equal(expiresInSeconds, 900);
  const { keys, issuer, audience } = ops.getJwks();
  const keySet = createLocalJWKSet({ keys: [...keys] });
  const expected = { issuer, audience, typ: "at+jwt", algorithms: ["EdDSA"], currentDate: inMs(899_000) };
  const { payload } = await jwtVerify(accessToken, keySet, expected);
  assert.equal(payload.sub, "usr_a");
  assert.equal(payload.tenant_id, "ten_a");
  assert.equal(payload.role, "member");
  assert.deepEqual([payload.sid, payload.amr], [sessionId, ["pwd"]]);
  assert.equal(payload.auth_time, Math.floor(clock.nowMs() / 1_000));
  assert.ok((payload.permissions as string[]).includes("model:call"));
  assert.equal(decodeProtectedHeader(accessToken).kid, keys[0]?.kid);
  await assert.rejects(jwtVerify(accessToken, keySet, { ...expected, currentDate: inMs(901_000) }));
});

test("what is published of a signing key is its public half, and the private one is sealed at rest", async () => {
  for (const jwk of ops.getJwks().keys)
    assert.deepEqual(Object.keys(jwk).sort(), ["alg", "crv", "kid", "kty", "use", "x"]);
  const store = createAuthStore(db.sql);
  const other = { db, store, clock, random, sealingKey: Buffer.alloc(32, 9), ...lives };
  await assert.rejects(createSigningKeys(other), /another root key/);
});

test("a role that does not exist gets no token", async () => {
  for (const role of ["", "root", "constructor", "__proto__"]) {
    const person = { userId: "usr_a", tenantId: "ten_a", methods: ["pwd"], clientAddress: "", userAgent: "" };
    const issuing = ops.startSession({ ...person, role });
    await assert.rejects(issuing, failsWith(authFailures.role_unknown), role);
  }
});

test("nodes that start together on an empty database agree on one signing key", async () => {
  await sql`delete from signing_key`;
  const deps = { db, store: createAuthStore(db.sql), clock, random, sealingKey: Buffer.alloc(32, 9), ...lives };
  const loaded = await Promise.all(Array.from({ length: 5 }, () => createSigningKeys(deps)));
  assert.equal(new Set(loaded.map((keys) => keys.signer().jwk.kid)).size, 1);
});

test("I6: a key signs after it was published for hours, and is published until its last token has expired", async () => {
  await sql`delete from signing_key`;
  const deps = { db, store: createAuthStore(db.sql), clock, random, sealingKey: Buffer.alloc(32, 9), ...lives };
  const [keys, other] = [await createSigningKeys(deps), await createSigningKeys(deps)];
  const keepBoth = () => Promise.all([keys.keep(), other.keep()]);
  const kids = () => keys.listPublic().map(({ kid }) => kid);
  const first = keys.signer().jwk.kid;
  await keepBoth();
  assert.deepEqual(kids(), [first]);
  clock.advance(lives.signingKeyTtlMs - 43_200_000);
  await keepBoth();
  const [next = ""] = kids();
  assert.deepEqual(kids(), [next, first]);
  assert.deepEqual(other.listPublic(), keys.listPublic());
  assert.equal(keys.signer().jwk.kid, first);
  clock.advance(43_200_000);
  assert.equal(keys.signer().jwk.kid, next);
  assert.equal(other.signer().jwk.kid, next);
  await keepBoth();
  assert.deepEqual(kids(), [next, first]);
  clock.advance(lives.accessTokenTtlMs + 300_000);
  await keepBoth();
  assert.deepEqual(kids(), [next]);
  assert.equal(other.listPublic().length, 1);
});

test("a key is recognised by its secret, which is stored nowhere", async () => {
  const { key, secret } = await createKey({ models: ["gpt-4o"], expiresAt: inMs(60_000) });
  const verdict = await ops.verifyKey({ secret });
  assert.ok(verdict.isVerified);
  assert.deepEqual(verdict.key.permissions, ["model:call", "model:list", "billing:read"]);
  assert.deepEqual(verdict.key.models, ["gpt-4o"]);
  assert.deepEqual(verdict.expiresAt, key.expiresAt);
  const rows = await sql`
    select to_jsonb(key)::text || to_jsonb(key_secret)::text || (select jsonb_agg(data)::text from event_log.event) as row
    from key join key_secret using (key_id)`;
  assert.ok(rows.length > 0);
  const body = secret.reveal().slice(5);
  assert.equal(JSON.stringify(rows).includes(body), false);
  assert.equal(JSON.stringify(rows).includes(Buffer.from(secret.reveal()).toString("hex")), false);
});

test("unknown, revoked and expired keys are told apart, and junk is never looked up", async () => {
  assert.equal(await verdictOf(new Secret(generateKeySecret(random))), "unknown");

  const revoked = await createKey();
  assert.equal(await verdictOf(revoked.secret), revoked.key.keyId);
  await ops.revokeKey({ tenantId: "ten_a", keyId: revoked.key.keyId, userId: undefined });
  assert.equal(await verdictOf(revoked.secret), "revoked");

  const expiring = await createKey({ expiresAt: inMs(1_000) });
  clock.advance(999);
  assert.equal(await verdictOf(expiring.secret), expiring.key.keyId);
  clock.advance(1);
  assert.equal(await verdictOf(expiring.secret), "expired");

  await sql.begin(async (tx) => {
    await tx`lock table key_secret, key in access exclusive mode`;
    // A look-up would wait for the lock until the test times out.
    assert.equal(await verdictOf(new Secret(`lyss_${"a".repeat(36)}`)), "malformed");
  });
});

test("a revocation is said once, and a repeat changes nothing", async () => {
  const { key } = await createKey();
  const reference = { tenantId: "ten_a", keyId: key.keyId, userId: undefined };
  const first = await ops.revokeKey(reference);
  clock.advance(1_000);
  assert.deepEqual(await ops.revokeKey(reference), first);
  assert.deepEqual(await eventsOf(key.keyId), ["key.created", "key.revoked REVOKED"]);
});

test("after a rotation the new secret works, and the one before until the end of the grace period", async () => {
  const { key, secret: first } = await createKey();
  const rotate = (graceSeconds: number) =>
    ops.rotateKey({ tenantId: "ten_a", keyId: key.keyId, userId: undefined, graceSeconds, grantor: owner });

  const { secret: second, key: rotated } = await rotate(10);
  assert.equal(rotated.prefix, second.reveal().slice(0, 11));
  const verdict = await ops.verifyKey({ secret: first });
  assert.deepEqual(verdict.isVerified && verdict.expiresAt, inMs(10_000));
  assert.equal(await verdictOf(second), key.keyId);
  clock.advance(10_000);
  assert.equal(await verdictOf(first), "expired");

  const { secret: third } = await rotate(0);
  assert.equal(await verdictOf(second), "expired");
  const { secret: fourth } = await rotate(60);
  const { secret: fifth } = await rotate(60);
  const verdicts = await Promise.all([third, fourth, fifth].map(verdictOf));
  assert.deepEqual(verdicts, ["unknown", key.keyId, key.keyId], "at most two secrets work");
  assert.deepEqual((await eventsOf(key.keyId)).slice(1), Array(4).fill("key.revoked ROTATED"));

  await ops.revokeKey({ tenantId: "ten_a", keyId: key.keyId, userId: undefined });
  assert.deepEqual(await Promise.all([fourth, fifth].map(verdictOf)), ["revoked", "revoked"]);
  await assert.rejects(rotate(0), failsWith(authFailures.key_inactive));
});

test("a key never gets more than its grantor holds, at creation and when it is rotated", async () => {
  const member = { userId: "usr_m", permissions: ["key:create", "key:rotate", "model:call"], models: ["a"] };
  const notHeld = failsWith(authFailures.permission_not_held);
  await assert.rejects(createKey({ grantor: member, permissions: ["*"] }), notHeld);
  await assert.rejects(createKey({ grantor: member, permissions: ["model:call", "user:read"] }), notHeld);
  await assert.rejects(createKey({ grantor: { ...member, permissions: [] }, permissions: ["model:call"] }), notHeld);
  const modelNotHeld = failsWith(authFailures.model_not_held);
  await assert.rejects(createKey({ grantor: member, permissions: ["model:call"], models: ["b"] }), modelNotHeld);
  const { key } = await createKey({ grantor: member, permissions: ["model:call"] });
  assert.deepEqual(key.models, ["a"]);
  assert.equal(key.createdBy, "usr_m");

  const strong = await createKey({ permissions: ["*"] });
  const rotation = { tenantId: "ten_a", keyId: strong.key.keyId, userId: undefined, graceSeconds: 0 };
  await assert.rejects(ops.rotateKey({ ...rotation, grantor: member }), notHeld);
  const allModels = { ...member, permissions: ["*"] };
  await assert.rejects(ops.rotateKey({ ...rotation, grantor: allModels }), modelNotHeld);
  assert.equal(await verdictOf(strong.secret), strong.key.keyId);
  await assert.rejects(createKey({ expiresAt: inMs(0) }), failsWith(authFailures.expiry_in_past));
});

test("keys of another tenant, and of another person where that is asked for, do not exist", async () => {
  const { key } = await createKey();
  const notFound = failsWith(authFailures.key_not_found);
  const strangers = [
    { tenantId: "ten_b", keyId: key.keyId, userId: undefined },
    { tenantId: "ten_a", keyId: key.keyId, userId: "usr_b" },
    { tenantId: "ten_a", keyId: key.keyId, userId: "" },
  ];
  for (const reference of strangers) {
    await assert.rejects(ops.getKey(reference), notFound);
    await assert.rejects(ops.revokeKey(reference), notFound);
    await assert.rejects(ops.rotateKey({ ...reference, graceSeconds: 0, grantor: owner }), notFound);
    const { tenantId, userId } = reference;
    const page = await ops.listKeys({ tenantId, userId, limit: 200 });
    assert.equal(
      page.rows.some(({ keyId }) => keyId === key.keyId),
      false,
    );
  }
});

test("keys are listed newest first, page by page", async () => {
  const created: string[] = [];
  for (let i = 0; i < 5; i++) {
    clock.advance(1);
    created.unshift((await createKey({ tenantId: "ten_list" })).key.keyId);
  }
  const query = { tenantId: "ten_list", userId: undefined, limit: 3 };
  const first = await ops.listKeys(query);
  const second = await ops.listKeys({ ...query, cursor: first.nextCursor });
  assert.deepEqual(
    [...first.rows, ...second.rows].map(({ keyId }) => keyId),
    created,
  );
  assert.equal(second.nextCursor, undefined);
});

test("uses are written together, never backwards, and at the latest when the service stops", async () => {
  const [one, two] = [await createKey(), await createKey()];
  const lastUsed = async (keyId: string) =>
    (await ops.getKey({ tenantId: "ten_a", keyId, userId: undefined })).lastUsedAt;
  await verdictOf(one.secret);
  clock.advance(5_000);
  await verdictOf(one.secret);
  await verdictOf(two.secret);
  assert.equal(await lastUsed(one.key.keyId), null);
  await service.drain?.(AbortSignal.abort());
  assert.deepEqual(await lastUsed(one.key.keyId), inMs(0));
  assert.deepEqual(await lastUsed(two.key.keyId), inMs(0));
  await db.transaction((tx) => createAuthStore(db.sql).updateLastUsed(tx, new Map([[one.key.keyId, 1]])));
  assert.deepEqual(await lastUsed(one.key.keyId), inMs(0));
});

test("what stands for a key is stored as a hash, may less than it, and begins nothing after its time", async () => {
  const { key } = await createKey({ models: ["voice", "chat"] });
  const { keyId } = key;
  const asked = { tenantId: "ten_a", keyId, permissions: ["model:call"], models: ["voice"], ttlSeconds: 60 };
  const made = await ops.createEphemeralKey(asked);
  const secret = made.secret.reveal();
  assert.match(secret, /^ek_[0-9A-Za-z]{36}$/);
  assert.equal(made.expiresAt.getTime(), clock.nowMs() + 60_000);
  const rows = await sql`select * from ephemeral_key`;
  assert.ok(rows.length > 0 && !JSON.stringify(rows).includes(secret.slice(3)));
  const seen = async () => {
    const verdict = await ops.verifyKey({ secret: made.secret });
    if (!verdict.isVerified) return verdict.reason;
    const { permissions, models } = verdict.key;
    return { permissions, models, beginsUntil: verdict.ephemeral?.beginsUntil.getTime() };
  };
  const expected = { permissions: ["model:call"], models: ["voice"], beginsUntil: made.expiresAt.getTime() };
  assert.deepEqual(await seen(), expected);
  // What has begun goes on: whoever lets something begin looks at the time.
  clock.advance(61_000);
  assert.deepEqual(await seen(), expected);
  await ops.sweepSessions();
  assert.deepEqual(await seen(), expected);
  await ops.updateKey({ tenantId: "ten_a", keyId, userId: undefined, grantor: owner, changes: { models: ["chat"] } });
  assert.equal(await seen(), "revoked", "none is left, which is not all");
  const wanted = ops.createEphemeralKey(asked);
  await assert.rejects(wanted, failsWith(authFailures.model_not_held));
  await assert.rejects(ops.createEphemeralKey({ ...asked, tenantId: "ten_b" }), failsWith(authFailures.key_not_found));
  clock.advance(86_400_000);
  await ops.sweepSessions();
  assert.equal(await seen(), "unknown");
});

test("what stands for a key ends with it, and with the grace of its rotation", async () => {
  const { key } = await createKey();
  const reference = { tenantId: "ten_a", keyId: key.keyId, userId: undefined };
  const asked = { ...reference, permissions: ["model:call"], models: ["voice"], ttlSeconds: 7_200 };
  const before = await ops.createEphemeralKey(asked);
  await ops.rotateKey({ ...reference, graceSeconds: 60, grantor: owner });
  const after = await ops.createEphemeralKey(asked);
  assert.equal(await verdictOf(before.secret), key.keyId);
  clock.advance(60_000);
  assert.equal(await verdictOf(before.secret), "expired");
  assert.equal(await verdictOf(after.secret), key.keyId);
  await ops.revokeKey(reference);
  assert.equal(await verdictOf(after.secret), "revoked");
  await assert.rejects(ops.createEphemeralKey(asked), failsWith(authFailures.key_inactive));
});
