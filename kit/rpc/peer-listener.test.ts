import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, connect, createServer } from "node:net";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { createClient, type ServiceImpl } from "@connectrpc/connect";
import grpc from "@grpc/grpc-js";
import { pino } from "pino";
import { Registry } from "prom-client";
import { Secret } from "../config/secret.ts";
import { isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { systemClock } from "../service/clock.ts";
import { EchoService, SayRequestSchema, SayResponseSchema } from "../testing/gen/lyss/kit/testing/v1/echo_pb.js";
import { openRpc } from "../testing/open-rpc.ts";
import { createCallGate } from "./call-gate.ts";
import { interceptClient } from "./client-interceptor.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "./gen/grpc/health/v1/health_pb.js";
import { connectPeer } from "./grpc-transport.ts";
import { createHealthService } from "./health-service.ts";
import { listenForPeers, type PeerListenerOptions } from "./peer-listener.ts";
import { createPeerRouter } from "./peer-router.ts";
import { createRpcMetrics } from "./rpc-metrics.ts";
import { interceptServer } from "./server-interceptor.ts";

const token = new Secret("the peers' token");
const shared = { service: "echo", clock: systemClock };

async function listen(options: Partial<PeerListenerOptions> = {}, echo: Partial<ServiceImpl<typeof EchoService>> = {}) {
  const router = createPeerRouter(token, () => true, systemClock);
  const serving = {
    ...shared,
    log: pino({ enabled: false }),
    metrics: createRpcMetrics(new Registry()),
    gate: createCallGate("echo"),
    callers: new Set<string>(),
    audit: () => {},
  };
  const rpc = openRpc(EchoService, { say: ({ text }) => ({ text }), ...echo });
  router.mount(EchoService, interceptServer(rpc, serving));
  const states: Record<string, boolean> = { "": true, late: false };
  router.mount(
    Health,
    createHealthService({
      isServing: (service) => states[service],
      listNames: () => Object.keys(states),
      onChange: () => () => {},
    }),
  );
  const listener = await listenForPeers({
    host: "127.0.0.1",
    port: 0,
    router,
    onRequest: (req, res) => res.end(`${req.method} ${req.url}`),
    clock: systemClock,
    ...options,
  });
  const peer = connectPeer(listener.url, token);
  return {
    ...listener,
    port: Number(new URL(listener.url).port),
    echo: createClient(EchoService, interceptClient(peer.transport, shared)),
    health: createClient(Health, peer.transport),
    async [Symbol.asyncDispose]() {
      peer.close();
      await listener.close(AbortSignal.abort());
    },
  };
}

/** A stock client, with the given `authorization`. */
async function sayByGrpcJs(url: string, authorization: string | undefined, data = new Uint8Array()) {
  const client = new grpc.Client(new URL(url).host, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  if (authorization !== undefined) metadata.set("authorization", authorization);
  try {
    return await new Promise<string>((resolve, reject) =>
      client.makeUnaryRequest(
        "/lyss.kit.testing.v1.EchoService/Say",
        (text: string) => Buffer.from(toBinary(SayRequestSchema, create(SayRequestSchema, { text, data }))),
        (bytes) => fromBinary(SayResponseSchema, bytes).text,
        "hello",
        metadata,
        { deadline: Date.now() + 5000 },
        (err, text) => (err ? reject(err) : resolve(text ?? "")),
      ),
    );
  } finally {
    client.close();
  }
}

test("a stock gRPC client is served with the token and refused without it or with another", async () => {
  await using listener = await listen();
  assert.equal(await sayByGrpcJs(listener.url, "Bearer the peers' token"), "hello");
  for (const wrong of [undefined, "", "Bearer wrong", "the peers' token"]) {
    await assert.rejects(sayByGrpcJs(listener.url, wrong), { code: grpc.status.UNAUTHENTICATED });
  }
});

test("a wrong token is our fault and not the caller's: kit.internal, the reason for the log only", async () => {
  await using listener = await listen();
  const stranger = connectPeer(listener.url, new Secret("another token"));
  const client = createClient(EchoService, interceptClient(stranger.transport, shared));
  await assert.rejects(client.say({}), (err) => {
    assert.ok(isFailure(err, kitFailures.internal));
    assert.deepEqual(err.details, {});
    assert.match(String(err.cause), /token/);
    return true;
  });
  stranger.close();
});

test("services never see the peers' token", async () => {
  const seen: (string | null)[] = [];
  await using listener = await listen(
    {},
    {
      say(_request, { requestHeader }) {
        seen.push(requestHeader.get("authorization"));
        return {};
      },
    },
  );
  await listener.echo.say({});
  assert.deepEqual(seen, [null]);
});

test("one port serves gRPC and HTTP/1.1, also when the first bytes arrive one by one", async () => {
  await using listener = await listen();
  assert.equal(await (await fetch(`${listener.url}/health/live`)).text(), "GET /health/live");
  assert.equal((await listener.echo.say({ text: "both" })).text, "both");
  const socket = connect(listener.port, "127.0.0.1").setNoDelay(true);
  for (const part of ["P", "U", "T /x HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"]) {
    await new Promise((resolve) => socket.write(part, resolve));
    await (await fetch(`${listener.url}/turn`)).text();
  }
  assert.match(Buffer.concat(await Array.fromAsync(socket)).toString(), /\r\n\r\nPUT \/x$/);
});

test("junk on the port is dropped and everyone else is served on", async () => {
  await using listener = await listen();
  const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const junk = [
    "\0\u0001\u0002",
    "P",
    "PRI",
    "PRI * HTTP/2.0\r\n\r\nXX",
    `${preface}${"\xff".repeat(100)}`,
    `GET / HTTP/1.1\r\nx: ${"y".repeat(200_000)}\r\n\r\n`,
    "x".repeat(300_000),
  ];
  for (const bytes of junk) {
    const socket = connect(listener.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.end(bytes, "latin1");
    socket.resume();
    await new Promise((resolve) => socket.once("close", resolve));
  }
  const session = connectHttp2(listener.url);
  const stream = session.request({ ":method": "GET", ":path": "//", authorization: "Bearer the peers' token" });
  const [headers] = await once(stream, "response");
  assert.equal(headers["grpc-status"], String(grpc.status.UNIMPLEMENTED));
  session.destroy();
  assert.equal((await listener.echo.say({ text: "still here" })).text, "still here");
});

test("a message over 4 MiB is refused, by the sender and by the receiver", async () => {
  await using listener = await listen();
  const data = new Uint8Array(4_194_305);
  await assert.rejects(listener.echo.say({ data }), (err) => isFailure(err, kitFailures.internal));
  const sent = sayByGrpcJs(listener.url, "Bearer the peers' token", data);
  await assert.rejects(sent, { code: grpc.status.RESOURCE_EXHAUSTED });
});

test("grpc.health.v1 tells what serves, what does not yet, and what is not here", async () => {
  await using listener = await listen();
  assert.equal((await listener.health.check({ service: "" })).status, Status.SERVING);
  assert.equal((await listener.health.check({ service: "late" })).status, Status.NOT_SERVING);
  await assert.rejects(listener.health.check({ service: "nowhere" }), { code: grpc.status.NOT_FOUND });
  const { statuses } = await listener.health.list({});
  assert.deepEqual([statuses[""]?.status, statuses["late"]?.status], [Status.SERVING, Status.NOT_SERVING]);
});

test("a peer that is gone is kit.unavailable by its service's name, and is found again when it is back", async () => {
  await using first = await listen(
    {},
    { repeat: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }) },
  );
  const isUnavailable = (err: unknown) => isFailure(err, kitFailures.unavailable) && err.details.service === "echo";
  await first.echo.say({});
  const underway = Array.fromAsync(first.echo.repeat({}));
  underway.catch(() => {});
  await first.echo.say({});
  await first.close(AbortSignal.abort());
  await assert.rejects(underway, isUnavailable);
  await assert.rejects(first.echo.say({}), isUnavailable);
  await using _second = await listen({ port: first.port });
  assert.equal((await first.echo.say({ text: "back" })).text, "back");
});

test("a peer that is no peer is kit.unavailable, and cannot bring this process down", async () => {
  const strangers = {
    resets: createServer((socket) => socket.resetAndDestroy()),
    speaksSomethingElse: createServer((socket) => socket.on("error", () => {}).end("SSH-2.0-OpenSSH_9.2\r\n")),
    speaksHttp1: createHttpServer((_req, res) => res.end("hello")),
    goesAway: createHttp2Server().on("session", (session) => session.goaway(2)),
    isBehindProxy: createHttp2Server((_req, res) => res.writeHead(502).end()),
  };
  for (const server of Object.values(strangers)) {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const peer = connectPeer(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, token);
    const client = createClient(EchoService, interceptClient(peer.transport, shared));
    await assert.rejects(client.say({}), (err) => isFailure(err, kitFailures.unavailable));
    peer.close();
    server.close();
  }
});

test("close resolves by itself although clients keep their connections", async () => {
  await using listener = await listen();
  await listener.echo.say({});
  await (await fetch(listener.url)).text();
  const silent = connect(listener.port, "127.0.0.1");
  await once(silent, "connect");
  await listener.close(new AbortController().signal);
});

test("close lets answers under way arrive, on both protocols, and cuts off what outlives its signal", async () => {
  const asked = Promise.withResolvers<void>();
  const requested = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  await using listener = await listen(
    {
      async onRequest(_req, res) {
        requested.resolve();
        await answer.promise;
        res.end("slow");
      },
    },
    {
      async say() {
        asked.resolve();
        await answer.promise;
        return { text: "done" };
      },
      repeat: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }),
    },
  );
  const said = listener.echo.say({});
  const fetched = fetch(listener.url).then((res) => res.text());
  const endless = Array.fromAsync(listener.echo.repeat({}));
  endless.catch(() => {});
  await Promise.all([asked.promise, requested.promise]);
  const limit = new AbortController();
  const closed = listener.close(limit.signal);
  await assert.rejects(fetch(listener.url));
  answer.resolve();
  assert.equal((await said).text, "done");
  assert.equal(await fetched, "slow");
  limit.abort();
  await closed;
  await assert.rejects(endless, (err) => isFailure(err, kitFailures.unavailable));
});
