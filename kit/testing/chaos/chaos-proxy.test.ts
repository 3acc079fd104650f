import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { test } from "node:test";
import { systemClock } from "../../service/clock.ts";
import { createFakeClock } from "../fake-clock.ts";
import { closeInReverse, type TestScope } from "../test-cluster.ts";
import { createChaosProxy } from "./chaos-proxy.ts";

const limits = { timeout: 20_000 };

/** An echo server, a proxy before it, and a way to connect through. */
async function openEcho(t: TestScope, clock = systemClock, seed = 1) {
  const scope = closeInReverse(t);
  const served: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    served.push(socket);
    socket.on("error", () => {}).pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(async () => {
    for (const socket of served) socket.destroy();
    server.close();
  });
  const proxy = await createChaosProxy({ target: { port: (server.address() as AddressInfo).port }, seed, clock });
  scope.after(proxy.close);
  const dial = async () => {
    const socket = connect(proxy.port, proxy.host).on("error", () => {});
    scope.after(async () => void socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  return { proxy, dial, served };
}

/** Reads until so many bytes are there, or the connection has ended. */
async function read(socket: Socket, count: number): Promise<string> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (text.length >= count) break;
  }
  return text;
}

function untilClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    socket.once("close", () => resolve());
  });
}

/** What a connection ends with: `ECONNRESET`, or `end`. */
function endOf(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once("error", (err: NodeJS.ErrnoException) => resolve(err.code ?? ""));
    socket.once("end", () => resolve("end"));
    socket.resume();
  });
}

test("without faults bytes and ends pass through both ways, and are counted", limits, async (t) => {
  const { proxy, dial } = await openEcho(t);
  const socket = await dial();
  socket.end("hello");
  assert.equal(await read(socket, 100), "hello");
  assert.deepEqual(proxy.passedBytes(), { toTarget: 5, toClient: 5 });
});

test("latency and bandwidth hold bytes back by the clock, in order", limits, async (t) => {
  const clock = createFakeClock();
  const { proxy, dial } = await openEcho(t, clock);
  proxy.set({ latencyMs: 50, bytesPerSecond: 10 });
  const socket = await dial();
  const heard: string[] = [];
  socket.on("data", (chunk) => heard.push(String(chunk)));
  socket.write("abc");
  // Three bytes at ten a second after 50 ms, and the same on the way back.
  while (clock.countTimers() === 0) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(349);
  assert.deepEqual(proxy.passedBytes(), { toTarget: 0, toClient: 0 });
  clock.advance(1);
  assert.deepEqual(proxy.passedBytes(), { toTarget: 3, toClient: 0 });
  while (clock.countTimers() === 0) await new Promise((resolve) => setImmediate(resolve));
  clock.advance(350);
  while (heard.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(heard.join(""), "abc");
});

test("a reset tears down what is open, and a refused connection is torn down at once", limits, async (t) => {
  const { proxy, dial, served } = await openEcho(t);
  const socket = await dial();
  socket.write("x");
  await read(socket, 1);
  const ended = endOf(socket);
  proxy.reset();
  assert.equal(await ended, "ECONNRESET");
  await Promise.all(served.map(untilClosed));
  proxy.set({ onConnect: "reset" });
  assert.equal(await endOf(connect(proxy.port, proxy.host)), "ECONNRESET");
  proxy.heal();
  const again = await dial();
  again.write("y");
  assert.equal(await read(again, 1), "y");
});

test("a black hole accepts, and is silent; a half-open connection is gone for the server alone", limits, async (t) => {
  const { proxy, dial, served } = await openEcho(t);
  const open = await dial();
  open.write("x");
  await read(open, 1);
  proxy.halfOpen();
  await Promise.all(served.map(untilClosed));
  open.write("y");
  proxy.set({ onConnect: "black_hole" });
  const lost = await dial();
  lost.write("z");
  proxy.heal();
  const healthy = await dial();
  healthy.write("a");
  assert.equal(await read(healthy, 1), "a", "and the healed proxy has had time to answer the others");
  assert.deepEqual([open.readableLength, lost.readableLength, open.destroyed, lost.destroyed], [0, 0, false, false]);
  assert.equal(proxy.countConnections(), 3);
});

test("a partition holds everything, also new connections, and loses nothing", limits, async (t) => {
  const { proxy, dial, served } = await openEcho(t);
  const socket = await dial();
  socket.write("a");
  assert.equal(await read(socket, 1), "a");
  proxy.set({ isPartitioned: true });
  socket.write("b");
  const late = await dial();
  late.write("c");
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([served.length, proxy.passedBytes().toTarget], [1, 1]);
  proxy.heal();
  assert.deepEqual(await Promise.all([read(socket, 1), read(late, 1)]), ["b", "c"]);
});

test("a connection is cut when so many bytes of the answer have passed", limits, async (t) => {
  const { proxy, dial } = await openEcho(t);
  proxy.set({ cutAfterBytes: 1_000 });
  const socket = await dial();
  const ended = endOf(socket);
  socket.write("x".repeat(999));
  while (proxy.passedBytes().toClient < 999) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(socket.destroyed, false);
  socket.write("y");
  assert.equal(await ended, "ECONNRESET");
});

test("a slow close lets the other side hear of the end later", limits, async (t) => {
  const clock = createFakeClock();
  const { proxy, dial, served } = await openEcho(t, clock);
  proxy.set({ slowCloseMs: 1_000 });
  const socket = await dial();
  socket.write("x");
  await read(socket, 1);
  const [peer] = served;
  socket.end();
  while (clock.countTimers() === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(peer?.readableEnded, false);
  clock.advance(1_000);
  if (!peer?.readableEnded) await once(peer ?? socket, "end");
});

test("one seed draws one schedule, and another seed another", limits, async (t) => {
  const faults = {
    calm: {},
    slow: { latencyMs: 5 },
    torn: "reset",
    lost: "half_open",
    away: { isPartitioned: true },
  } as const;
  const follow = async (seed: number) => {
    const clock = createFakeClock();
    const { proxy } = await openEcho(t, clock, seed);
    const stop = new AbortController();
    const followed = proxy.follow({ faults, minMs: 10, maxMs: 50, signal: stop.signal });
    for (let n = 0; n < 60; n++) {
      clock.advance(50);
      await new Promise((resolve) => setImmediate(resolve));
    }
    stop.abort();
    return followed;
  };
  const first = await follow(7);
  assert.ok(first.length >= 60 && new Set(first.map(({ name }) => name)).size === 5);
  assert.deepEqual(await follow(7), first);
  assert.notDeepEqual(await follow(8), first);
});

test("a figure out of bounds is refused by name", async (t) => {
  const { proxy } = await openEcho(t);
  assert.throws(() => proxy.set({ latencyMs: -1 }), /latencyMs must be a number from 0/);
  assert.throws(() => proxy.set({ bytesPerSecond: 0 }), /bytesPerSecond/);
});
