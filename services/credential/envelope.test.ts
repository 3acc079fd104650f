import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { Secret } from "@lyss/kit/config/secret.ts";
import { createLocalKeyring } from "@lyss/kit/crypto/keyring.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
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

test("an envelope moved to another tenant, credential, version or origin does not open", () => {
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

test("no flipped bit of an envelope opens, its header included", () => {
  const envelope = sealRow();
  for (let bit = 0; bit < envelope.length * 8; bit++) {
    const flipped = Buffer.from(envelope);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    assert.equal(openEnvelope(dataKey, flipped, bindingOf(row)), undefined, `bit ${bit}`);
  }
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
