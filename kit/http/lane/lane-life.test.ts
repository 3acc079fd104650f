import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createFakeClock } from "../../testing/fake-clock.ts";
import { waitUntil } from "../../testing/wait-until.ts";
import { createLane } from "./lane.ts";
import { createLaneServer, createOrdinaryServer, hotTargets, loopback, openRawClient } from "./lane-test-server.ts";
import { bytesOf, hot, keepCalls, open } from "./open-lane.ts";
import type { LaneReply } from "./reply.ts";

test("a head or a body that does not come goes the ordinary way, which answers 408", async (t) => {
  const clock = createFakeClock();
  const limits = { headersTimeoutMs: 100, requestTimeoutMs: 100 };
  const { lane, connect, untilRead } = await open(t, { clock, patienceMs: 5_000 }, limits);
  const text = hot("slow body");
  for (const [index, sent] of [text.slice(0, 40), text.slice(0, -3)].entries()) {
    const client = connect();
    await once(client.socket, "connect");
    await client.send(sent);
    await untilRead(sent.length, index);
    await waitUntil(async () => lane.stats().connections === 1);
    clock.advance(5_000);
    assert.equal(lane.stats().handedOver["slow"] ?? 0, index, "not early");
    clock.advance(2_000);
    assert.equal(lane.stats().handedOver["slow"], index + 1);
    assert.deepEqual(
      (await client.allAnswers()).map(({ status }) => status),
      [408],
    );
  }
});

test("an idle connection ends when its time is over, one in use does not", async (t) => {
  const clock = createFakeClock();
  const { calls, onRequest, called } = keepCalls();
  const { lane, connect } = await open(t, { clock, onRequest, keepAliveTimeoutMs: 10_000 });
  const client = connect();
  await client.send(hot(""));
  await called(1);
  clock.advance(100_000);
  calls[0]?.reply.whole(200, "", bytesOf("late"));
  assert.equal((await client.answer())?.body, "late");
  clock.advance(9_000);
  assert.equal(lane.stats().connections, 1);
  clock.advance(3_000);
  assert.deepEqual(await client.allAnswers(), []);
  assert.deepEqual(lane.stats().handedOver, {});
});

test("a connection that was opened for later is served in the lane when it is used, and ends as an idle one when it is not", async (t) => {
  const clock = createFakeClock();
  const { calls, onRequest, called } = keepCalls();
  const { lane, connect } = await open(t, { clock, onRequest, patienceMs: 5_000, keepAliveTimeoutMs: 75_000 });
  const [used, unused] = [connect(), connect()];
  await Promise.all([once(used.socket, "connect"), once(unused.socket, "connect")]);
  await waitUntil(async () => lane.stats().connections === 2);
  clock.advance(60_000);
  await used.send(hot("at last"));
  await called(1);
  calls[0]?.reply.whole(200, "", bytesOf("served"));
  assert.equal((await used.answer())?.body, "served");
  clock.advance(17_000);
  assert.deepEqual(await unused.allAnswers(), []);
  assert.equal(lane.stats().connections, 1);
  assert.deepEqual(lane.stats().handedOver, {});
});

test("incomplete requests take no more memory than is allowed: beyond it they go the ordinary way", async (t) => {
  const { lane, connect, untilRead } = await open(t, { maxHeldBytes: 40_000 });
  const text = hot("x".repeat(100_000));
  const first = connect();
  await first.send(text.slice(0, 10_000));
  await untilRead(10_000, 0);
  const second = connect();
  await second.send(text.slice(0, 30_000));
  await untilRead(30_000, 1);
  await waitUntil(async () => lane.stats().handedOver["room"] === 1);
  for (const [client, sent] of [
    [first, 10_000],
    [second, 30_000],
  ] as const) {
    await client.send(text.slice(sent));
    assert.match((await client.answer())?.body ?? "", /"body":"x{100000}"/);
  }
  const third = connect();
  await third.send(text.slice(0, 10_000));
  await untilRead(10_000, 2);
  assert.equal(lane.stats().connections, 1, "what was held has been given back");
});

test("a client that stops within a request is told so, as node:http does", async (t) => {
  const { connect } = await open(t);
  for (const sent of [hot("body").slice(0, 30), hot("body").slice(0, -1)]) {
    const client = connect();
    await client.send(sent);
    client.socket.end();
    assert.deepEqual(
      (await client.allAnswers()).map(({ status, headers }) => [status, headers["connection"]]),
      [[400, "close"]],
    );
  }
});

test("close ends idle connections, waits for requests under way in both ways, and takes no more", async () => {
  const { calls, onRequest, called } = keepCalls();
  const server = createOrdinaryServer();
  const lane = createLane({
    ...{ server, onRequest, targets: hotTargets, wantedHeaders: [], heldBackHeaders: [] },
    clock: createFakeClock(),
  });
  const port = await lane.listen(loopback);
  const [idle, busy, ordinary] = [openRawClient(port), openRawClient(port), openRawClient(port)];
  await busy.send(hot("") + hot("never served"));
  await ordinary.send("GET / HTTP/1.1\r\nHost: lyss\r\n\r\n");
  assert.equal((await ordinary.answer())?.status, 404);
  await called(1);
  await waitUntil(async () => lane.stats().connections === 2);
  const closed = lane.close(new AbortController().signal);
  assert.deepEqual(await idle.allAnswers(), []);
  assert.deepEqual(await ordinary.allAnswers(), []);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  calls[0]?.reply.whole(200, "", bytesOf("last"));
  const answers = await busy.allAnswers();
  assert.deepEqual(
    answers.map(({ body, headers }) => [body, headers["connection"]]),
    [["last", "close"]],
  );
  await closed;
  assert.equal(lane.stats().connections, 0);
});

test("close cuts what outlives its signal, and whoever serves it hears of it", async (t) => {
  const { calls, onRequest, called } = keepCalls();
  const { lane, connect } = await open(t, { onRequest });
  const client = connect();
  await client.send(hot(""));
  await called(1);
  const left = new Promise<void>((resolve) => {
    (calls[0]?.reply as LaneReply).onClose = resolve;
  });
  const abort = new AbortController();
  const closed = lane.close(abort.signal);
  abort.abort();
  await Promise.all([closed, left]);
  assert.deepEqual(await client.allAnswers(), []);
});

test("one limit on connections holds for those in the lane and those that left it", async (t) => {
  const { connect, sockets } = await open(t, {}, { maxConnections: 2 });
  const [first, second] = [connect(), connect()];
  await first.send("GET / HTTP/1.1\r\nHost: lyss\r\n\r\n");
  await second.send(hot(""));
  assert.deepEqual([(await first.answer())?.status, (await second.answer())?.status], [404, 200]);
  const third = connect();
  assert.deepEqual(await third.allAnswers(), []);
  assert.equal(sockets.length, 2);
});

test("a table that no head could equal, or that contradicts itself, is refused", () => {
  const table = { targets: hotTargets, wantedHeaders: [], heldBackHeaders: [] };
  for (const wrong of [
    { targets: ["HEAD /v1/models"] },
    { targets: ["POST /v1/a?b"] },
    { targets: ["POST v1"] },
    { wantedHeaders: ["Authorization"] },
    { wantedHeaders: ["content-length"] },
    { wantedHeaders: ["a", "a"] },
    { wantedHeaders: ["upgrade"] },
    { heldBackHeaders: ["a b"] },
    { wantedHeaders: ["a"], heldBackHeaders: ["a"] },
    { heldBackHeaders: Array.from({ length: 40 }, (_, i) => `x-${i}`) },
  ]) {
    assert.throws(() => createLaneServer({ ...table, ...wrong }), TypeError, JSON.stringify(wrong));
  }
});
