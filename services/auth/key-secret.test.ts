import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { generateKeySecret, hashKeySecret, isKeySecret, prefixOf } from "./key-secret.ts";

const random = createRandom(systemClock);

test("a generated secret has the announced form, and no two are alike", () => {
  const secrets = Array.from({ length: 10_000 }, () => generateKeySecret(random));
  for (const secret of secrets) {
    assert.match(secret, /^lyss_[0-9A-Za-z]{36}$/);
    assert.ok(isKeySecret(secret));
  }
  assert.equal(new Set(secrets).size, secrets.length);
});

test("every character of a secret is as likely as every other", () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 10_000; i++) {
    for (const character of generateKeySecret(random).slice(5, 35)) {
      counts.set(character, (counts.get(character) ?? 0) + 1);
    }
  }
  const expected = 300_000 / 62;
  // Six standard deviations: 62 fair counts stay inside all but once in 10^7 runs.
  const bound = 6 * Math.sqrt(expected);
  assert.equal(counts.size, 62);
  for (const [character, count] of counts) assert.ok(Math.abs(count - expected) < bound, `${character}: ${count}`);
});

test("junk with the right prefix, typos, cuts and additions are refused by the checksum", () => {
  const body = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  let accepted = 0;
  for (let i = 0; i < 100_000; i++) {
    const junk = Array.from(random.bytes(36), (byte) => body.charAt(byte % 62)).join("");
    if (isKeySecret(`lyss_${junk}`)) accepted += 1;
  }
  assert.equal(accepted, 0);
  const secret = generateKeySecret(random);
  for (let at = 5; at < secret.length; at++) {
    const typo = secret.slice(0, at) + (secret[at] === "a" ? "b" : "a") + secret.slice(at + 1);
    assert.equal(isKeySecret(typo), false, typo);
    assert.equal(isKeySecret(secret.slice(0, at)), false);
  }
  for (const other of ["", "lyss_", `${secret}\n`, ` ${secret}`, `${secret}${secret}`, secret.toUpperCase()]) {
    assert.equal(isKeySecret(other), false);
  }
});

test("a hash depends on the pepper, and a prefix tells 24 of 30 characters nothing", () => {
  const secret = generateKeySecret(random);
  assert.notDeepEqual(hashKeySecret(Buffer.alloc(32, 1), secret), hashKeySecret(Buffer.alloc(32, 2), secret));
  assert.equal(prefixOf(secret).length, 11);
});
