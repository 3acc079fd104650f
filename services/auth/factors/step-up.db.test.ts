import assert from "node:assert/strict";
import { after, test } from "node:test";
import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { decodeJwt } from "jose";
import { auth } from "../service.ts";
import { clientAddress, codeOf, createFactorPeople, withPassword } from "./testdata/factor-people.ts";

const clock = createFakeClock();
const { ops, random } = await startTestService({ after }, auth, { clients: {}, clock });
const { newPerson, withTotp, withPasskey } = createFactorPeople({ ops, clock, random });

const failsWith = (type: FailureType) => (err: unknown) => isFailure(err, type);

test("a step-up takes what the person has: a factor, or the password of one who has none", async () => {
  const provenAt = async ({ sessionId }: { readonly sessionId: string }) => {
    const verdict = await ops.checkSession({ sessionId });
    return verdict.isActive ? verdict.session.provenAt?.getTime() : assert.fail();
  };
  const bob = await newPerson();
  clock.advance(600_000);
  const { accessToken } = await ops.stepUpByPassword(bob);
  assert.equal(await provenAt(bob), clock.nowMs());
  assert.equal(decodeJwt(accessToken)["proven_at"], Math.floor(clock.nowMs() / 1_000));

  const hasFactor = async ({ sessionId }: { readonly sessionId: string }) => {
    const verdict = await ops.checkSession({ sessionId });
    return verdict.isActive && verdict.hasFactor;
  };
  const { ann, secret } = await withTotp();
  assert.deepEqual([await hasFactor(bob), await hasFactor(ann)], [false, true]);
  clock.advance(600_000);
  await assert.rejects(ops.stepUpByPassword(ann), failsWith(factorFailures.factor_wanted));
  await ops.stepUp({ ...ann, proof: { method: "totp", code: codeOf(clock, secret) } });
  assert.equal(await provenAt(ann), clock.nowMs());
  const twice = ops.stepUp({ ...ann, proof: { method: "totp", code: codeOf(clock, secret) } });
  await assert.rejects(twice, failsWith(factorFailures.code_refused));

  const { device } = await withPasskey(ann);
  clock.advance(600_000);
  const options = await ops.startStepUp(ann);
  const unverified = ops.stepUp({
    ...ann,
    proof: { method: "passkey", response: device.get(options, { isUnverified: true }) },
  });
  await assert.rejects(unverified, failsWith(factorFailures.passkey_refused));
  await ops.stepUp({ ...ann, proof: { method: "passkey", response: device.get(options) } });
  assert.equal(await provenAt(ann), clock.nowMs());
  const elsewhere = await ops.startStepUp({ ...ann, sessionId: "ses_other" });
  const crossed = ops.stepUp({ ...ann, proof: { method: "passkey", response: device.get(elsewhere) } });
  await assert.rejects(crossed, failsWith(factorFailures.passkey_refused));
  await ops.endSessions({ ...ann, exceptSessionId: undefined, reason: "signed_out", actorId: ann.userId });
  clock.advance(30_000);
  const over = ops.stepUp({ ...ann, proof: { method: "totp", code: codeOf(clock, secret) } });
  await assert.rejects(over, failsWith(kitFailures.unauthenticated));
});

test("with the first factor other sessions have to show it before they do what asks for a proof, and end if that is wanted", async () => {
  const ann = await newPerson();
  const { tenantId, userId } = ann;
  const { sessionId: elsewhere } = await ops.startSession({ tenantId, userId, ...withPassword });
  const { device } = await withPasskey(ann);
  const there = await ops.checkSession({ sessionId: elsewhere });
  assert.equal(there.isActive && there.session.provenAt, null);
  const here = await ops.checkSession(ann);
  assert.equal(here.isActive && here.session.provenAt?.getTime(), clock.nowMs());
  const [factor] = (await ops.listFactors(ann)).factors;
  await ops.removeFactor({ ...ann, factorId: factor?.factorId ?? "", endOtherSessions: true });
  assert.equal((await ops.checkSession({ sessionId: elsewhere })).isActive, false);
  assert.equal((await ops.checkSession(ann)).isActive, true);
  const gone = ops.signInWithPasskey({
    response: device.get(await ops.startPasskeySignIn()),
    clientAddress,
    userAgent: "test",
  });
  await assert.rejects(gone, failsWith(factorFailures.passkey_refused));
});
