import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../service/clock.ts";
import { createRandom } from "../service/ids.ts";
import { createSealingPair, openSealed, sealTo } from "./seal-to.ts";

const random = createRandom(systemClock);
const pair = createSealingPair();

test("what is sealed to a public key opens with its pair alone, and with the same associated data", () => {
  for (const text of ["", "数据", "x".repeat(100_000)]) {
    const sealed = sealTo(random, pair.publicKey, Buffer.from(text), "export|auth");
    assert.equal(openSealed(pair, sealed, "export|auth")?.toString(), text);
    assert.equal(openSealed(createSealingPair(), sealed, "export|auth"), undefined);
    assert.equal(openSealed(pair, sealed, "export|group"), undefined);
  }
  const [first, second] = [0, 1].map(() => sealTo(random, pair.publicKey, Buffer.from("same"), ""));
  assert.notDeepEqual(first, second, "each message has a key of its own");
});

test("every flipped bit and every truncation is refused", () => {
  const sealed = sealTo(random, pair.publicKey, Buffer.from("secret"), "a");
  for (let index = 0; index < sealed.length; index++) {
    const flipped = Buffer.from(sealed);
    flipped.writeUInt8(flipped.readUInt8(index) ^ 1, index);
    assert.equal(openSealed(pair, flipped, "a"), undefined, `byte ${index}`);
    assert.equal(openSealed(pair, sealed.subarray(0, index), "a"), undefined);
  }
});

test("nothing is sealed to what is no public key: neither another length nor a point with which all agree on the same", () => {
  for (const key of [Buffer.alloc(0), Buffer.alloc(31, 9), Buffer.alloc(33, 9), Buffer.alloc(32)]) {
    assert.throws(() => sealTo(random, key, Buffer.from("x"), ""), RangeError);
  }
});
