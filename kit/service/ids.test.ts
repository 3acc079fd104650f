import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createRandom } from "./ids.ts";

const idPattern = /^call_[0-9a-hjkmnp-tv-z]{26}$/;

test("an id is its prefix, the time, and five bits of each of sixteen random bytes", () => {
  const clock = createFakeClock();
  const random = createRandom(clock, (size) => Buffer.from(Array.from({ length: size }, (_, i) => i & 255)));
  const id = random.id("call");
  assert.match(id, idPattern);
  assert.equal(id.slice(-16), "0123456789abcdef");
  assert.equal(random.id("call").slice(-16), "ghjkmnpqrstvwxyz");
  assert.equal(random.id("call").slice(0, 15), id.slice(0, 15));
});

test("of many ids of one moment no two are the same, and each character stands in every random place", () => {
  const clock = createFakeClock();
  const random = createRandom(clock);
  const ids = Array.from({ length: 5_000 }, () => random.id("call"));
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, idPattern);
  for (let place = 15; place < 31; place++) assert.equal(new Set(ids.map((id) => id[place])).size, 32);
});
