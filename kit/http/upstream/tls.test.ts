import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { answerOf, bodyOf, createTestPool, startPeer } from "./testdata/test-peer.ts";

const limits = { timeout: 60_000 };
const read = (name: string) => readFileSync(new URL(`testdata/${name}`, import.meta.url));
/** For the name `localhost` alone, and signed by nobody else; until 2126. */
const cert = read("localhost-cert.pem");
const key = read("localhost-key.pem");
const byName = (port: number) => ({ origin: `https://localhost:${port}` });

test("many connections over TLS share the buffer, and each answer is its own", limits, async (t) => {
  const peer = await startPeer(t, (socket, text) => void socket.write(answerOf(bodyOf(text).repeat(20_000))), {
    cert,
    key,
  });
  const pool = createTestPool(t, peer.port, { ca: cert, ...byName(peer.port) });
  for (let round = 0; round < 3; round++) {
    const bodies = Array.from({ length: 20 }, (_, n) => `${round}-${n};`);
    const calls = bodies.map((body) => pool.post(body));
    for (const [n, call] of calls.entries()) {
      assert.equal(await call.ended, undefined);
      assert.equal(call.body, bodies[n]?.repeat(20_000));
    }
  }
  assert.ok(peer.sockets.length > 1 && peer.sockets.length <= 20);
  const [first] = peer.sockets as TLSSocket[];
  assert.deepEqual([first?.servername, first?.alpnProtocol], ["localhost", false]);
});

test("a session is resumed by the next connection", limits, async (t) => {
  const resumed: boolean[] = [];
  const onRequest = (socket: Socket) => {
    resumed.push((socket as TLSSocket).isSessionReused());
    socket.write(answerOf("", "Connection: close\r\n"));
  };
  const peer = await startPeer(t, onRequest, { cert, key });
  const pool = createTestPool(t, peer.port, { ca: cert, ...byName(peer.port) });
  for (let n = 0; n < 3; n++) assert.equal(await pool.post("x").ended, undefined);
  assert.deepEqual(resumed, [false, true, true]);
});

test(
  "a certificate that is not trusted, or is for another name, is refused before anything is sent",
  limits,
  async (t) => {
    const peer = await startPeer(t, (socket) => void socket.write(answerOf("")), { cert, key });
    const untrusted = createTestPool(t, peer.port, byName(peer.port));
    const otherName = createTestPool(t, peer.port, { ca: cert, origin: `https://127.0.0.1:${peer.port}` });
    for (const pool of [untrusted, otherName]) {
      const err = await pool.post("secret").ended;
      assert.deepEqual([err?.kind, err?.mayHaveLeft], ["connect_failed", false]);
    }
    assert.equal(peer.requests.length, 0);
  },
);

test("a peer that takes the connection and never speaks TLS is left at the limit for connecting", limits, async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const pool = createTestPool(t, port, byName(port));
  const call = pool.post("x");
  const [socket] = await once(server, "connection");
  t.after(() => socket.destroy());
  pool.clock.advance(990);
  assert.equal(pool.stats().connecting, 1);
  pool.clock.advance(40);
  const err = await call.ended;
  assert.deepEqual([err?.kind, err?.mayHaveLeft, err?.timeoutMs], ["connect_timeout", false, 1_000]);
});
