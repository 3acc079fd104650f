import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { systemClock } from "../service/clock.ts";
import { createRandom } from "../service/ids.ts";
import { seal, unseal } from "./seal.ts";

const random = createRandom(systemClock);
const key = randomBytes(32);

test("what is sealed opens with the same key and associated data, also when it is empty", () => {
  for (const text of ["", "sk-secret", "密钥".repeat(5_000)]) {
    const sealed = seal(random, key, Buffer.from(text), "tenant|id|1");
    assert.equal(unseal(key, sealed, "tenant|id|1")?.toString(), text);
  }
});

test("every flipped bit, every truncation, another key and other associated data are refused", () => {
  const sealed = seal(random, key, Buffer.from("sk-secret-0123456789"), "tenant|id|1");
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const flipped = Buffer.from(sealed);
    flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
    assert.equal(unseal(key, flipped, "tenant|id|1"), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < sealed.length; length++) {
    assert.equal(unseal(key, sealed.subarray(0, length), "tenant|id|1"), undefined);
  }
  assert.equal(unseal(randomBytes(32), sealed, "tenant|id|1"), undefined);
  assert.equal(unseal(key, sealed, "tenant|id|2"), undefined);
});

test("sealing the same twice gives different bytes", () => {
  const sealings = Array.from({ length: 1_000 }, () => seal(random, key, Buffer.from("x"), "").toString("hex"));
  assert.equal(new Set(sealings).size, sealings.length);
});
