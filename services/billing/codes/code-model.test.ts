import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { type CodeBatch, hashCode, isRedeemable, makeCode } from "./code-model.ts";

const key = Buffer.from("a key");
const hashed = (plain: string) => createHmac("sha256", key).update(plain).digest("hex");

/** Bytes 0, 1, 2 and so on; of each, five bits count. */
const counting = createRandom(createFakeClock(), (size) =>
  Buffer.from(Array.from({ length: size }, (_, i) => i + 224)),
);

test("a code is a hundred random bits in four groups of five, behind its prefix if it has one", () => {
  assert.equal(makeCode(counting, ""), "01234-56789-ABCDE-FGHJK");
  assert.equal(makeCode(counting, "SPRING"), "SPRING-01234-56789-ABCDE-FGHJK");
  const high = createRandom(createFakeClock(), (size) => Buffer.from(Array.from({ length: size }, (_, i) => 255 - i)));
  assert.equal(makeCode(high, ""), "ZYXWV-TSRQP-NMKJH-GFEDC");
});

test("a code is the same in small letters, spaced, without its hyphens, and with letters for the digits they look like", () => {
  const stored = hashCode(key, "ABCDE-01234-11567-89000").toString("hex");
  assert.equal(stored, hashed("ABCDE012341156789000"));
  for (const typed of [
    "abcde0123411567 89000",
    " ABCDE\t01234 - 11567--89000",
    "abcde-o1234-il567-89OoO",
    "abcde-0I234-Li567-89000",
  ]) {
    assert.equal(hashCode(key, typed).toString("hex"), stored, typed);
  }
  assert.notEqual(hashCode(key, "ABCDE-01234-11567-89001").toString("hex"), stored);
  assert.notEqual(hashCode(Buffer.from("another"), "ABCDE-01234-11567-89000").toString("hex"), stored);
});

test("a code may be redeemed before its batch ends, and never once the batch is disabled", () => {
  const batch: CodeBatch = {
    ...{ batchId: "cdb_1", name: "", currency: "USD", amountNanos: 1n, codeCount: 1, maxUses: 1, createdBy: "usr_1" },
    ...{ isOncePerTenant: false, expiresAt: null, createdAt: new Date(0), disabledAt: null },
  };
  const now = new Date(1_000);
  const at = (more: Partial<CodeBatch>) => isRedeemable({ ...batch, ...more }, now);
  assert.deepEqual(
    [at({}), at({ expiresAt: new Date(1_001) }), at({ expiresAt: now }), at({ expiresAt: new Date(999) })],
    [true, true, false, false],
  );
  assert.deepEqual([at({ disabledAt: new Date(0) }), at({ disabledAt: new Date(9_999) })], [false, false]);
  assert.equal(at({ disabledAt: now, expiresAt: new Date(1_001) }), false);
});
