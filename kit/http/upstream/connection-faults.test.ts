import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { answerOf, bodyOf, createTestPool, startPeer, type TestPool, until } from "./testdata/test-peer.ts";
import type { UpstreamError } from "./upstream-error.ts";

const limits = { timeout: 60_000 };
const chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const headOnly = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";

function factsOf(err: UpstreamError | undefined): readonly unknown[] {
  return [err?.kind, err?.mayHaveLeft, err?.timeoutMs];
}

async function untilEmpty(pool: TestPool): Promise<void> {
  await until(() => pool.stats().busy + pool.stats().idle + pool.stats().connecting === 0);
}

test("S6: an answer that nobody asked for closes its connection, and the next call gets its own", limits, async (t) => {
  const stray = answerOf("stray");
  const peer = await startPeer(t, (socket, text) => void socket.write(answerOf(bodyOf(text))));
  const pool = createTestPool(t, peer.port);
  await pool.post("first").ended;
  assert.equal(pool.stats().idle, 1);
  peer.sockets[0]?.write(stray);
  await untilEmpty(pool);
  const next = pool.post("second");
  assert.equal(await next.ended, undefined);
  assert.deepEqual([next.body, peer.sockets.length], ["second", 2]);

  // Before any request: the connection was opened for a call that was given up.
  const eager = await startPeer(t, () => {});
  const other = createTestPool(t, eager.port);
  other.abort(other.post("never").call);
  await until(() => other.stats().idle === 1 && eager.sockets.length === 1);
  eager.sockets[0]?.write(stray);
  await untilEmpty(other);
  assert.equal(eager.requests.length, 0);
});

test("S6: bytes behind an answer reach nobody and close its connection", limits, async (t) => {
  for (const end of [answerOf("own"), `${chunkedHead}3\r\nown\r\n0\r\n\r\n`, "HTTP/1.1 204 No Content\r\n\r\n"]) {
    for (const extra of [answerOf("stray"), "\r\n", "x"]) {
      const peer = await startPeer(
        t,
        (socket, _text, nth) => void socket.write(nth === 0 ? end + extra : answerOf("2")),
      );
      const pool = createTestPool(t, peer.port, { maxConnections: 1 });
      const first = pool.post("a");
      const second = pool.post("b");
      assert.equal(await first.ended, undefined);
      assert.equal(await second.ended, undefined);
      assert.deepEqual([first.body, second.body], [end.includes("own") ? "own" : "", "2"]);
      assert.equal(peer.sockets.length, 2, JSON.stringify(end + extra));
    }
  }
});

test("S6: a request that is answered before it is written whole is its connection's last", limits, async (t) => {
  const peer = await startPeer(t, (socket) => void socket.write(answerOf("late")));
  const pool = createTestPool(t, peer.port);
  const call = pool.post("x".repeat(16 * 1_048_576));
  await until(() => peer.sockets.length === 1);
  peer.sockets[0]?.pause();
  peer.sockets[0]?.write(answerOf("early"));
  assert.equal(await call.ended, undefined);
  assert.equal(call.body, "early");
  assert.deepEqual(pool.stats(), { connecting: 0, busy: 0, idle: 0, waiting: 0 });
});

test("a connection that breaks at any moment is an error that says what may have left", limits, async (t) => {
  const breaks: readonly (readonly [name: string, sent: string, how: "end" | "reset"])[] = [
    ["before the answer", "", "end"],
    ["before the answer", "", "reset"],
    ["within the head", "HTTP/1.1 200 OK\r\nConte", "end"],
    ["within the head", "HTTP/1.1 200 OK\r\nConte", "reset"],
    ["after an interim answer", "HTTP/1.1 100 Continue\r\n\r\n", "end"],
    ["behind the head", headOnly, "end"],
    ["within the body", `${headOnly}1234`, "end"],
    ["within the body", `${headOnly}1234`, "reset"],
    ["within a chunk", `${chunkedHead}5\r\n12`, "end"],
    ["between chunks", `${chunkedHead}5\r\n12345\r\n`, "end"],
    ["before the last line", `${chunkedHead}5\r\n12345\r\n0\r\n`, "end"],
    ["within a body that only closing ends", "HTTP/1.1 200 OK\r\n\r\n1234", "reset"],
  ];
  for (const [name, sent, how] of breaks) {
    const peer = await startPeer(t, (socket) => {
      socket.write(sent, () => (how === "end" ? socket.end() : socket.resetAndDestroy()));
    });
    const pool = createTestPool(t, peer.port);
    assert.deepEqual(factsOf(await pool.post("x").ended), ["connection_lost", true, undefined], `${how} ${name}`);
    assert.deepEqual(pool.stats(), { connecting: 0, busy: 0, idle: 0, waiting: 0 });
  }
});

test("a body without a length is whole when its connection closes", limits, async (t) => {
  const peer = await startPeer(t, (socket) => void socket.end("HTTP/1.1 200 OK\r\n\r\n1234"));
  const pool = createTestPool(t, peer.port);
  const call = pool.post("x");
  assert.equal(await call.ended, undefined);
  assert.equal(call.body, "1234");
  assert.equal(pool.stats().idle, 0);
});

test(
  "a request that found its connection reset goes to another; one that was written to it is never sent again",
  limits,
  async (t) => {
    const peer = await startPeer(t, (socket, text) => void socket.write(answerOf(bodyOf(text))));
    const pool = createTestPool(t, peer.port);
    await pool.post("a").ended;
    // Both sides are in this thread: the reset is in the system and our loop has not seen it.
    peer.sockets[0]?.resetAndDestroy();
    const unsent = pool.post("b");
    assert.equal(await unsent.ended, undefined);
    assert.deepEqual([peer.requests.map(bodyOf), peer.sockets.length], [["a", "b"], 2]);

    // A connection that is only closed takes the request: whether it was read nobody knows.
    peer.sockets[1]?.destroy();
    const unknown = pool.post("c");
    assert.deepEqual(factsOf(await unknown.ended), ["connection_lost", true, undefined]);
    assert.deepEqual(peer.requests.map(bodyOf), ["a", "b"]);
  },
);

test("a call can be given up at every moment; it hears nothing more, and its connection closes", limits, async (t) => {
  const parts = [chunkedHead, "5\r\n12345\r\n", "0\r\n\r\n"];
  const open: Socket[] = [];
  const peer = await startPeer(t, (socket) => void open.push(socket));
  for (let written = 0; written <= 2; written++) {
    const pool = createTestPool(t, peer.port);
    const call = pool.post("x");
    await until(() => open.length === written + 1);
    for (const part of parts.slice(0, written)) open[written]?.write(part);
    await until(() => call.body.length === (written === 2 ? 5 : 0) && (written === 0 || call.head !== undefined));
    assert.equal(pool.abort(call.call), true);
    assert.equal(pool.stats().busy, 0);
    open[written]?.write(parts.slice(written).join(""));
    await until(() => open[written]?.destroyed === true);
    assert.equal(call.body.length, written === 2 ? 5 : 0);
    // Again, when it is over: nothing happens.
    assert.equal(pool.abort(call.call), true);
  }
});

test("a call that is given up while it waits, or within what it hears, leaves the others alone", limits, async (t) => {
  const peer = await startPeer(t, (socket, text) => void socket.write(answerOf(bodyOf(text))));
  const pool = createTestPool(t, peer.port, { maxConnections: 1 });
  const first = pool.post("first");
  const given = pool.post("given up");
  const last = pool.post("last");
  assert.equal(pool.abort(given.call), false);
  assert.deepEqual([await first.ended, await last.ended], [undefined, undefined]);
  assert.deepEqual(peer.requests.map(bodyOf), ["first", "last"]);
  for (const when of ["onHead", "onData"] as const) {
    const call = pool.post(when, { [when]: () => pool.abort(call.call) });
    const after = pool.post("after");
    assert.equal(await after.ended, undefined);
    assert.equal(call.body, when === "onData" ? when : "");
  }
});

test("silence before the head, or within the body, ends a call at its limit", limits, async (t) => {
  const peer = await startPeer(t, (socket, text) => {
    if (bodyOf(text) === "body") socket.write(`${headOnly}1234`);
  });
  const pool = createTestPool(t, peer.port);
  const silent = pool.post("head");
  await until(() => peer.requests.length === 1);
  pool.clock.advance(4_990);
  assert.equal(pool.stats().busy, 1);
  pool.clock.advance(40);
  assert.deepEqual(factsOf(await silent.ended), ["head_timeout", true, 5_000]);
  const stalled = pool.post("body");
  await until(() => stalled.body === "1234");
  pool.clock.advance(1_990);
  assert.equal(pool.stats().busy, 1);
  pool.clock.advance(40);
  assert.deepEqual(factsOf(await stalled.ended), ["idle_timeout", true, 2_000]);
});

test("S13: a head that drips does not put off its limit, nor does what frames a body", limits, async (t) => {
  const start = `${chunkedHead}1\r\na\r\n5;`;
  for (const [first, kind, body] of [
    ["H", "head_timeout", ""],
    [start, "idle_timeout", "a"],
  ] as const) {
    const peer = await startPeer(t, (socket, text) => void socket.write(bodyOf(text) === "x" ? first : answerOf("")));
    const pool = createTestPool(t, peer.port);
    const call = pool.post("x");
    await until(() => peer.requests.length === 1 && call.body === body);
    for (const drop of first === "H" ? "TTP/1.1" : "abcdef") {
      peer.sockets[0]?.write(drop);
      // By the time another call has come and gone, the drop has been read.
      assert.equal(await pool.post("y").ended, undefined);
      pool.clock.advance(900);
    }
    assert.deepEqual([(await call.ended)?.kind, call.body], [kind, body]);
  }
});

test("data puts off the limit of a pause", limits, async (t) => {
  const peer = await startPeer(t, (socket) => void socket.write(headOnly));
  const pool = createTestPool(t, peer.port);
  const call = pool.post("x");
  await call.begun;
  for (let n = 1; n <= 9; n++) {
    peer.sockets[0]?.write(String(n));
    await until(() => call.body.length === n);
    pool.clock.advance(1_500);
  }
  assert.equal(await call.ended, undefined);
  assert.equal(call.body, "123456789");
});

test("S13: bombs are cut at their caps, and little of them is kept", limits, async (t) => {
  const bombs: readonly (readonly [string, string])[] = [
    ["HTTP/1.1 200 OK\r\nX: ", "a".repeat(65_536)],
    ["HTTP/1.1 200 OK\r\n", "A: b\r\n".repeat(10_000)],
    [`${chunkedHead}5;`, "a".repeat(65_536)],
    [`${chunkedHead}0\r\n`, "A: b\r\n".repeat(10_000)],
    ["", "HTTP/1.1 100 Continue\r\n\r\n".repeat(2_000)],
  ];
  for (const [start, more] of bombs) {
    let sent = 0;
    const peer = await startPeer(t, (socket) => {
      const fill = () => {
        while (!socket.destroyed && socket.write(more)) sent += more.length;
        sent += more.length;
        socket.once("drain", fill);
      };
      socket.write(start);
      fill();
    });
    const pool = createTestPool(t, peer.port);
    assert.deepEqual(factsOf(await pool.post("x").ended), ["malformed_answer", true, undefined]);
    await until(() => peer.sockets.every((socket) => socket.destroyed));
    assert.ok(sent < 16 * 1_048_576, `the peer got rid of ${sent} bytes`);
  }
});
