import assert from "node:assert/strict";
import { after, test } from "node:test";
import { authFailures } from "@lyss/contracts/failures/auth.ts";
import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { decodeJwt } from "jose";
import { auth } from "../service.ts";
import { clientAddress, codeOf, createFactorPeople, withPassword } from "./testdata/factor-people.ts";
import { createSoftAuthenticator, type Mischief } from "./testdata/soft-authenticator.ts";

const clock = createFakeClock();
const service = await startTestService({ after }, auth, { clients: {}, clock });
const { ops, sql, random } = service;
const other = await service.startNode();
const { newPerson, withTotp, withPasskey, signIn, finish } = createFactorPeople({ ops, clock, random });

const failsWith = (type: FailureType) => (err: unknown) => isFailure(err, type);

/** Six digits that belong to no time step near now. */
function wrongCodeOf(secret: Secret): string {
  const near = new Set([-2, -1, 0, 1, 2].map((steps) => codeOf(clock, secret, steps)));
  return ["000000", "111111", "222222", "333333", "444444", "555555"].find((code) => !near.has(code)) ?? "666666";
}

const eventsOf = async (userId: string, type: string) =>
  (await service.listEvents()).filter((event) => event.key === userId && event.type === type);

test("who has no factor signs in with a password; who has one gets a challenge, and tokens for showing it", async () => {
  const bob = await newPerson();
  assert.equal((await ops.beginSession({ ...bob, ...withPassword })).kind, "tokens");
  const { ann, secret } = await withTotp();
  const { challengeToken, expiresInSeconds, factors } = await signIn(ann);
  assert.deepEqual([expiresInSeconds, factors], [300, ["totp", "recovery_code"]]);
  const { accessToken, sessionId } = await finish(challengeToken, { method: "totp", code: codeOf(clock, secret) });
  assert.deepEqual(decodeJwt(accessToken)["amr"], ["pwd", "otp", "mfa"]);
  const verdict = await ops.checkSession({ sessionId });
  assert.equal(verdict.isActive && verdict.session.factorAt?.getTime(), clock.nowMs());
  clock.advance(30_000);
  const again = finish(challengeToken, { method: "totp", code: codeOf(clock, secret) });
  await assert.rejects(again, failsWith(factorFailures.challenge_refused));
  const notAfter = new Date(clock.nowMs() + 400_000);
  const vouched = await ops.beginSession({ ...ann, ...withPassword, methods: ["fed"], notAfter });
  const { required } = vouched.kind === "factor_required" ? vouched : assert.fail();
  const ends = await finish(required.challengeToken, { method: "totp", code: codeOf(clock, secret) });
  assert.equal(ends.sessionId, required.sessionId, "whoever vouched knows which session it became");
  assert.equal(vouched.kind === "factor_required" && vouched.sessionEndsAt.getTime(), notAfter.getTime());
  assert.equal(ends.refreshExpiresInSeconds, 400, "the session ends when whoever vouched stops doing so");
  const stored = JSON.stringify(await sql`select encode(token_hash, 'escape') from sign_in_challenge`);
  assert.equal(stored.includes(challengeToken.reveal()), false);
});

test("where the tenant wants a second factor of everybody, who has none may get one and do nothing else", async () => {
  const tenantId = random.id("ten");
  await sql`
    insert into sign_in_policy (tenant_id, sign_in_methods, session_idle_minutes, session_lifetime_hours, require_mfa, version)
    values (${tenantId}, '{}', 0, 0, true, 1)`;
  const bob = { tenantId, userId: random.id("usr"), clientAddress, endOtherSessions: false };
  const started = await ops.beginSession({ ...bob, ...withPassword });
  assert.equal(started.kind, "tokens");
  const { accessToken, refreshToken, sessionId } = started.kind === "tokens" ? started.tokens : assert.fail();
  const permissionsNow = async (id: string) => {
    const verdict = await ops.checkSession({ sessionId: id });
    return verdict.isActive ? verdict.permissions : assert.fail();
  };
  assert.deepEqual(decodeJwt(accessToken)["permissions"], ["factor:manage"]);
  assert.deepEqual(await permissionsNow(sessionId), ["factor:manage"]);
  const next = await ops.refreshSession({ refreshToken: new Secret(refreshToken), clientAddress });
  assert.deepEqual(decodeJwt(next.accessToken)["permissions"], ["factor:manage"]);

  const { factorId, secret } = await ops.enrolTotp({ ...bob, name: "phone", accountName: "bob" });
  await ops.confirmTotp({ ...bob, sessionId, factorId, code: codeOf(clock, secret) });
  assert.ok((await permissionsNow(sessionId)).includes("model:call"));
  clock.advance(30_000);
  const { challengeToken } = await signIn(bob);
  const shown = await finish(challengeToken, { method: "totp", code: codeOf(clock, secret) });
  assert.ok((await permissionsNow(shown.sessionId)).includes("model:call"));

  const ann = await ops.startSession({ tenantId, userId: random.id("usr"), ...withPassword, methods: ["fed"] });
  assert.ok((await permissionsNow(ann.sessionId)).includes("model:call"), "sign-on stands in for a factor");
});

test("a challenge is good for five minutes, for five attempts, and for nobody else's factor", async () => {
  const { ann, secret } = await withTotp();
  const { secret: anothers } = await withTotp();
  const late = await signIn(ann);
  clock.advance(300_000);
  const expired = finish(late.challengeToken, { method: "totp", code: codeOf(clock, secret) });
  await assert.rejects(expired, failsWith(factorFailures.challenge_refused));

  const { challengeToken } = await signIn(ann);
  const foreign = finish(challengeToken, { method: "totp", code: codeOf(clock, anothers) });
  await assert.rejects(foreign, failsWith(factorFailures.code_refused));
  const wrong = { method: "totp", code: wrongCodeOf(secret) } as const;
  for (let attempt = 2; attempt <= 4; attempt++) {
    await assert.rejects(finish(challengeToken, wrong), failsWith(factorFailures.code_refused));
  }
  await assert.rejects(finish(challengeToken, wrong), failsWith(factorFailures.code_refused));
  const sixth = finish(challengeToken, { method: "totp", code: codeOf(clock, secret) });
  await assert.rejects(sixth, failsWith(factorFailures.challenge_refused));
  for (const junk of ["", "lyc_", `lyc_${"a".repeat(36)}`, challengeToken.reveal().replace("lyc", "lyr")]) {
    const shown = finish(new Secret(junk), { method: "totp", code: "123456" });
    await assert.rejects(shown, failsWith(factorFailures.challenge_refused), junk);
  }
});

test("a person has twenty sign-ins waiting at most, and the oldest goes", async () => {
  const { ann, secret } = await withTotp();
  const first = await signIn(ann);
  for (let more = 0; more < 20; more++) {
    clock.advance(1);
    await signIn(ann);
  }
  const gone = finish(first.challengeToken, { method: "totp", code: codeOf(clock, secret) });
  await assert.rejects(gone, failsWith(factorFailures.challenge_refused));
  assert.equal((await sql`select from sign_in_challenge where user_id = ${ann.userId}`).length, 20);
});

test("I10 of a hundred who show one code at once, over two nodes, one gets in, and the code is dead afterwards", async () => {
  const { ann, secret } = await withTotp();
  const code = codeOf(clock, secret);
  const challenges = await Promise.all(Array.from({ length: 20 }, () => signIn(ann)));
  const shown = Array.from({ length: 100 }, (_, i) => {
    const { challengeToken } = challenges[i % 20] ?? assert.fail();
    return finish(challengeToken, { method: "totp", code }, i % 2 === 0 ? ops : other.ops);
  });
  const results = await Promise.allSettled(shown);
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
  for (const result of results) {
    if (result.status === "fulfilled") continue;
    const { reason } = result;
    const isExpected =
      isFailure(reason, factorFailures.code_refused) || isFailure(reason, factorFailures.challenge_refused);
    assert.ok(isExpected, String(reason));
  }
  const replayed = finish((await signIn(ann)).challengeToken, { method: "totp", code });
  await assert.rejects(replayed, failsWith(factorFailures.code_refused));
  // A code that was used is no guess: the next one works at once.
  clock.advance(30_000);
  await finish((await signIn(ann)).challengeToken, { method: "totp", code: codeOf(clock, secret) });
});

test("I10 codes of one time step before and after are accepted, of two are not, and none before one that was used", async () => {
  for (const [steps, isAccepted] of [
    [-2, false],
    [-1, true],
    [0, true],
    [1, true],
    [2, false],
  ] as const) {
    const { ann, secret } = await withTotp();
    clock.advance(60_000);
    const { challengeToken } = await signIn(ann);
    const shown = finish(challengeToken, { method: "totp", code: codeOf(clock, secret, steps) });
    if (isAccepted) await shown;
    else await assert.rejects(shown, failsWith(factorFailures.code_refused), String(steps));
  }
  const { ann, secret } = await withTotp();
  clock.advance(60_000);
  await finish((await signIn(ann)).challengeToken, { method: "totp", code: codeOf(clock, secret, 1) });
  const older = finish((await signIn(ann)).challengeToken, { method: "totp", code: codeOf(clock, secret, 0) });
  await assert.rejects(older, failsWith(factorFailures.code_refused));
});

test("I10 after four wrong codes each costs a longer wait, the tenth locks codes for fifteen minutes, and all of it holds on every node", async () => {
  const { ann, secret } = await withTotp();
  const { device } = await withPasskey(ann);
  const wrong = { method: "totp", code: wrongCodeOf(secret) } as const;
  const waitsMs: number[] = [];
  for (let failures = 1; failures <= 10; failures++) {
    const type = failures < 10 ? factorFailures.code_refused : factorFailures.codes_locked;
    await assert.rejects(finish((await signIn(ann)).challengeToken, wrong), failsWith(type), String(failures));
    // Refused without being counted, however right it is, until the wait is over.
    const { challengeToken } = await signIn(ann);
    const next = await other.ops
      .verifyChallenge({ challengeToken, proof: wrong, clientAddress })
      .catch((err: unknown) => err);
    if (failures < 5) {
      assert.ok(isFailure(next, factorFailures.code_refused), String(failures));
      failures++;
      continue;
    }
    assert.ok(isFailure(next, factorFailures.codes_locked), String(failures));
    waitsMs.push(next.retryAfterMs ?? 0);
    if (failures < 10) clock.advance(next.retryAfterMs ?? 0);
  }
  assert.deepEqual(waitsMs, [1_000, 2_000, 4_000, 8_000, 16_000, 900_000]);
  const right = finish((await signIn(ann)).challengeToken, { method: "totp", code: codeOf(clock, secret) });
  await assert.rejects(right, failsWith(factorFailures.codes_locked));
  const recovering = finish((await signIn(ann)).challengeToken, { method: "recovery_code", code: "0000000000" });
  await assert.rejects(recovering, failsWith(factorFailures.codes_locked));
  const [locked] = await eventsOf(ann.userId, "factor.locked");
  assert.deepEqual([locked?.data["failures"], locked?.data["clientAddress"]], [10, clientAddress]);
  // A passkey cannot be guessed.
  const { challengeToken } = await signIn(ann);
  await finish(challengeToken, {
    method: "passkey",
    response: device.get(await ops.challengeOptions({ challengeToken })),
  });
  clock.advance(900_000);
  await finish((await signIn(ann)).challengeToken, { method: "totp", code: codeOf(clock, secret) });
});

test("I10 a hundred wrong codes at once are not more guesses than one after the other", async () => {
  const { ann, secret } = await withTotp();
  const challenges = await Promise.all(Array.from({ length: 20 }, () => signIn(ann)));
  const wrong = { method: "totp", code: wrongCodeOf(secret) } as const;
  const shown = Array.from({ length: 100 }, (_, i) => {
    return finish((challenges[i % 20] ?? assert.fail()).challengeToken, wrong, i % 2 === 0 ? ops : other.ops);
  });
  const results = await Promise.allSettled(shown);
  const judged = results.filter(
    (result) => result.status === "rejected" && isFailure(result.reason, factorFailures.code_refused),
  );
  assert.equal(judged.length, 5);
});

test("a recovery code opens once, is told, and new ones make the old void", async () => {
  const { ann, secret, recoveryCodes } = await withTotp();
  const [first, second] = recoveryCodes.map((code) => code.reveal().replace("-", ""));
  assert.ok(first && second);
  const show = async (code: string) => finish((await signIn(ann)).challengeToken, { method: "recovery_code", code });
  const { accessToken } = await show(first);
  assert.deepEqual(decodeJwt(accessToken)["amr"], ["pwd", "otp", "mfa"]);
  await assert.rejects(show(first), failsWith(factorFailures.code_refused));
  assert.equal((await ops.listFactors(ann)).recoveryCodesLeft, 9);
  const [used] = await eventsOf(ann.userId, "recovery_code.used");
  assert.deepEqual([used?.data["remaining"], used?.data["clientAddress"]], [9, clientAddress]);
  const renewed = await ops.renewRecoveryCodes(ann);
  assert.equal(renewed.length, 10);
  await assert.rejects(show(second), failsWith(factorFailures.code_refused));
  await finish((await signIn(ann)).challengeToken, { method: "totp", code: codeOf(clock, secret) });
});

test("a passkey answers a challenge, and alone signs in without a name or a password", async () => {
  const { ann, device } = await withPasskey();
  const { challengeToken, factors } = await signIn(ann);
  assert.deepEqual(factors, ["passkey", "recovery_code"]);
  const options = await other.ops.challengeOptions({ challengeToken });
  assert.deepEqual(
    options.allowCredentials?.map(({ id }) => id),
    [device.id],
  );
  const second = await finish(challengeToken, { method: "passkey", response: device.get(options) });
  assert.deepEqual(decodeJwt(second.accessToken)["amr"], ["pwd", "hwk", "user", "mfa"]);

  const asked = await ops.startPasskeySignIn();
  assert.deepEqual(asked.allowCredentials, []);
  const response = device.get(asked);
  const alone = await other.ops.signInWithPasskey({ response, clientAddress, userAgent: "test" });
  const { sub, amr, tenant_id } = decodeJwt(alone.accessToken) as Record<string, unknown>;
  assert.deepEqual([sub, tenant_id, amr], [ann.userId, "ten_a", ["hwk", "user", "mfa"]]);
  const replayed = ops.signInWithPasskey({ response, clientAddress, userAgent: "test" });
  await assert.rejects(replayed, failsWith(factorFailures.passkey_refused));
});

test("I11 no assertion is accepted that answers another place, question or purpose, an old one, or without its owner", async () => {
  const { ann, device } = await withPasskey();
  const { device: anothers } = await withPasskey();
  const stranger = createSoftAuthenticator();
  const { challengeToken } = await signIn(ann);
  const elsewhere = await signIn(ann);
  const options = await ops.challengeOptions({ challengeToken });
  const { challenge: ofAnother } = await ops.challengeOptions({ challengeToken: elsewhere.challengeToken });
  const { challenge: ofStepUp } = await ops.startStepUp(ann);
  const { challenge: ofSignIn } = await ops.startPasskeySignIn();
  const lies: readonly Mischief[] = [
    { origin: "https://evil.example" },
    { origin: "http://localhost:8081" },
    { origin: "http://localhost" },
    { rpId: "evil.example" },
    { rpId: "" },
    { isUnverified: true },
    { isForged: true },
    { type: "webauthn.create" },
    { type: "payment.get" },
    { challenge: ofAnother },
    { challenge: ofStepUp },
    { challenge: ofSignIn },
    { challenge: "" },
    { challenge: "é" },
    { challenge: Buffer.alloc(56).toString("base64url") },
    { userHandle: Buffer.from("usr_another").toString("base64url") },
    { clientData: { crossOrigin: true } },
    { clientData: { topOrigin: "https://evil.example" } },
    { counter: 0 },
  ];
  const show = async (response: ReturnType<typeof device.get>) => {
    // Each lie has a sign-in of its own to spend its attempts on; what it answers is the first one's question.
    await sql`update sign_in_challenge set attempts = 0`;
    return finish(challengeToken, { method: "passkey", response });
  };
  for (const lie of lies) {
    const refused = failsWith(factorFailures.passkey_refused);
    await assert.rejects(show(device.get(options, lie)), refused, JSON.stringify(lie));
  }
  for (const foreign of [anothers, stranger]) {
    await assert.rejects(show(foreign.get(options)), failsWith(factorFailures.passkey_refused));
  }
  const good = device.get(options);
  await show(good);
  const next = await signIn(ann);
  const replayed = finish(next.challengeToken, { method: "passkey", response: good });
  await assert.rejects(replayed, failsWith(factorFailures.passkey_refused));
  const late = device.get(await ops.challengeOptions({ challengeToken: next.challengeToken }));
  clock.advance(300_000);
  const { challengeToken: after } = await signIn(ann);
  await assert.rejects(finish(after, { method: "passkey", response: late }), failsWith(factorFailures.passkey_refused));
});

test("I11 of two who show one assertion at once on two nodes, one gets in; a counter that goes back is a copy", async () => {
  const { device } = await withPasskey();
  const response = device.get(await ops.startPasskeySignIn());
  const shown = [ops, other.ops].map((node) => node.signInWithPasskey({ response, clientAddress, userAgent: "test" }));
  const results = await Promise.allSettled(shown);
  assert.deepEqual(results.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  const copy = device.get(await ops.startPasskeySignIn(), { counter: 2 });
  const cloned = ops.signInWithPasskey({ response: copy, clientAddress, userAgent: "test" });
  await assert.rejects(cloned, failsWith(factorFailures.passkey_refused));
});

test("who is barred gets in by no factor", async () => {
  const { ann, secret } = await withTotp();
  const { device } = await withPasskey(ann);
  const { challengeToken } = await signIn(ann);
  const { tenantId, userId } = ann;
  await ops.setPrincipal({ tenantId, userId, role: "member", isBarred: true, version: 9n });
  const shown = finish(challengeToken, { method: "totp", code: codeOf(clock, secret) });
  await assert.rejects(shown, failsWith(authFailures.access_barred));
  const response = device.get(await ops.startPasskeySignIn());
  const alone = ops.signInWithPasskey({ response, clientAddress, userAgent: "test" });
  await assert.rejects(alone, failsWith(authFailures.access_barred));
});
