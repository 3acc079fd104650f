import assert from "node:assert/strict";
import { test } from "node:test";
import { createSeeded } from "../testing/seeded-random.ts";
import { createFairQueue, type Turn, type Waiting } from "./fair-queue.ts";
import { type Priority, priorities } from "./load-shed.ts";

const turn = (line: string, priority: Priority = "interactive"): Turn => ({ line, priority });
const drain = (queue: { next(): string | undefined }) => {
  const order: string[] = [];
  for (let item = queue.next(); item !== undefined; item = queue.next()) order.push(item);
  return order;
};
const shareOf = (order: readonly string[], letter: string) => order.filter((item) => item.startsWith(letter)).length;

test("lines take turns however long they are, each in the order of arrival", () => {
  const queue = createFairQueue<string>();
  for (const item of ["a1", "a2", "a3", "a4"]) queue.add(turn("a"), item);
  for (const item of ["b1", "b2"]) queue.add(turn("b"), item);
  queue.add(turn("c"), "c1");
  assert.equal(queue.size, 7);
  assert.equal(queue.next(), "a1");
  // Who comes now waits for one turn of each of the others.
  queue.add(turn("d"), "d1");
  assert.deepEqual(drain(queue), ["b1", "c1", "a2", "d1", "b2", "a3", "a4"]);
  assert.deepEqual([queue.size, queue.next()], [0, undefined]);
});

test("priorities share turns by 70, 20 and 10, and none is left out", () => {
  const queue = createFairQueue<string>();
  for (let n = 0; n < 200; n++) for (const priority of priorities) queue.add(turn("t", priority), `${priority}${n}`);
  const order = Array.from({ length: 200 }, () => queue.next() ?? "");
  assert.deepEqual(
    ["interactive", "background", "batch"].map((name) => shareOf(order, name)),
    [140, 40, 20],
  );
  assert.equal(order[0], "interactive0");
});

test("a priority at which nobody waited for long has saved up no turns", () => {
  const queue = createFairQueue<string>();
  for (let n = 0; n < 300; n++) queue.add(turn("t"), `i${n}`);
  for (let n = 0; n < 100; n++) queue.next();
  for (let n = 0; n < 100; n++) queue.add(turn("t", "batch"), `b${n}`);
  const order = Array.from({ length: 80 }, () => queue.next() ?? "");
  assert.equal(shareOf(order, "b"), 10);
});

test("room is made by who waits longest in line, the last of it, and by the less urgent before that", () => {
  const queue = createFairQueue<string>();
  for (const item of ["a1", "a2", "a3"]) queue.add(turn("a"), item);
  queue.add(turn("b"), "b1");
  assert.deepEqual([queue.hasRoomFor(turn("a")), queue.hasRoomFor(turn("b")), queue.size], [false, true, 4]);
  assert.equal(queue.makeRoom(turn("a")), undefined, "its own line is the longest");
  assert.equal(queue.makeRoom(turn("b")), "a3");
  assert.equal(queue.makeRoom(turn("b")), undefined, "it would be as long");
  assert.equal(queue.makeRoom(turn("c")), "a2");
  assert.equal(queue.makeRoom(turn("c")), undefined);
  assert.equal(queue.makeRoom(turn("c", "batch")), undefined, "the less urgent drives nobody out");
  queue.add(turn("a", "batch"), "a9");
  assert.equal(queue.makeRoom(turn("a")), "a9");
  assert.deepEqual(drain(queue), ["a1", "b1"]);
});

test("whatever comes, goes and is driven out, each item is given once, in the order of its line", () => {
  const seed = Number(process.env["FAIR_QUEUE_SEED"] ?? Date.now() % 1_000_000);
  const seeded = createSeeded(seed);
  const queue = createFairQueue<string>();
  const waiting = new Map<string, Waiting<string>>();
  const told = `FAIR_QUEUE_SEED=${seed}`;
  const lastOf = new Map<string, number>();
  const leave = (item: string | undefined) => {
    if (item !== undefined) assert.ok(waiting.delete(item), `${item} was given twice; ${told}`);
  };
  for (let n = 0; n < 20_000; n++) {
    const act = seeded.between(0, 9);
    const its = turn(`t${seeded.between(0, 5)}`, priorities[seeded.between(0, 2)]);
    if (act < 5) waiting.set(`${its.line} ${its.priority} ${n}`, queue.add(its, `${its.line} ${its.priority} ${n}`));
    else if (act < 8) {
      const item = queue.next();
      const [line, priority, number] = (item ?? "").split(" ");
      const key = `${line} ${priority}`;
      assert.ok(Number(number ?? 0) >= (lastOf.get(key) ?? 0), `${item} came late; ${told}`);
      if (item !== undefined) lastOf.set(key, Number(number));
      leave(item);
    } else if (act === 8) leave(queue.makeRoom(its));
    else {
      const [one] = waiting;
      if (one) assert.equal(queue.remove(one[1]), true, told);
      if (one) assert.equal(queue.remove(one[1]), false, told);
      leave(one?.[0]);
    }
    assert.equal(queue.size, waiting.size, told);
  }
  for (const item of drain(queue)) leave(item);
  assert.equal(waiting.size, 0, told);
});

test("a line is out of turn for no longer than a round, whatever others add", () => {
  const queue = createFairQueue<string>();
  for (let n = 0; n < 1_000; n++) queue.add(turn("noisy"), "n");
  queue.add(turn("quiet"), "q");
  assert.deepEqual([queue.next(), queue.next()], ["n", "q"]);
});
