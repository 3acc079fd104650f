import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import { test } from "node:test";
import { waitUntil } from "../../testing/wait-until.ts";
import { hotTargets } from "./lane-test-server.ts";
import { bytesOf, hot, keepCalls, open } from "./open-lane.ts";
import { type LaneReply, toHeaderText } from "./reply.ts";

test("a hot request is read alike wherever it is split, and stays in the lane", async (t) => {
  const { lane, connect, untilRead } = await open(t);
  const text = hot('{"model":"m"}', "authorization: Bearer a\r\nX-Api-Key:  k  \r\nUser-Agent: t\r\n");
  const client = connect();
  let sent = 0;
  for (let at = 1; at <= text.length; at++) {
    await client.send(text.slice(0, at));
    await untilRead(sent + at);
    await client.send(text.slice(at));
    sent += text.length;
    const answer = await client.answer();
    assert.deepEqual(
      JSON.parse(answer?.body ?? ""),
      { target: hotTargets[0], body: '{"model":"m"}', headers: ["Bearer a", "k", null, null] },
      `split at ${at}`,
    );
  }
  assert.deepEqual(lane.stats(), { connections: 1, requests: text.length, handedOver: {} });
});

test("a body in single bytes is put together; a head in single bytes goes the ordinary way, where it is answered", async (t) => {
  const { lane, connect, untilRead } = await open(t);
  const body = connect();
  const text = hot("x".repeat(300));
  for (let at = text.length - 301; at <= text.length; at++) {
    await body.send(at === text.length - 301 ? text.slice(0, at) : text.slice(at - 1, at));
    await untilRead(at);
  }
  assert.match((await body.answer())?.body ?? "", /"body":"x{300}"/);
  assert.equal(lane.stats().requests, 1);
  const head = connect();
  for (let at = 0; at < text.length; at++) {
    await head.send(text.slice(at, at + 1));
    await untilRead(at + 1, 1);
  }
  assert.match((await head.answer())?.body ?? "", /"body":"x{300}"/);
  assert.deepEqual(lane.stats().handedOver, { pieces: 1 });
});

test("requests sent at once are served one at a time, in order, and none that follow are read meanwhile", async (t) => {
  const { calls, onRequest, called } = keepCalls();
  const { sockets, connect } = await open(t, { onRequest });
  const client = connect();
  const count = 20;
  const filler = "x".repeat(20_000);
  void client.send(Array.from({ length: count }, (_, i) => hot(`${i} ${filler}`)).join(""));
  for (let i = 0; i < count; i++) {
    await called(i + 1);
    await new Promise(setImmediate);
    assert.equal(calls.length, i + 1);
    assert.ok((sockets[0]?.readableLength ?? 0) <= 131_072, "what waits is bounded");
    calls[i]?.reply.whole(200, "", bytesOf(calls[i]?.request.body.toString().slice(0, 2) ?? ""));
    assert.equal((await client.answer())?.body.trim(), String(i));
  }
});

test("hundreds of requests in one packet, each answered at once, do not grow the stack", async (t) => {
  const { connect } = await open(t, { onRequest: (_request, reply) => reply.whole(204, "", bytesOf("no content")) });
  const client = connect();
  void client.send(hot("").repeat(700));
  for (let i = 0; i < 700; i++) assert.equal((await client.answer())?.status, 204);
});

test("a request that is not hot, behind one that is, is served the ordinary way once that has its answer", async (t) => {
  const { calls, onRequest, called } = keepCalls();
  const { lane, connect } = await open(t, { onRequest });
  const client = connect();
  await client.send(`${hot("a")}GET /else HTTP/1.1\r\nHost: lyss\r\n\r\n${hot("b")}`);
  await called(1);
  assert.deepEqual(lane.stats().handedOver, {});
  calls[0]?.reply.whole(200, "", bytesOf("from the lane"));
  assert.equal((await client.answer())?.body, "from the lane");
  assert.equal((await client.answer())?.status, 404);
  assert.match((await client.answer())?.body ?? "", /"body":"b"/);
  assert.deepEqual(lane.stats(), { connections: 0, requests: 1, handedOver: { target: 1 } });
});

test("S5: what follows a hot request's body is a request of its own, and ends the connection if it is none", async (t) => {
  const { connect } = await open(t);
  const client = connect();
  await client.send(hot("a").replace("Length: 1", "Length: 0"));
  assert.match((await client.answer())?.body ?? "", /"body":""/);
  assert.deepEqual(
    (await client.allAnswers()).map(({ status, headers }) => [status, headers["connection"]]),
    [[400, "close"]],
  );
});

test("whoever serves a request may leave it to the ordinary server, body in one piece or in several", async (t) => {
  const { calls, onRequest, called } = keepCalls();
  const { lane, connect, untilRead } = await open(t, { onRequest });
  const text = hot("whole body");
  for (const [index, cut] of [text.length, text.length - 10, text.length - 5, text.length - 20].entries()) {
    const client = connect();
    await client.send(text.slice(0, cut));
    await untilRead(cut, index);
    await client.send(`${text.slice(cut)}${hot("next")}`);
    await called(index + 1);
    calls[index]?.reply.handOver();
    assert.match((await client.answer())?.body ?? "", /"body":"whole body"/);
    assert.match((await client.answer())?.body ?? "", /"body":"next"/);
    assert.equal(calls[index]?.reply.isOpen, false);
  }
  assert.deepEqual(lane.stats().handedOver, { asked: 4 });
});

test("a streamed answer is framed in chunks, an empty one is not its end, and the connection goes on", async (t) => {
  const { connect } = await open(t, {
    onRequest(_request, reply) {
      const shared = bytesOf("data: 1\n\n");
      reply.start(200, "Content-Type: text/event-stream\r\n");
      assert.equal(reply.write(shared), true);
      shared.fill("x");
      assert.equal(reply.write(bytesOf("")), true);
      reply.writeChunks(bytesOf("3\r\nabc\r\n2\r\nde\r\n"));
      reply.end(bytesOf("end"));
      reply.end();
      assert.equal(reply.write(bytesOf("late")), false);
    },
  });
  const client = connect();
  for (let i = 0; i < 2; i++) {
    await client.send(hot(""));
    const answer = await client.answer();
    assert.equal(answer?.body, "data: 1\n\nabcdeend");
    assert.equal(answer?.headers["content-type"], "text/event-stream");
    assert.match(answer?.headers["date"] ?? "", /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
    assert.equal(answer?.headers["keep-alive"], "timeout=75");
  }
  assert.equal(client.unread(), "");
});

test("the head of a streamed answer does not wait for its body", async (t) => {
  const { calls, onRequest, called } = keepCalls();
  const { connect } = await open(t, { onRequest });
  const client = connect();
  await client.send(hot(""));
  await called(1);
  calls[0]?.reply.start(200, "");
  await once(client.socket, "data");
  assert.match(client.unread(), /^HTTP\/1\.1 200 OK\r\n(?:.+\r\n)+\r\n$/);
  calls[0]?.reply.end();
  assert.equal((await client.answer())?.body, "");
});

test("calls out of order are bugs and throw; a header that would end its line does too", async (t) => {
  const { calls, onRequest, called } = keepCalls();
  const { connect } = await open(t, { onRequest });
  const client = connect();
  await client.send(hot(""));
  await called(1);
  const reply = calls[0]?.reply as LaneReply;
  assert.throws(() => reply.write(bytesOf("a")), TypeError);
  assert.throws(() => reply.end(), TypeError);
  reply.start(200, "");
  assert.throws(() => reply.whole(200, "", bytesOf("")), TypeError);
  assert.throws(() => reply.handOver(), TypeError);
  reply.end();
  assert.equal((await client.answer())?.status, 200);
  for (const [name, value] of [
    ["a", "b\r\nc: d"],
    ["a", "\n"],
    ["a\r\n", "b"],
    ["a:", "b"],
    ["a", "é"],
    ["", "b"],
  ]) {
    assert.throws(() => toHeaderText({ [name as string]: value as string }), TypeError, JSON.stringify([name, value]));
  }
  assert.equal(toHeaderText({ "x-a": "b c", "retry-after": 1 }), "x-a: b c\r\nretry-after: 1\r\n");
});

test("a client that leaves is told of once, and what is written for it goes nowhere", async (t) => {
  const { calls, onRequest, called } = keepCalls();
  const { lane, connect } = await open(t, { onRequest });
  for (const [index, leave] of [
    (socket: Socket) => socket.destroy(),
    (socket: Socket) => socket.resetAndDestroy(),
    (socket: Socket) => socket.end(),
  ].entries()) {
    const client = connect();
    await client.send(hot(""));
    await called(index + 1);
    const reply = calls[index]?.reply as LaneReply;
    reply.start(200, "");
    reply.write(bytesOf("begun"));
    let closes = 0;
    const left = new Promise<void>((resolve) => {
      reply.onClose = () => {
        closes++;
        resolve();
      };
    });
    await once(client.socket, "data");
    leave(client.socket);
    await left;
    assert.equal(reply.isOpen, false);
    assert.equal(reply.write(bytesOf("more")), false);
    reply.end();
    reply.destroy();
    client.socket.destroy();
    await waitUntil(async () => lane.stats().connections === 0);
    assert.equal(closes, 1);
  }
});

test("a reader that is slower than the answer is waited for, and memory does not grow", async (t) => {
  const { calls, onRequest, called } = keepCalls();
  const { sockets, connect } = await open(t, { onRequest });
  const client = connect();
  client.socket.pause();
  await client.send(hot(""));
  await called(1);
  const reply = calls[0]?.reply as LaneReply;
  reply.start(200, "");
  const piece = Buffer.alloc(10_000, "x");
  let written = 0;
  while (reply.write(piece)) written++;
  assert.ok((sockets[0]?.writableLength ?? 0) < 100_000);
  const drained = new Promise<void>((resolve) => {
    reply.onDrain = resolve;
  });
  client.socket.resume();
  await drained;
  reply.end();
  assert.equal((await client.answer())?.body.length, (written + 1) * piece.length);
});

test("the next request waits until the client has taken the answer before", async (t) => {
  const large = Buffer.alloc(20_000_000, "x");
  const { calls, onRequest, called } = keepCalls();
  const { connect } = await open(t, { onRequest });
  const client = connect();
  client.socket.pause();
  await client.send(hot("1") + hot("2"));
  await called(1);
  calls[0]?.reply.whole(200, "", large);
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  assert.equal(calls.length, 1);
  client.socket.resume();
  await called(2);
  calls[1]?.reply.whole(200, "", bytesOf("second"));
  assert.equal((await client.answer())?.body.length, large.length);
  assert.equal((await client.answer())?.body, "second");
});
