import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { test } from "node:test";
import { Failure, failureText } from "../errors/failure.ts";
import { systemClock } from "../service/clock.ts";
import { createHttpServer } from "./http-server.ts";
import { testRoutes } from "./http-test-routes.ts";
import { exchangeBytes, startTestServer } from "./http-test-server.ts";

const loopback = { host: "127.0.0.1", port: 0 };

test("a busy port says so, and what to do, in both languages", async () => {
  const first = createHttpServer({ onRequest: (_req, res) => void res.end(), clock: systemClock });
  const port = await first.listen(loopback);
  const second = createHttpServer({ onRequest: (_req, res) => void res.end(), clock: systemClock });
  const err = await second.listen({ host: "127.0.0.1", port }).catch((err: unknown) => err);
  assert.ok(err instanceof Failure);
  const reason = "another program listens there already. Stop it, or choose another port.";
  assert.equal(err.message, `Cannot listen on 127.0.0.1:${port}: ${reason}`);
  assert.match(failureText(err.type, err.details, "zh_CN"), /^无法监听 127\.0\.0\.1:\d+：该地址已被其他程序占用/);
  await first.close(AbortSignal.abort());
});

test("close refuses new connections, ends idle ones and lets an answer under way end", async () => {
  const finish = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const server = createHttpServer({
    clock: systemClock,
    onRequest: async (_req, res) => {
      res.write("begun ");
      begun.resolve();
      await finish.promise;
      res.end("and ended");
    },
  });
  const port = await server.listen(loopback);
  const idle = connect(port, "127.0.0.1");
  await once(idle, "connect");
  const response = fetch(`http://127.0.0.1:${port}/`);
  await begun.promise;
  const closed = server.close(new AbortController().signal);
  await once(idle, "close");
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  finish.resolve();
  assert.equal(await (await response).text(), "begun and ended");
  await closed;
});

test("close cuts off what outlives its signal", async () => {
  const server = createHttpServer({ clock: systemClock, onRequest: (_req, res) => void res.write("for ever") });
  const port = await server.listen(loopback);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  const abort = new AbortController();
  const closed = server.close(abort.signal);
  abort.abort();
  await closed;
  await assert.rejects(response.text());
});

test("a head or a body that does not come is answered 408 and its connection ended", async () => {
  const mounted = [{ name: "thing", routes: testRoutes, ops: { seen: [] }, peerUrl: undefined }];
  const server = await startTestServer({ mounted }, { headersTimeoutMs: 100, requestTimeoutMs: 100 });
  const head = "POST /v1/raw HTTP/1.1\r\nHost: lyss\r\nAuthorization: Bearer all\r\n";
  assert.match(await exchangeBytes(server.port, head), /^HTTP\/1\.1 408 /);
  assert.match(await exchangeBytes(server.port, `${head}Content-Length: 9\r\n\r\nslow`), /^HTTP\/1\.1 408 /);
  const json =
    "POST /v1/things HTTP/1.1\r\nHost: lyss\r\nAuthorization: Bearer all\r\nContent-Type: application/json\r\n";
  assert.match(await exchangeBytes(server.port, `${json}Content-Length: 9\r\n\r\n{`), /^HTTP\/1\.1 408 /);
  await server.close();
});

test("a head above 16 KiB is 431", async () => {
  const server = await startTestServer({ mounted: [] });
  const answer = await exchangeBytes(server.port, `GET / HTTP/1.1\r\nHost: lyss\r\nX-A: ${"a".repeat(17_000)}\r\n\r\n`);
  assert.match(answer, /^HTTP\/1\.1 431 /);
  await server.close();
});

const skip = process.platform !== "linux" && "only Linux shows a connection's timers";

test("W10: a connection whose peer may have gone without a word is asked for within half a minute", {
  skip,
}, async (t) => {
  const server = createHttpServer({ clock: systemClock, onRequest: (_req, res) => void res.end() });
  const port = await server.listen(loopback);
  t.after(() => server.close(AbortSignal.abort()));
  const accepted = once(server.server, "connection");
  const client = connect(port, "127.0.0.1");
  t.after(() => client.destroy());
  await Promise.all([accepted, once(client, "connect")]);
  const { localPort = 0 } = client;
  // proc(5), tcp: the kernel's timer of the socket, 2 for one that asks, and in how many hundredths of a second it does.
  const hex = (number: number) => number.toString(16).toUpperCase().padStart(4, "0");
  const ends = new RegExp(`:${hex(port)} \\w+:${hex(localPort)} 01 \\S+ (\\w\\w):(\\w+)`);
  const [, timer = "", when = ""] = ends.exec(readFileSync("/proc/net/tcp", "utf8")) ?? [];
  assert.equal(timer, "02");
  assert.ok(Number.parseInt(when, 16) <= 3_000, when);
});
