import assert from "node:assert/strict";
import { test } from "node:test";
import { findLost } from "./broker-relay.ts";

test("a lane that lost its tail is found although the others are complete, with what it still has", () => {
  const given = new Map([
    ["t/0", 90n],
    ["t/1", 100n],
    ["t/2", 95n],
  ]);
  const found = new Map([
    ["t/0", 90n],
    ["t/1", 40n],
    ["t/2", 120n],
  ]);
  assert.deepEqual([...findLost(given, found)], [["t/1", 40n]]);
});

test("a lane that is gone or empty has lost all; one whose messages have expired has lost nothing", () => {
  const given = new Map([
    ["gone", 5n],
    ["empty", 6n],
    ["expired", 7n],
  ]);
  const found = new Map([
    ["empty", 0n],
    ["expired", undefined],
    ["new", 0n],
  ]);
  assert.deepEqual([...findLost(given, found)].sort(), [
    ["empty", 0n],
    ["gone", 0n],
  ]);
});
