import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Secret } from "@lyss/kit/config/secret.ts";
import { createLocalKeyring } from "@lyss/kit/crypto/keyring.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { dataKeyIdOf, openEnvelope, sealEnvelope } from "./envelope.ts";
import { bindingOf } from "./model.ts";

const random = createRandom(systemClock);
const dataKey = { dataKeyId: "dek_a", bytes: randomBytes(32) };
const row = { tenantId: "ten_a", credentialId: "crd_a", version: 3, allowedOrigins: ["https://a.example"] } as const;
const sealRow = () => sealEnvelope(random, dataKey, new Secret("sk-secret"), bindingOf(row));

test("an envelope names its data key and opens with it", () => {
  const envelope = sealRow();
  assert.equal(dataKeyIdOf(envelope), "dek_a");
  assert.equal(openEnvelope(dataKey, envelope, bindingOf(row))?.reveal(), "sk-secret");
});

test("S11: an envelope moved to another tenant, credential, version or origin does not open", () => {
  const envelope = sealRow();
  const others = [
    { ...row, tenantId: "ten_b" },
    { ...row, credentialId: "crd_b" as const },
    { ...row, version: 2 },
    { ...row, allowedOrigins: ["https://evil.example"] },
    { ...row, allowedOrigins: [...row.allowedOrigins, "https://evil.example"] },
  ];
  for (const other of others) assert.equal(openEnvelope(dataKey, envelope, bindingOf(other)), undefined);
});

test("S11: no flipped bit of an envelope opens, its header included", () => {
  const envelope = sealRow();
  for (let bit = 0; bit < envelope.length * 8; bit++) {
    const flipped = Buffer.from(envelope);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    assert.equal(openEnvelope(dataKey, flipped, bindingOf(row)), undefined, `bit ${bit}`);
  }
});

test("S11: of 100,000 envelopes with drawn bits flipped none opens", () => {
  const seeded = createSeeded(1);
  const envelopes = Array.from({ length: 100 }, sealRow);
  for (let n = 0; n < 100_000; n++) {
    const flipped = Buffer.from(envelopes[n % envelopes.length] ?? []);
    const bits = new Set(Array.from({ length: seeded.between(1, 4) }, () => seeded.between(0, flipped.length * 8 - 1)));
    for (const bit of bits) flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    assert.equal(openEnvelope(dataKey, flipped, bindingOf(row)), undefined, [...bits].join());
  }
});

const sealings = process.env["SCENARIO_FULL"] === "1" ? 10_000_000 : 100_000;

test(`S11: ${sealings} envelopes have as many nonces`, () => {
  const headerBytes = 2 + dataKey.dataKeyId.length;
  // The first eight of its twelve bytes; two that agree in them are looked at as if they were the same.
  const nonces = new BigUint64Array(sealings);
  for (let n = 0; n < sealings; n++) nonces[n] = sealRow().readBigUInt64BE(headerBytes);
  nonces.sort();
  for (let n = 1; n < sealings; n++) assert.notEqual(nonces[n], nonces[n - 1]);
});

test("a wrapped data key opens in its own context and with its own key only", async () => {
  const kek = randomBytes(32);
  const keyring = createLocalKeyring(kek, random);
  const wrapped = await keyring.wrap(dataKey.bytes, "ten_a");
  assert.deepEqual(await keyring.unwrap(wrapped, "ten_a"), dataKey.bytes);
  assert.deepEqual(await createLocalKeyring(kek, random).unwrap(wrapped, "ten_a"), dataKey.bytes);
  assert.equal(await keyring.unwrap(wrapped, "ten_b"), undefined);
  assert.equal(await createLocalKeyring(randomBytes(32), random).unwrap(wrapped, "ten_a"), undefined);
});
