import assert from "node:assert/strict";
import { after, test } from "node:test";
import { factorFailures } from "@lyss/contracts/failures/auth-factors.ts";
import type { Secret } from "@lyss/kit/config/secret.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { generateSync } from "otplib";
import { auth } from "../service.ts";
import { createSoftAuthenticator, type Mischief } from "./testdata/soft-authenticator.ts";

const clock = createFakeClock();
const service = await startTestService({ after }, auth, { clients: {}, clock });
const { ops, sql, random } = service;

const failsWith = (type: FailureType) => (err: unknown) => isFailure(err, type);
const newActor = () => ({
  tenantId: "ten_a",
  userId: random.id("usr"),
  clientAddress: "203.0.113.7",
  sessionId: "",
  endOtherSessions: false,
});
type TestActor = ReturnType<typeof newActor>;

/** The code of an app, `steps` time steps from now. */
function codeOf(secret: Secret, steps = 0): string {
  const epoch = Math.floor(clock.nowMs() / 1_000) + steps * 30;
  return generateSync({ strategy: "totp", secret: secret.reveal(), epoch });
}

/** Ends the time step, so that the next code is another. */
const nextStep = () => clock.advance(30_000);

async function withTotp(actor: TestActor) {
  const enrolled = await ops.enrolTotp({ ...actor, name: "phone", accountName: "ann@example.com" });
  const added = await ops.confirmTotp({ ...actor, factorId: enrolled.factorId, code: codeOf(enrolled.secret) });
  nextStep();
  return { ...added, secret: enrolled.secret };
}

async function eventsOf(userId: string) {
  const events = await service.listEvents();
  return events.filter(({ key }) => key === userId).map(({ type }) => type);
}

test("an authenticator app counts once a code of it was shown; its secret is sealed at rest and shown once", async () => {
  const ann = newActor();
  const { factorId, secret, uri } = await ops.enrolTotp({ ...ann, name: "phone", accountName: "ann@example.com" });
  assert.equal(uri.reveal(), `otpauth://totp/Lyss:ann%40example.com?secret=${secret.reveal()}&issuer=Lyss`);
  assert.match(secret.reveal(), /^[A-Z2-7]{32}$/);
  assert.deepEqual((await ops.listFactors(ann)).factors, []);
  const { factor, recoveryCodes } = await ops.confirmTotp({ ...ann, factorId, code: codeOf(secret) });
  assert.equal(recoveryCodes.length, 10);
  assert.deepEqual(await ops.listFactors(ann), { factors: [factor], recoveryCodesLeft: 10 });
  const rows = JSON.stringify(await sql`select *, encode(sealed_secret, 'escape') from factor`);
  assert.equal(rows.includes(secret.reveal()), false);
  for (const code of recoveryCodes) {
    assert.match(code.reveal(), /^[0-9a-z]{5}-[0-9a-z]{5}$/);
    const hashes = JSON.stringify(await sql`select encode(code_hash, 'escape') from recovery_code`);
    assert.equal(hashes.includes(code.reveal()), false);
  }
  assert.deepEqual(await eventsOf(ann.userId), ["factor.added", "access.changed", "recovery_codes.created"]);
  const logged = JSON.stringify(await service.listEvents());
  for (const shown of [secret, ...recoveryCodes]) assert.equal(logged.includes(shown.reveal()), false);
});

test("an enrolment that is not confirmed within fifteen minutes, is begun anew or belongs to another is not there", async () => {
  const [ann, bob] = [newActor(), newActor()];
  const enrol = () => ops.enrolTotp({ ...ann, name: "phone", accountName: "ann" });
  const first = await enrol();
  const second = await enrol();
  const confirm = (actor: TestActor, { factorId, secret }: typeof first) =>
    ops.confirmTotp({ ...actor, factorId, code: codeOf(secret) });
  await assert.rejects(confirm(ann, first), failsWith(factorFailures.factor_not_found));
  await assert.rejects(confirm(bob, second), failsWith(factorFailures.factor_not_found));
  clock.advance(900_000);
  await assert.rejects(confirm(ann, second), failsWith(factorFailures.factor_not_found));
  await ops.sweepFactors();
  assert.equal((await sql`select from factor where user_id = ${ann.userId}`).length, 0);
});

test("a person has two apps at most, also when many are set up at once", async () => {
  const ann = newActor();
  await withTotp(ann);
  await withTotp(ann);
  await assert.rejects(withTotp(ann), failsWith(factorFailures.too_many_factors));
});

test("a passkey is added once it has answered, and is nobody else's afterwards", async () => {
  const [ann, bob] = [newActor(), newActor()];
  const device = createSoftAuthenticator();
  const options = await ops.startPasskey({ ...ann, accountName: "ann@example.com" });
  assert.deepEqual([options.rp.id, options.attestation], ["localhost", "none"]);
  assert.equal(options.authenticatorSelection?.userVerification, "required");
  const response = device.create(options);
  const { factor, recoveryCodes } = await ops.addPasskey({ ...ann, name: "laptop", response });
  assert.equal(recoveryCodes.length, 10);
  assert.deepEqual((await ops.listFactors(ann)).factors, [factor]);
  const again = ops.addPasskey({ ...ann, name: "laptop", response });
  await assert.rejects(again, failsWith(factorFailures.passkey_refused));
  const forAnn = await ops.startPasskey({ ...ann, accountName: "ann" });
  assert.deepEqual(
    forAnn.excludeCredentials?.map(({ id }) => id),
    [device.id],
  );
  const forBob = await ops.startPasskey({ ...bob, accountName: "bob" });
  const taken = ops.addPasskey({ ...bob, name: "laptop", response: device.create(forBob) });
  await assert.rejects(taken, failsWith(factorFailures.passkey_known));
});

test("I11 no registration is accepted that answers another place, another question, an old one, or without its owner", async () => {
  const [ann, bob] = [newActor(), newActor()];
  const device = createSoftAuthenticator();
  const options = await ops.startPasskey({ ...ann, accountName: "ann" });
  const forBob = await ops.startPasskey({ ...bob, accountName: "bob" });
  const lies: readonly Mischief[] = [
    { origin: "https://evil.example" },
    { origin: "http://localhost:8081" },
    { origin: "https://localhost:8080" },
    { rpId: "evil.example" },
    { isUnverified: true },
    { type: "webauthn.get" },
    { challenge: forBob.challenge },
    { challenge: "" },
    { challenge: Buffer.alloc(56).toString("base64url") },
    { clientData: { crossOrigin: true, topOrigin: "https://evil.example" } },
    { attestation: Buffer.from([0xa0]) },
    { attestation: Buffer.from("not cbor") },
  ];
  for (const lie of lies) {
    const adding = ops.addPasskey({ ...ann, name: "laptop", response: device.create(options, lie) });
    await assert.rejects(adding, failsWith(factorFailures.passkey_refused), JSON.stringify(lie));
  }
  clock.advance(300_000);
  const late = ops.addPasskey({ ...ann, name: "laptop", response: device.create(options) });
  await assert.rejects(late, failsWith(factorFailures.passkey_refused));
  assert.deepEqual((await ops.listFactors(ann)).factors, []);
});

test("a factor is renamed and removed by its owner alone, and with the last one its recovery codes go", async () => {
  const [ann, bob] = [newActor(), newActor()];
  const { factor } = await withTotp(ann);
  const { factorId } = factor;
  await assert.rejects(ops.renameFactor({ ...bob, factorId, name: "x" }), failsWith(factorFailures.factor_not_found));
  await assert.rejects(ops.removeFactor({ ...bob, factorId }), failsWith(factorFailures.factor_not_found));
  assert.equal((await ops.renameFactor({ ...ann, factorId, name: "tablet" })).name, "tablet");
  await ops.removeFactor({ ...ann, factorId });
  await assert.rejects(ops.removeFactor({ ...ann, factorId }), failsWith(factorFailures.factor_not_found));
  assert.deepEqual(await ops.listFactors(ann), { factors: [], recoveryCodesLeft: 0 });
  await assert.rejects(ops.renewRecoveryCodes(ann), failsWith(factorFailures.factor_missing));
  assert.equal((await eventsOf(ann.userId)).at(-1), "factor.removed");
});
