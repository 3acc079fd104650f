import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { inspect } from "node:util";
import { credentialFailures } from "@lyss/contracts/failures/credential.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { createLocalKeyring, type Keyring } from "@lyss/kit/crypto/keyring.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createDataKeys } from "./data-keys.ts";
import type { CredentialOps } from "./ops.ts";
import { credential } from "./service.ts";
import { createCredentialStore } from "./store.ts";

const clock = createFakeClock();
const service = await startTestService({ after }, credential, { clients: {}, clock });
const { ops, sql, db, random } = service;
const origin = "https://api.openai.com";

/** Every test works in a tenant of its own. */
const newTenant = () => random.id("ten");

function store(
  tenantId: string,
  secret: string,
  input: Partial<Parameters<CredentialOps["createCredential"]>[0]> = {},
) {
  return ops.createCredential({
    tenantId,
    name: "openai",
    secret: new Secret(secret),
    allowedOrigins: [origin],
    ...input,
  });
}

async function reveal(credentialId: string, to = origin): Promise<string> {
  return (await ops.revealCredential({ credentialId, origin: to })).secret.reveal();
}

const failsWith = (type: FailureType) => (err: unknown) => isFailure(err, type);

async function eventsOf(credentialId: string): Promise<readonly string[]> {
  const events = await service.listEvents();
  return events
    .filter(({ key }) => key === credentialId)
    .map(({ type, data }) => `${type} ${data.version ?? ""}`.trim());
}

test("a stored secret comes out for an origin it is bound to, and for no other", async () => {
  const { credentialId } = await store(newTenant(), "sk-0123456789abcdef", {
    allowedOrigins: ["https://a.example", "https://b.example:8443"],
  });
  assert.equal(await reveal(credentialId, "https://a.example/"), "sk-0123456789abcdef");
  assert.equal(await reveal(credentialId, "https://b.example:8443"), "sk-0123456789abcdef");
  const others = [
    "http://a.example",
    "https://a.example:8443",
    "https://b.example",
    "https://evil.example",
    "https://a.example.evil.example",
    "https://a.example@evil.example",
    "https://a.example/v1",
    "a.example",
    "",
  ];
  for (const other of others) {
    await assert.rejects(reveal(credentialId, other), failsWith(credentialFailures.origin_refused), other);
  }
  await assert.rejects(reveal("crd_none"), failsWith(credentialFailures.not_found));
});

test("the same secret and origins again change nothing; another secret or origin is the next version", async () => {
  const tenantId = newTenant();
  const first = await store(tenantId, "sk-first");
  assert.deepEqual(await store(tenantId, "sk-first"), first);
  const second = await store(tenantId, "sk-second");
  assert.equal(second.credentialId, first.credentialId);
  assert.equal(second.version, 2);
  assert.equal(await reveal(first.credentialId), "sk-second");
  const third = await store(tenantId, "sk-second", { allowedOrigins: ["https://b.example"] });
  assert.equal(third.version, 3);
  await assert.rejects(reveal(first.credentialId), failsWith(credentialFailures.origin_refused));
  const said = ["credential.created 1", "credential.rotated 2", "credential.rotated 3"];
  assert.deepEqual(await eventsOf(first.credentialId), said);
});

test("ten nodes that store one name at once make one credential", async () => {
  const tenantId = newTenant();
  const stored = await Promise.all(Array.from({ length: 10 }, (_, i) => store(tenantId, `sk-${i % 2}`)));
  assert.equal(new Set(stored.map(({ credentialId }) => credentialId)).size, 1);
  const page = await ops.listCredentials({ tenantId, limit: 200 });
  assert.equal(page.rows.length, 1);
});

test("a rotation replaces the secret and keeps the origins; the secret it has changes nothing", async () => {
  const tenantId = newTenant();
  const { credentialId } = await store(tenantId, "sk-first");
  const [before] = await sql`select envelope from credential where credential_id = ${credentialId}`;
  const rotate = (secret: string) => ops.rotateCredential({ tenantId, credentialId, secret: new Secret(secret) });
  assert.equal((await rotate("sk-second")).version, 2);
  assert.equal((await rotate("sk-second")).version, 2);
  assert.equal(await reveal(credentialId), "sk-second");
  const rows = await sql`select envelope from credential where envelope = ${before?.envelope}`;
  assert.equal(rows.length, 0, "the old envelope is gone");
});

test("a revoked secret is destroyed, its name is free, and a repeat says nothing new", async () => {
  const tenantId = newTenant();
  const { credentialId } = await store(tenantId, "sk-first");
  const revoked = await ops.revokeCredential({ tenantId, credentialId });
  assert.ok(revoked.revokedAt);
  assert.deepEqual(await ops.revokeCredential({ tenantId, credentialId }), revoked);
  assert.deepEqual(await eventsOf(credentialId), ["credential.created 1", "credential.revoked"]);
  const [row] = await sql`select envelope from credential where credential_id = ${credentialId}`;
  assert.equal(row?.envelope, null);
  await assert.rejects(reveal(credentialId), failsWith(credentialFailures.revoked));
  const secret = new Secret("sk-third");
  await assert.rejects(ops.rotateCredential({ tenantId, credentialId, secret }), failsWith(credentialFailures.revoked));
  assert.notEqual((await store(tenantId, "sk-second")).credentialId, credentialId);
});

test("a credential of another tenant does not exist", async () => {
  const { credentialId } = await store(newTenant(), "sk-first");
  const reference = { tenantId: newTenant(), credentialId };
  const notFound = failsWith(credentialFailures.not_found);
  await assert.rejects(ops.getCredential(reference), notFound);
  await assert.rejects(ops.revokeCredential(reference), notFound);
  await assert.rejects(ops.rotateCredential({ ...reference, secret: new Secret("sk-mine") }), notFound);
  assert.equal((await ops.listCredentials({ tenantId: reference.tenantId, limit: 50 })).rows.length, 0);
  assert.equal(await reveal(credentialId), "sk-first");
});

test("a list is paged in a stable order, also while credentials are added", async () => {
  const tenantId = newTenant();
  for (let i = 0; i < 5; i++) {
    clock.advance(1);
    await store(tenantId, "sk-first", { name: `name-${i}` });
  }
  const first = await ops.listCredentials({ tenantId, limit: 2 });
  clock.advance(1);
  await store(tenantId, "sk-first", { name: "name-later" });
  const second = await ops.listCredentials({ tenantId, limit: 2, cursor: first.nextCursor });
  const third = await ops.listCredentials({ tenantId, limit: 2, cursor: second.nextCursor });
  const names = [first, second, third].flatMap(({ rows }) => rows.map(({ name }) => name));
  assert.deepEqual(names, ["name-4", "name-3", "name-2", "name-1", "name-0"]);
  assert.equal(third.nextCursor, undefined);
});

test("S11: who writes rows can neither move a secret to another tenant nor widen its origins", async () => {
  const [mine, theirs] = [newTenant(), newTenant()];
  const victim = await store(theirs, "sk-theirs");
  const own = await store(mine, "sk-mine", { allowedOrigins: ["https://evil.example"] });
  const unreadable = failsWith(credentialFailures.unreadable);

  await sql`update credential set envelope = (select envelope from credential where credential_id = ${victim.credentialId})
    where credential_id = ${own.credentialId}`;
  await assert.rejects(reveal(own.credentialId, "https://evil.example"), unreadable);

  await sql`update credential set allowed_origins = '["https://evil.example"]' where credential_id = ${victim.credentialId}`;
  await assert.rejects(reveal(victim.credentialId, "https://evil.example"), unreadable);
  await sql`update credential set allowed_origins = ${sql.json([origin])} where credential_id = ${victim.credentialId}`;
  assert.equal(await reveal(victim.credentialId), "sk-theirs");
  await sql`update credential set version = 2 where credential_id = ${victim.credentialId}`;
  await assert.rejects(reveal(victim.credentialId), unreadable);
});

test("S11: without the key-encryption key, secrets open for as long as data keys are remembered, then not at all", async () => {
  const tenantId = newTenant();
  const keyring = createLocalKeyring(Buffer.alloc(32, 7), random);
  let isGone = false;
  const failing: Keyring = {
    wrap: keyring.wrap,
    unwrap: (key, context) => (isGone ? Promise.reject(new Error("no answer")) : keyring.unwrap(key, context)),
  };
  const dataKeyStore = createCredentialStore(db.sql);
  const dataKeys = createDataKeys({ db, store: dataKeyStore, keyring: failing, random, clock, ttlMs: 1_000 });
  const { dataKeyId } = await dataKeys.getForTenant(tenantId);
  isGone = true;
  clock.advance(999);
  await dataKeys.get(dataKeyId);
  clock.advance(1);
  await assert.rejects(dataKeys.get(dataKeyId), /no answer/);
});

test("S9: a secret is nowhere in rows, events, errors, or what is printed of inputs and answers", async () => {
  const canary = "canary-7f3a9c1e5b2d4860-canary";
  const tenantId = newTenant();
  const seen: unknown[] = [];
  const kept = await store(tenantId, canary);
  const { credentialId } = kept;
  seen.push(
    kept,
    await ops.revealCredential({ credentialId, origin }),
    await ops.listCredentials({ tenantId, limit: 1 }),
  );
  seen.push(await ops.revealCredential({ credentialId, origin: "https://evil.example" }).catch((err) => err));
  await sql`update credential set version = 9 where credential_id = ${credentialId}`;
  seen.push(await ops.revealCredential({ credentialId, origin }).catch((err) => err));
  seen.push(await store(tenantId, canary, { name: "\u0000" }).catch((err) => err));
  for (const table of ["credential", "data_key", "event_log.event"]) {
    seen.push(await sql`select to_jsonb(t)::text as row from ${sql(table)} t`);
  }
  const printed = seen
    .map((value) => inspect(value, { depth: 9, showHidden: true }) + JSON.stringify(value))
    .join("\n");
  const forms = [Buffer.from(canary), createHash("sha256").update(canary).digest()];
  for (const form of [canary, ...forms.flatMap((bytes) => [bytes.toString("hex"), bytes.toString("base64url")])]) {
    assert.equal(printed.includes(form), false);
  }
});
