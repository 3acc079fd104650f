import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { userFailures } from "@lyss/contracts/failures/user.ts";
import { Secret } from "@lyss/kit/config/secret.ts";
import { type FailureType, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { createKnownPasswords, digestBytes, knownPasswordsFile } from "./known-passwords.ts";
import { createPasswordHasher, createPasswordRules } from "./password.ts";

const failsWith = (type: FailureType) => (err: unknown) => isFailure(err, type);
const isCommon = createKnownPasswords();
const rules = createPasswordRules({ isCommon, isBreached: async (text) => text === "café known from a breach" });
const require = (text: string) => rules(new Secret(text));

test("a password has 12 to 200 characters, however many bytes they take", async () => {
  for (const good of ["x1y2z3a4b5c6", "密码密码密码密码密码密码", "🔑".repeat(12), "x y".repeat(60)]) {
    await assert.doesNotReject(require(good), good);
  }
  for (const bad of ["", "x1y2z3a4b5c", "🔑".repeat(11), "e\u0301".repeat(11), "x".repeat(201)]) {
    await assert.rejects(require(bad), failsWith(userFailures.password_length), bad);
  }
});

test("the most common passwords are refused in any case", async () => {
  for (const bad of [
    "123456789012",
    "Password1234",
    "QWERTYUIOP123",
    "changeme1234",
    "MotherFucker",
    "1qaz2wsx3edc4rfv",
  ]) {
    await assert.rejects(require(bad), failsWith(userFailures.password_common), bad);
  }
});

test("a password that is known from a breach is refused, however it was typed", async () => {
  for (const bad of ["caf\u00e9 known from a breach", "cafe\u0301 known from a breach"]) {
    await assert.rejects(require(bad), failsWith(userFailures.password_breached), bad);
  }
});

test("the list has tens of thousands of passwords, in order, and takes no drawn one for one of them", async () => {
  const digests = readFileSync(knownPasswordsFile);
  const count = digests.length / digestBytes;
  assert.ok(count > 40_000 && digests.length <= 1_048_576);
  const hexOf = (at: number) => digests.toString("hex", at * digestBytes, (at + 1) * digestBytes);
  for (let at = 1; at < count; at++) assert.ok(hexOf(at - 1) < hexOf(at), String(at));
  const random = createSeeded(7);
  for (let i = 0; i < 10_000; i++) {
    const drawn = Array.from({ length: 20 }, () => random.between(0, 9)).join("");
    assert.equal(await isCommon(drawn), false, drawn);
  }
});

test("a hash is argon2id with its own salt, and is that of the same characters in any composition", async () => {
  const hasher = await createPasswordHasher(4);
  const composed = new Secret("caf\u00e9 caf\u00e9 caf\u00e9");
  const [one, two] = await Promise.all([hasher.hash(composed), hasher.hash(composed)]);
  assert.match(one, /^\$argon2id\$v=19\$m=65536,t=3,p=1\$/);
  assert.notEqual(one, two);
  assert.equal(await hasher.verify(one, new Secret("cafe\u0301 cafe\u0301 cafe\u0301")), true);
  assert.equal(await hasher.verify(one, new Secret("cafe cafe cafe")), false);
});

test("a long password counts to its last character", async () => {
  const hasher = await createPasswordHasher(4);
  const hash = await hasher.hash(new Secret(`${"x".repeat(199)}a`));
  assert.equal(await hasher.verify(hash, new Secret(`${"x".repeat(199)}b`)), false);
});

test("without an account no password is right, the decoy's own included", async () => {
  const hasher = await createPasswordHasher(4);
  for (const password of ["nobody's password", "x1y2z3a4b5c6", ""]) {
    assert.equal(await hasher.verify(undefined, new Secret(password)), false);
  }
});

test("more passwords at once than allowed are turned away, and the place is free again afterwards", async () => {
  const hasher = await createPasswordHasher(2);
  const password = new Secret("x1y2z3a4b5c6");
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => hasher.hash(password)));
  const refused = results.filter((result) => result.status === "rejected");
  assert.equal(refused.length, 3);
  for (const { reason } of refused) assert.ok(isFailure(reason, kitFailures.unavailable));
  await hasher.hash(password);
});
