import assert from "node:assert/strict";
import { test } from "node:test";
import { createLru } from "./lru.ts";

const keysOf = (lru: ReturnType<typeof createLru>) => [...lru.entries()].map(([key]) => key).sort();

test("the oldest goes first, unless it was used since it was last asked about", () => {
  const lru = createLru<number>({ maxEntries: 3 });
  for (const [n, key] of ["a", "b", "c"].entries()) lru.set(key, n);
  assert.equal(lru.get("a"), 0);
  lru.set("d", 3);
  assert.deepEqual(keysOf(lru), ["a", "c", "d"]);
  lru.set("e", 4);
  assert.deepEqual(keysOf(lru), ["a", "d", "e"]);
  // Its second chance is over.
  lru.set("f", 5);
  lru.set("g", 6);
  lru.set("h", 7);
  assert.deepEqual(keysOf(lru), ["f", "g", "h"]);
});

test("entries that go otherwise, all of them too, leave room and order as they are", () => {
  const lru = createLru<number>({ maxEntries: 3 });
  const add = (...keys: readonly string[]) => {
    for (const key of keys) lru.set(key, 1);
  };
  add("a", "b", "c", "d");
  lru.delete("c");
  add("e");
  assert.deepEqual(keysOf(lru), ["b", "d", "e"]);
  add("f");
  assert.deepEqual(keysOf(lru), ["d", "e", "f"]);
  lru.clear();
  assert.deepEqual([lru.size, lru.sizeBytes], [0, 0]);
  add("a", "b", "c", "d");
  assert.deepEqual(keysOf(lru), ["b", "c", "d"]);
  for (const key of ["b", "c", "d"]) lru.get(key);
  add("e");
  assert.deepEqual(keysOf(lru), ["c", "d", "e"]);
});

test("sizes are bounded like entries, and what is larger than all of it is not kept", () => {
  const lru = createLru<number>({ maxEntries: 10, maxBytes: 100 });
  lru.set("a", 1, 60);
  lru.set("b", 2, 40);
  lru.set("c", 3, 50);
  assert.deepEqual([keysOf(lru), lru.sizeBytes], [["b", "c"], 90]);
  lru.set("b", 4, 10);
  assert.deepEqual([keysOf(lru), lru.sizeBytes], [["b", "c"], 60]);
  lru.set("c", 5, 101);
  assert.deepEqual([keysOf(lru), lru.sizeBytes], [["b"], 10]);
});

test("an entry costs as much to drop among a hundred thousand as among a thousand", () => {
  const measureMs = (maxEntries: number) => {
    const lru = createLru<number>({ maxEntries });
    for (let n = 0; n < maxEntries; n++) lru.set(`key-${n}`, n);
    const startedMs = performance.now();
    for (let n = 0; n < 100_000; n++) lru.set(`later-${n}`, n);
    return performance.now() - startedMs;
  };
  measureMs(1_000);
  const [fewMs, manyMs] = [measureMs(1_000), measureMs(100_000)];
  assert.ok(manyMs < 10 * fewMs, `${manyMs.toFixed()} ms, among a thousand ${fewMs.toFixed()} ms`);
});
