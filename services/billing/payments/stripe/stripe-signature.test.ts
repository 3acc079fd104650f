import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";
import { isSigned } from "./stripe-signature.ts";
import { signNotification } from "./stripe-simulator.ts";

const secret = "whsec_0123456789abcdef";
const nowMs = 1_764_000_000_000;
const nowSeconds = nowMs / 1_000;
const body = Buffer.from('{"id":"evt_1"}');
const digestOf = (key: string, seconds: number) =>
  createHmac("sha256", key).update(`${seconds}.`).update(body).digest("hex");

test("a notification of now, signed with the secret, is believed; one byte more is not", () => {
  const signed = signNotification({ id: "evt_1" }, secret, nowMs);
  assert.equal(isSigned(signed, secret, nowMs), true);
  assert.equal(isSigned({ ...signed, body: Buffer.concat([signed.body, Buffer.from(" ")]) }, secret, nowMs), false);
  assert.equal(isSigned(signed, `${secret}0`, nowMs), false);
});

test("five minutes old or ahead is still good, a second more is not", () => {
  const signed = signNotification({ id: "evt_1" }, secret, nowMs);
  for (const [seconds, isGood] of [
    [300, true],
    [301, false],
    [-300, true],
    [-301, false],
  ] as const) {
    assert.equal(isSigned(signed, secret, nowMs + seconds * 1_000), isGood, String(seconds));
  }
});

test("a time that is none proves nothing, however it is signed; a header has at most 4,096 characters", () => {
  const sign = (time: string) => createHmac("sha256", secret).update(`${time}.`).update(body).digest("hex");
  for (const time of [
    "",
    ` ${nowSeconds}`,
    `${nowSeconds}.0`,
    `0x${nowSeconds.toString(16)}`,
    `${nowSeconds}`.padStart(13, "0"),
  ]) {
    assert.equal(isSigned({ body, signature: `t=${time},v1=${sign(time)}` }, secret, nowMs), false, time);
  }
  assert.equal(isSigned({ body, signature: `v1=${sign("undefined")}` }, secret, nowMs), false, "no time at all");
  const signature = `t=${nowSeconds},v1=${sign(String(nowSeconds))}`;
  const padded = (length: number) => `${signature},x=`.padEnd(length, "0");
  assert.equal(isSigned({ body, signature: padded(4_096) }, secret, nowMs), true);
  assert.equal(isSigned({ body, signature: padded(4_097) }, secret, nowMs), false);
});

test("while secrets change one of several signatures is enough, wherever it stands", () => {
  const [old, fresh] = [digestOf("whsec_the_one_before_", nowSeconds), digestOf(secret, nowSeconds)];
  for (const digests of [`v1=${old},v1=${fresh}`, `v1=${fresh},v1=${old}`, `v0=${old}, v1=${fresh}`]) {
    assert.equal(isSigned({ body, signature: `t=${nowSeconds},${digests}` }, secret, nowMs), true, digests);
  }
  assert.equal(isSigned({ body, signature: `t=${nowSeconds},v1=${old}` }, secret, nowMs), false);
});

test("B25: an empty secret proves nothing, and a header that is not one proves nothing", () => {
  const digest = digestOf(secret, nowSeconds);
  assert.equal(isSigned({ body, signature: `t=${nowSeconds},v1=${digestOf("", nowSeconds)}` }, "", nowMs), false);
  const bad = [
    ...["", "v1", `v1=${digest}`, `t=${nowSeconds}`, `t=${nowSeconds},v0=${digest}`, `t=,v1=${digest}`],
    ...[`t=${nowSeconds}.0,v1=${digest}`, `t=${nowSeconds},v1=${digest.slice(1)}`, `t=${nowSeconds},v1=${digest}0`],
    ...[`t=${nowSeconds},t=${nowSeconds},v1=${digest}`, `t=${nowSeconds},v1=${digest.toUpperCase()}`],
    `t=${nowSeconds},${"v1=".padEnd(5_000, "0")},v1=${digest}`,
  ];
  for (const signature of bad)
    assert.equal(isSigned({ body, signature }, secret, nowMs), false, signature.slice(0, 80));
});
