import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "../testing/seeded-random.ts";
import { createLinkedList, type Linked } from "./linked-list.ts";

interface Numbered extends Linked<Numbered> {
  readonly number: number;
}

test("whatever is added and removed, in the list is what a set would hold, in its order, and nothing hangs on what is out", () => {
  const { between } = createSeeded(20_261_128);
  const list = createLinkedList<Numbered>();
  const set = new Set<Numbered>();
  for (let number = 0; number < 2_000; number++) {
    // Now more come, now more go, so that it is empty now and then.
    if (between(0, 9) < (number % 200 < 100 ? 7 : 2)) {
      const entry: Numbered = { number, previous: undefined, next: undefined };
      list.add(entry);
      set.add(entry);
    } else {
      const entry = [...set][between(0, Math.max(0, set.size - 1))];
      if (!entry) continue;
      list.remove(entry);
      list.remove(entry);
      set.delete(entry);
      assert.deepEqual([entry.previous, entry.next], [undefined, undefined]);
    }
    assert.equal(list.size, set.size);
    assert.deepEqual(
      [...list].map((entry) => entry.number),
      [...set].map((entry) => entry.number),
    );
  }
  assert.ok(set.size < 2_000);
});
