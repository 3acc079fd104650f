import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { createAddressGuard } from "../address-guard.ts";
import { answerOf, bodyOf, createTestPool, startPeer, until } from "./testdata/test-peer.ts";

const limits = { timeout: 60_000 };
const echo = (socket: Socket, text: string) => void socket.write(answerOf(`re ${bodyOf(text)}`));
const headOnly = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";

test("calls that follow each other share a connection, and calls at once do not", limits, async (t) => {
  const peer = await startPeer(t, echo);
  const pool = createTestPool(t, peer.port);
  for (const body of ["a", "b"]) {
    const call = pool.post(body);
    assert.equal(await call.ended, undefined);
    assert.equal(call.body, `re ${body}`);
  }
  assert.equal(peer.sockets.length, 1);
  assert.deepEqual(pool.stats(), { connecting: 0, busy: 0, idle: 1, waiting: 0 });
  const calls = ["c", "d", "e"].map((body) => pool.post(body));
  assert.deepEqual(await Promise.all(calls.map((call) => call.ended)), [undefined, undefined, undefined]);
  assert.deepEqual(
    calls.map((call) => call.body),
    ["re c", "re d", "re e"],
  );
  assert.equal(peer.sockets.length, 3);
});

test("never more connections than allowed; who waits is served in the order of coming", limits, async (t) => {
  const open: Socket[] = [];
  const peer = await startPeer(t, (socket) => void open.push(socket));
  const pool = createTestPool(t, peer.port, { maxConnections: 2 });
  const ended: string[] = [];
  const bodies = ["0", "1", "2", "3", "4", "5"];
  for (const body of bodies) void pool.post(body).ended.then(() => ended.push(body));
  for (let served = 1; served <= bodies.length; served++) {
    await until(() => open.length > 0);
    open.shift()?.write(answerOf(""));
    await until(() => ended.length === served);
  }
  assert.deepEqual(peer.requests.map(bodyOf).toSorted(), bodies);
  assert.deepEqual(peer.requests.slice(2).map(bodyOf), bodies.slice(2));
  assert.equal(peer.sockets.length, 2);
});

test("a full queue refuses, and waiting ends in time; neither has left", limits, async (t) => {
  const peer = await startPeer(t, () => {});
  const pool = createTestPool(t, peer.port, { maxConnections: 1, maxQueue: 2, headTimeoutMs: 60_000 });
  pool.post("busy");
  await until(() => peer.requests.length === 1);
  const first = pool.post("first");
  pool.clock.advance(6_000);
  const second = pool.post("second");
  const third = await pool.post("third").ended;
  assert.deepEqual([third?.kind, third?.mayHaveLeft], ["queue_full", false]);
  pool.clock.advance(5_000);
  const err = await first.ended;
  assert.deepEqual([err?.kind, err?.mayHaveLeft, err?.timeoutMs], ["queue_timeout", false, 10_000]);
  assert.equal(pool.stats().waiting, 1);
  pool.clock.advance(6_000);
  assert.equal((await second.ended)?.kind, "queue_timeout");
  assert.equal(peer.requests.length, 1);
});

test(
  "the connection that was used last is used next, and the others close when they are idle for too long",
  limits,
  async (t) => {
    const peer = await startPeer(t, echo);
    const pool = createTestPool(t, peer.port);
    await Promise.all([pool.post("a").ended, pool.post("b").ended, pool.post("c").ended]);
    for (let n = 0; n < 4; n++) {
      pool.clock.advance(10_000);
      assert.equal(await pool.post("again").ended, undefined);
    }
    assert.deepEqual(pool.stats(), { connecting: 0, busy: 0, idle: 1, waiting: 0 });
    await until(() => peer.sockets.filter((socket) => socket.destroyed).length === 2);
    pool.clock.advance(31_000);
    assert.equal(pool.stats().idle, 0);
    assert.equal(pool.clock.countTimers(), 0);
  },
);

test("a connection is given up before the peer would close it", limits, async (t) => {
  const peer = await startPeer(t, (socket, text) => {
    socket.write(answerOf("", `Keep-Alive: timeout=${bodyOf(text)}\r\n`));
  });
  const pool = createTestPool(t, peer.port);
  await pool.post("5").ended;
  pool.clock.advance(3_900);
  assert.equal(pool.stats().idle, 1);
  pool.clock.advance(200);
  assert.equal(pool.stats().idle, 0);
  // No time is left between its margin and its limit.
  await pool.post("1").ended;
  assert.equal(pool.stats().idle, 0);
});

test("an old connection takes no further call", limits, async (t) => {
  const peer = await startPeer(t, echo);
  const pool = createTestPool(t, peer.port, { maxAgeMs: 25_000 });
  for (let n = 0; n < 4; n++) {
    await pool.post("a").ended;
    pool.clock.advance(10_000);
  }
  assert.equal(peer.sockets.length, 2);
});

test("an answer that says so is the connection's last, and so is one of HTTP/1.0", limits, async (t) => {
  const answers = [
    answerOf("a", "Connection: close\r\n"),
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\nb",
    answerOf("c"),
  ];
  const peer = await startPeer(t, (socket, _text, nth) => void socket.write(answers[nth] ?? ""));
  const pool = createTestPool(t, peer.port);
  for (const body of ["a", "b", "c"]) {
    const call = pool.post("x");
    await call.ended;
    assert.equal(call.body, body);
  }
  assert.equal(peer.sockets.length, 3);
});

test("a guard refuses an origin before anything is opened, and an address at the connect", limits, async (t) => {
  const peer = await startPeer(t, echo);
  const guard = createAddressGuard();
  const refused = await createTestPool(t, peer.port, { guard }).post("x").ended;
  assert.deepEqual([refused?.kind, refused?.mayHaveLeft], ["address_refused", false]);
  const { lookup } = createAddressGuard(((_name: string, _options: unknown, done: (...found: unknown[]) => void) =>
    done(null, [{ address: "127.0.0.1", family: 4 }])) as never);
  const origin = `http://rebound.example:${peer.port}`;
  const err = await createTestPool(t, peer.port, { origin, guard: { refuse: () => undefined, lookup } }).post("x")
    .ended;
  assert.deepEqual([err?.kind, err?.mayHaveLeft], ["connect_failed", false]);
  assert.match(String(err?.cause), /not public/);
  assert.equal(peer.sockets.length, 0);
});

test("a pool that closes ends what runs and what waits, and takes nothing any more", limits, async (t) => {
  const peer = await startPeer(t, (socket) => void socket.write(headOnly));
  const pool = createTestPool(t, peer.port, { maxConnections: 1 });
  const running = pool.post("running");
  const waiting = pool.post("waiting");
  await running.begun;
  pool.close();
  const facts = await Promise.all([running, waiting, pool.post("late")].map((call) => call.ended));
  assert.deepEqual(
    facts.map((err) => [err?.kind, err?.mayHaveLeft]),
    [
      ["pool_closed", true],
      ["pool_closed", false],
      ["pool_closed", false],
    ],
  );
  await until(() => peer.sockets.every((socket) => socket.destroyed));
  assert.deepEqual(pool.stats(), { connecting: 0, busy: 0, idle: 0, waiting: 0 });
});

test("a dead peer fails each call once, and a pool of one connection goes on to the next", limits, async (t) => {
  const peer = await startPeer(t, echo);
  const pool = createTestPool(t, 1, { maxConnections: 1 });
  const errors = await Promise.all(["a", "b", "c"].map((body) => pool.post(body).ended));
  for (const err of errors) assert.deepEqual([err?.kind, err?.mayHaveLeft], ["connect_failed", false]);
  assert.deepEqual(pool.stats(), { connecting: 0, busy: 0, idle: 0, waiting: 0 });
  assert.equal(peer.sockets.length, 0);
});

test("a reader that pauses makes the peer wait, and gets everything when it goes on", limits, async (t) => {
  const total = 32 * 1_048_576;
  let sent = 0;
  const piece = Buffer.alloc(65_536, "x");
  const peer = await startPeer(t, (socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
    const fill = () => {
      while (sent < total) {
        sent += piece.length;
        if (!socket.write(piece)) return void socket.once("drain", fill);
      }
    };
    fill();
  });
  const pool = createTestPool(t, peer.port);
  let got = 0;
  let paused = 0;
  const { call, ended } = pool.post("x", {
    onData(bytes) {
      got += bytes.length;
      if (got < 1_048_576 || paused > 0) return;
      paused = got;
      pool.pause(call);
    },
  });
  await until(() => paused > 0);
  // The peer has filled the buffers of the system, and hears of no room: a turn of another connection shows that time went by.
  const other = await startPeer(t, echo);
  const elsewhere = createTestPool(t, other.port);
  for (let n = 0; n < 50; n++) await elsewhere.post("y").ended;
  assert.ok(got <= paused + 65_536, `${got - paused} bytes came after the pause`);
  assert.ok(sent < total, "the peer was made to wait");
  // A pause of ours is not the peer's.
  pool.clock.advance(60_000);
  pool.resume(call);
  assert.equal(await ended, undefined);
  assert.equal(got, total);
});

test("a call that has heard enough leaves its connection to the next if the rest is short", limits, async (t) => {
  const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n";
  const peer = await startPeer(
    t,
    (socket, text) => void socket.write(bodyOf(text) === "next" ? answerOf("") : chunked),
  );
  const pool = createTestPool(t, peer.port);
  const short = pool.post("short");
  await until(() => short.body === "first");
  pool.finish(short.call);
  peer.sockets[0]?.write("4\r\nrest\r\n0\r\n\r\n");
  await until(() => pool.stats().idle === 1);
  assert.equal(short.body, "first");
  assert.equal(await pool.post("next").ended, undefined);
  assert.equal(peer.sockets.length, 1);

  const long = pool.post("long");
  await until(() => long.body === "first");
  pool.finish(long.call);
  peer.sockets[0]?.write(`5000\r\n${"x".repeat(0x5000)}\r\n`);
  await until(() => pool.stats().busy === 0);

  const slow = pool.post("slow");
  await until(() => slow.body === "first");
  pool.finish(slow.call);
  pool.clock.advance(1_100);
  assert.deepEqual(pool.stats(), { connecting: 0, busy: 0, idle: 0, waiting: 0 });
  const [, second] = peer.sockets;
  if (second && !second.destroyed) await once(second, "close");
});
