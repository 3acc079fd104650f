import assert from "node:assert/strict";
import { after, test } from "node:test";
import { credentialFailures } from "@lyss/contracts/failures/credential.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { dataKeyIdOf } from "./envelope.ts";
import { credential } from "./service.ts";

const clock = createFakeClock();
const service = await startTestService({ after }, credential, { clients: {}, clock });
const { ops, sql, random } = service;
const origin = "https://api.openai.com";

function store(tenantId: string, name: string, secret: string) {
  return ops.createCredential({ tenantId, name, secret: new Secret(secret), allowedOrigins: [origin] });
}
const reveal = async (credentialId: string, at = ops) =>
  (await at.revealCredential({ credentialId, origin })).secret.reveal();

async function keyOf(credentialId: string): Promise<string | undefined> {
  const [row] = await sql<
    { envelope: Buffer }[]
  >`select envelope from credential where credential_id = ${credentialId}`;
  return row && dataKeyIdOf(row.envelope);
}
const keyIds = async (tenantId: string) =>
  (await sql<{ id: string }[]>`select data_key_id as id from data_key where tenant_id = ${tenantId}`).map(
    ({ id }) => id,
  );

test("S11: secrets are sealed anew by a new key while they are read and changed, by several nodes at once, and the old key is destroyed", async () => {
  const tenantId = random.id("ten");
  const stored = await Promise.all(Array.from({ length: 150 }, (_, n) => store(tenantId, `n${n}`, `sk-secret-${n}`)));
  const [old] = await keyIds(tenantId);
  const second = await service.startNode();
  const before = await ops.retireDataKeys();
  assert.ok(before.retiredKeys >= 1 && before.secretsLeft >= 150);
  const [changed] = stored;
  assert.ok(changed);
  const revealed = () => Promise.all(stored.map(({ credentialId }) => reveal(credentialId)));
  const [during] = await Promise.all([
    ...[revealed(), ops.reEncrypt(), second.ops.reEncrypt()],
    ops.rotateCredential({ tenantId, credentialId: changed.credentialId, secret: new Secret("sk-changed") }),
  ] as const);
  assert.ok(during.slice(1).every((secret, n) => secret === `sk-secret-${n + 1}`));
  await ops.reEncrypt();
  assert.equal((await ops.getReEncryption()).secretsLeft, 0);
  assert.deepEqual(await revealed(), ["sk-changed", ...stored.slice(1).map((_one, n) => `sk-secret-${n + 1}`)]);
  const sealed = new Set(await Promise.all(stored.map(({ credentialId }) => keyOf(credentialId))));
  assert.equal(sealed.size, 1);
  assert.ok(!sealed.has(old));
  const events = await service.listEvents();
  const told = events.filter(({ type, key }) => type === "credential.rotated" && key !== changed.credentialId);
  assert.deepEqual(told, [], "the secrets are the same");

  assert.equal((await keyIds(tenantId)).length, 2, "who has begun with the old key may not be done");
  clock.advance(600_001);
  await ops.reEncrypt();
  assert.deepEqual(await keyIds(tenantId), [...sealed]);
  assert.equal(await reveal(changed.credentialId, second.ops), "sk-changed");
});

test("a secret that was being sealed with a key as it was retired is sealed anew, too", async () => {
  const tenantId = random.id("ten");
  const { credentialId } = await store(tenantId, "early", "sk-early");
  await sql`update data_key set retired_at = ${new Date(clock.nowMs())} where tenant_id = ${tenantId}`;
  clock.advance(600_001);
  await ops.reEncrypt();
  assert.equal(await reveal(credentialId), "sk-early");
  assert.equal((await keyIds(tenantId)).length, 1);
});

test("what does not open is left with its key, and keeps nothing else from being sealed anew", async () => {
  const tenantId = random.id("ten");
  const broken = await store(tenantId, "broken", "sk-broken");
  const good = await store(tenantId, "good", "sk-good");
  const [old] = await keyIds(tenantId);
  await sql`
    update credential set envelope = set_byte(envelope, length(envelope) - 1, 255 - get_byte(envelope, length(envelope) - 1))
    where credential_id = ${broken.credentialId}`;
  await ops.retireDataKeys();
  clock.advance(600_001);
  await ops.reEncrypt();
  assert.notEqual(await keyOf(good.credentialId), old);
  assert.equal(await reveal(good.credentialId), "sk-good");
  assert.ok((await keyIds(tenantId)).includes(old ?? ""));
  assert.deepEqual((await ops.getReEncryption()).secretsLeft, 1);
  await assert.rejects(reveal(broken.credentialId), (err) => isFailure(err, credentialFailures.unreadable));
});
