import assert from "node:assert/strict";
import { duplexPair } from "node:stream";
import { test } from "node:test";
import { createFakeClock } from "../testing/fake-clock.ts";
import { createDrainableSockets, quietMs } from "./drain-sockets.ts";
import { joinSockets } from "./join-sockets.ts";
import { createFrameFollower, toLastFrames } from "./web-socket-frames.ts";

const text = (words: string, first = 0x81) => Buffer.from([first, words.length, ...Buffer.from(words)]);
const masked = Buffer.from([0x81, 0x82, 1, 2, 3, 4, 5, 6]);
const middling = Buffer.concat([Buffer.from([0x82, 126, 1, 0]), Buffer.alloc(256)]);
const large = Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]), Buffer.alloc(65_536)]);
const ping = Buffer.from([0x89, 0]);
const words = { text: "gone", code: 1008 };

test("a place between two messages is found however the bytes come, and never within a message or its pieces", () => {
  const whole = [
    text("a"),
    masked,
    middling,
    ping,
    large,
    Buffer.concat([text("b", 1), ping, text("c", 0), text("d", 0x80)]),
  ];
  const bytes = Buffer.concat(whole);
  const ends = whole.map((_, i) => Buffer.concat(whole.slice(0, i + 1)).length);
  for (const step of [1, 3, 7, 1_000, bytes.length]) {
    const frames = createFrameFollower();
    for (let at = 0; at < bytes.length; at += step) {
      const taken = frames.follow(bytes.subarray(at, at + step), false);
      assert.equal(taken, Math.min(step, bytes.length - at));
      assert.equal(frames.isBetween, ends.includes(at + taken), `${at + taken}`);
    }
    assert.equal(frames.isClosed, false);
  }
  const frames = createFrameFollower();
  frames.follow(bytes.subarray(0, 1), false);
  assert.equal(frames.follow(bytes.subarray(1), true), (ends[0] ?? 0) - 1);
  frames.follow(toLastFrames(words), false);
  assert.equal(frames.isClosed, true);
});

/** Two pairs that are joined: what the client hears, and the far end of the peer. */
function join(clock = createFakeClock()) {
  const [clientEnd, client] = duplexPair();
  const [peerEnd, peer] = duplexPair();
  const heard: Buffer[] = [];
  const isOver = new Promise((resolve) => clientEnd.once("end", resolve));
  clientEnd.on("data", (chunk) => heard.push(chunk));
  const said: Buffer[] = [];
  peerEnd.on("data", (chunk) => said.push(chunk)).on("error", () => undefined);
  const peerGone = new Promise((resolve) => peer.once("close", resolve));
  return {
    ...joinSockets(client, peer, clock),
    clientEnd,
    peerEnd,
    heard: () => Buffer.concat(heard),
    said,
    isOver,
    peerGone,
  };
}

/** Writes, and resolves when it has gone through. */
async function passOn(joined: ReturnType<typeof join>, bytes: Buffer): Promise<void> {
  const wanted = joined.heard().length + bytes.length;
  joined.peerEnd.write(bytes);
  while (joined.heard().length < wanted) await new Promise((resolve) => joined.clientEnd.once("data", resolve));
}

test("the last words wait for the end of the message that is on its way, and of all its pieces", async () => {
  const pieces = [text("on", 1), text("its", 0), text("way", 0x80)];
  const joined = join();
  await passOn(joined, Buffer.concat(pieces).subarray(0, 7));
  joined.end(words);
  joined.end({ text: "again", code: 1011 });
  joined.peerEnd.write(Buffer.concat([Buffer.concat(pieces).subarray(7), text("never heard")]));
  await joined.isOver;
  await joined.peerGone;
  assert.deepEqual(joined.heard(), Buffer.concat([...pieces, toLastFrames(words)]));
});

test("nothing is said after the peer's own close", async () => {
  const joined = join();
  const close = Buffer.from([0x88, 2, 3, 0xe8]);
  await passOn(joined, close);
  joined.end(words);
  joined.peerEnd.end();
  await joined.isOver;
  assert.deepEqual(joined.heard(), close);
  joined.clientEnd.end();
  await joined.ended;
});

test("words of any length that fits are one message and the close, and none are the close alone", () => {
  assert.equal(toLastFrames({ text: "", code: 1001 }).toString("hex"), "880203e9");
  for (const length of [1, 125, 126, 65_535]) {
    const frames = createFrameFollower();
    const bytes = toLastFrames({ text: "x".repeat(length), code: 1008 });
    frames.follow(bytes.subarray(0, 1), false);
    assert.equal(frames.follow(bytes.subarray(1), true), bytes.length - 5);
    assert.equal(frames.follow(bytes.subarray(-4), false), 4);
    assert.deepEqual([frames.isBetween, frames.isClosed], [true, true]);
  }
});

const goingAway = toLastFrames({ text: "", code: 1001 });

test("who goes away says so where the peer has had the last word, and to all others when the time is over", async () => {
  const clock = createFakeClock();
  const sockets = createDrainableSockets(clock);
  const [still, asking, answering] = [join(clock), join(clock), join(clock)];
  const all = [still, asking, answering];
  for (const one of all) {
    sockets.add(one);
    await passOn(one, text("hello"));
  }
  asking.clientEnd.write(masked);
  while (asking.said.length === 0) await new Promise((resolve) => asking.peerEnd.once("data", resolve));
  // What keeps a connection alive is no answer.
  await passOn(asking, ping);
  const late = new AbortController();
  sockets.drain(late.signal);
  clock.advance(quietMs - 1);
  await passOn(answering, text("more"));
  clock.advance(250);
  await still.isOver;
  assert.deepEqual(still.heard(), Buffer.concat([text("hello"), goingAway]));
  await passOn(asking, text("answered"));
  assert.deepEqual(asking.heard(), Buffer.concat([text("hello"), ping, text("answered")]));
  late.abort();
  await Promise.all([asking.isOver, answering.isOver]);
  for (const { heard } of all) assert.deepEqual(heard().subarray(-goingAway.length), goingAway);
  const tooLate = join(clock);
  sockets.add(tooLate);
  await tooLate.isOver;
  assert.deepEqual(tooLate.heard(), goingAway);
});
