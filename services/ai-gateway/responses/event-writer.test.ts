import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { batchMs, createEventWriter } from "./event-writer.ts";

const data = (n: number) => JSON.stringify({ type: "x", n, sequence_number: 77 });
const numbersOf = (events: readonly string[]) =>
  events.map((text) => JSON.parse(text.split("data: ")[1] ?? "").sequence_number);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

/** A writer whose rows are written when, and as, the test says. */
function start(sequence = 0) {
  const clock = createFakeClock();
  const written: { first: number; events: readonly string[]; end(isLive: boolean): void; fail(err: Error): void }[] =
    [];
  const errors: unknown[] = [];
  const writer = createEventWriter({
    ...{ clock, sequence, onError: (err) => errors.push(err) },
    write: (first, events) => new Promise((end, fail) => written.push({ first, events, end, fail })),
  });
  return { clock, written, errors, writer };
}

test("the first event is written at once, what comes meanwhile together a batch later, each under its number", async () => {
  const { clock, written, writer } = start(2);
  writer.add("x", data(1));
  writer.add("x", data(2));
  assert.equal(written.length, 1);
  written[0]?.end(true);
  await turn();
  writer.add("x", data(3));
  clock.advance(batchMs - 1);
  assert.equal(written.length, 1);
  clock.advance(1);
  assert.deepEqual(
    written.map(({ first, events }) => [first, numbersOf(events)]),
    [
      [2, [2]],
      [3, [3, 4]],
    ],
  );
});

test("what may have been written is written again as it was, and nothing is lost or told twice", async () => {
  const { clock, written, errors, writer } = start();
  writer.add("x", data(1));
  written[0]?.fail(new Error("the connection is gone"));
  await turn();
  assert.equal(errors.length, 1);
  writer.add("x", data(2));
  clock.advance(1_000);
  assert.deepEqual(written[1]?.events, written[0]?.events);
  written[1]?.end(true);
  await turn();
  const flushed = writer.flush();
  assert.deepEqual([written[2]?.first, numbersOf(written[2]?.events ?? [])], [1, [1]]);
  written[2]?.end(true);
  await flushed;
});

test("a flush tells of what keeps events from being written", async () => {
  const { written, writer } = start();
  writer.add("x", data(1));
  const flushed = writer.flush();
  written[0]?.fail(new Error("no database"));
  await assert.rejects(flushed, /no database/);
});

test("who says more than is written waits for room, and is let go when there is nothing to write to any more", async () => {
  const { written, writer } = start();
  const long = JSON.stringify({ type: "x", pad: "x".repeat(1_100_000) });
  writer.add("x", long);
  await writer.untilRoom();
  writer.add("x", long);
  let isRoom = false;
  const room = writer.untilRoom().then(() => {
    isRoom = true;
  });
  await turn();
  assert.equal(isRoom, false);
  written[0]?.end(false);
  await room;
  writer.add("x", data(1));
  await writer.flush();
  assert.equal(written.length, 1);
});
