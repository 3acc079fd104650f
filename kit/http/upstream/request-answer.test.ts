import assert from "node:assert/strict";
import { test } from "node:test";
import { requestAnswer } from "./request-answer.ts";
import { composeRequest, toRequestStart } from "./request-bytes.ts";
import { answerOf, createTestPool, startPeer, type TestPool, until } from "./testdata/test-peer.ts";
import { UpstreamError } from "./upstream-error.ts";

const limits = { timeout: 60_000 };
const chunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
const firstChunk = `${chunkedHead}5\r\nfirst\r\n`;

function ask(pool: TestPool, signal = new AbortController().signal) {
  const start = toRequestStart({ method: "POST", path: "/", authority: pool.authority, headers: {} });
  return requestAnswer(pool, composeRequest(start, Buffer.from("x")), signal);
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  let text = "";
  for await (const chunk of body) text += chunk.toString("latin1");
  return text;
}

/** The error that a call ends with. */
async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => assert.fail("it did not fail"),
    (err: unknown) => err,
  );
}

test(
  "an answer has its head at once and its body as it is read, and its connection is used again",
  limits,
  async (t) => {
    const peer = await startPeer(t, (socket) => void socket.write(answerOf("body", "X-A: b\r\n")));
    const pool = createTestPool(t, peer.port);
    for (let n = 0; n < 3; n++) {
      const { head, body } = await ask(pool);
      assert.deepEqual([head.status, head.find("x-a"), await textOf(body)], [200, "b", "body"]);
    }
    assert.equal(peer.sockets.length, 1);
  },
);

test("what came before a fault is read before it is thrown", limits, async (t) => {
  const peer = await startPeer(t, (socket) => void socket.write(firstChunk, () => socket.destroy()));
  const pool = createTestPool(t, peer.port);
  const { body } = await ask(pool);
  await until(() => pool.stats().busy === 0);
  let text = "";
  const err = await errorOf(
    (async () => {
      for await (const chunk of body) text += chunk.toString();
    })(),
  );
  assert.ok(err instanceof UpstreamError);
  assert.deepEqual([text, err.kind, err.mayHaveLeft], ["first", "connection_lost", true]);
});

test("an abort rejects with its reason as the cause, and says whether anything may have left", limits, async (t) => {
  const peer = await startPeer(t, () => {});
  const pool = createTestPool(t, peer.port, { maxConnections: 1 });
  const reason = new Error("left");
  const cases = [new AbortController(), new AbortController(), new AbortController()] as const;
  const [early, sent, waiting] = cases;
  early.abort(reason);
  const errors = [
    errorOf(ask(pool, early.signal)),
    errorOf(ask(pool, sent.signal)),
    errorOf(ask(pool, waiting.signal)),
  ];
  await until(() => peer.requests.length === 1);
  waiting.abort(reason);
  sent.abort(reason);
  const facts = (await Promise.all(errors)).map((err) => {
    assert.ok(err instanceof UpstreamError);
    assert.equal(err.cause, reason);
    return [err.kind, err.mayHaveLeft];
  });
  assert.deepEqual(facts, [
    ["aborted", false],
    ["aborted", true],
    ["aborted", false],
  ]);
  await until(() => peer.sockets.every((socket) => socket.destroyed));
  assert.equal(peer.requests.length, 1);
});

test("an abort within the body throws its reason, and a discarded one ends too", limits, async (t) => {
  const peer = await startPeer(t, (socket) => void socket.write(firstChunk));
  const pool = createTestPool(t, peer.port);
  const abort = new AbortController();
  const aborted = await ask(pool, abort.signal);
  const reading = errorOf(textOf(aborted.body));
  const reason = new Error("left");
  abort.abort(reason);
  assert.equal(await reading, reason);
  aborted.discard();

  const discarded = await ask(pool);
  const ended = errorOf(textOf(discarded.body));
  discarded.discard();
  const err = await ended;
  assert.ok(err instanceof UpstreamError && err.kind === "aborted");
  assert.deepEqual(pool.stats(), { connecting: 0, busy: 0, idle: 0, waiting: 0 });
});

test("who stops reading early leaves the connection to the next call if the rest is short", limits, async (t) => {
  const peer = await startPeer(t, (socket, _text, nth) => void socket.write(nth === 0 ? firstChunk : answerOf("2")));
  const pool = createTestPool(t, peer.port);
  for await (const chunk of (await ask(pool)).body) {
    assert.equal(chunk.toString(), "first");
    break;
  }
  peer.sockets[0]?.write("0\r\n\r\n");
  await until(() => pool.stats().idle === 1);
  assert.equal(await textOf((await ask(pool)).body), "2");
  assert.equal(peer.sockets.length, 1);
});

test("a body that nobody reads makes the peer wait, and is whole when it is read", limits, async (t) => {
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
  const { body } = await ask(pool);
  let last = -1;
  // Until a whole call to another peer brings nothing more.
  const other = createTestPool(t, (await startPeer(t, (socket) => void socket.write(answerOf("")))).port);
  while (sent !== last) {
    last = sent;
    for (let n = 0; n < 20; n++) await textOf((await ask(other)).body);
  }
  assert.ok(sent < total, "the peer was made to wait");
  let got = 0;
  for await (const chunk of body) got += chunk.length;
  assert.equal(got, total);
});
