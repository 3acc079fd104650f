import assert from "node:assert/strict";
import { test } from "node:test";
import { createNameSet } from "./name-set.ts";

/** Tells of each of these names, of which a thousand others come first, whether it is new. */
function tellNew(names: readonly string[]): readonly boolean[] {
  const all = [...Array.from({ length: 1_000 }, () => "x"), ...names].map((name) => `"${name}"`);
  const isNew = createNameSet(Buffer.from(all.join("")));
  let at = 0;
  const told = all.map((name) => {
    at += name.length;
    return isNew(at - name.length, at);
  });
  assert.ok(!told.slice(0, 1_000).some(Boolean));
  return told.slice(1_000);
}

/** Names that have one place in the table. */
function meeting(count: number): readonly string[] {
  const found = new Map<number, string[]>();
  for (let n = 0; ; n++) {
    let hash = 0x811c9dc5;
    for (const byte of Buffer.from(`"n${n}"`)) hash = Math.imul(hash ^ byte, 0x01000193);
    const place = (hash >>> 0) % 16_384;
    const there = [...(found.get(place) ?? []), `n${n}`];
    if (there.length === count) return there;
    found.set(place, there);
  }
}

test("a name is new once, and one of another length or letter is another", () => {
  assert.deepEqual(tellNew(["a", "b", "a", "aa", "b", "ab", "aa"]), [true, true, false, true, false, true, false]);
});

test("S12: names that were made to meet are counted too often rather than not at all", () => {
  const names = meeting(24);
  assert.ok(tellNew(names).every(Boolean));
  // The first sixteen are known again.
  assert.deepEqual(tellNew([...names.slice(0, 16), ...names.slice(0, 16)]).slice(16), Array(16).fill(false));
  assert.ok(
    tellNew([...names, ...names])
      .slice(40)
      .every(Boolean),
  );
});
