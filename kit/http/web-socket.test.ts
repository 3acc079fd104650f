import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { after, test } from "node:test";
import { WebSocket } from "ws";
import { Secret } from "../config/secret.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { systemClock } from "../service/clock.ts";
import { createForwarder } from "./forward.ts";
import { createHttpServer } from "./http-server.ts";
import { exchangeBytes, startTestServer, testParts } from "./http-test-server.ts";
import { createPeerHttpHandler } from "./peer-handler.ts";
import { type Exchange, routesFor } from "./route.ts";
import { protocolsOf } from "./upgrade.ts";
import { acceptWebSocket, asksForWebSocket } from "./web-socket.ts";

const { raw } = routesFor<object>();
const seen: { headers: IncomingHttpHeaders; ended: Promise<unknown> } = { headers: {}, ended: Promise.resolve() };

async function echo(exchange: Exchange): Promise<void> {
  if (!asksForWebSocket(exchange)) {
    exchange.res.writeHead(426).end("{}");
    return;
  }
  const [protocol] = protocolsOf(exchange.req);
  seen.headers = exchange.req.headers;
  seen.ended = once(exchange.res, "close");
  const socket = acceptWebSocket(exchange, { protocol, maxMessageBytes: 1_024, headers: { "x-served-by": "echo" } });
  socket?.on("error", () => undefined);
  socket?.on("message", (data, binary) => {
    const text = String(data);
    if (text.startsWith("close ")) socket.close(Number(text.slice(6)), "as asked");
    else socket.send(data, { binary });
  });
}

const parts = { permission: "things:write", summary: "Echoes.", bodyLimitBytes: 0 } as const;
const routes = [
  raw({
    ...parts,
    method: "GET",
    path: "/v1/echo",
    operation: "echo",
    isWebSocket: true,
    toLastWords: (failure, { requestId, locale }) => ({
      text: `${requestId} ${failure.type.code} ${locale}`,
      code: 1008,
    }),
    handle: (_, exchange) => echo(exchange),
  }),
  raw({
    ...{ ...parts, method: "POST", path: "/v1/hot", operation: "postHot" },
    serveHot: () => false,
    handle: async (_, { res }) => void res.end("{}"),
  }),
  raw({
    ...parts,
    method: "GET",
    path: "/v1/plain",
    operation: "getPlain",
    handle: async (_, { res }) => void res.end("{}"),
  }),
];

const peerToken = new Secret("peer-token");
const peerHandler = createPeerHttpHandler({
  ...testParts(),
  peerToken,
  mounted: [{ name: "things", ops: {}, peerUrl: undefined, routes }],
});
const peer = createHttpServer({ onRequest: peerHandler.onRequest, clock: systemClock });
const peerUrl = `http://127.0.0.1:${await peer.listen({ host: "127.0.0.1", port: 0 })}`;
const withheldProtocols = /^key\./;
const forwarder = createForwarder({ peerToken, clock: systemClock, withheldProtocols });
const near = await startTestServer({ mounted: [{ name: "things", ops: {}, peerUrl: undefined, routes }] });
const far = await startTestServer({
  mounted: [{ name: "things", ops: {}, routes, peerUrl }],
  forward: forwarder.forward,
});
after(async () => {
  await near.close();
  await far.close();
  forwarder.close();
  await peer.close(AbortSignal.abort());
});

const open = (port: number, path: string, protocols: readonly string[] = [], token = "all") =>
  new WebSocket(`ws://127.0.0.1:${port}${path}`, [...protocols], { headers: { authorization: `Bearer ${token}` } });

/** The status and the body of a refused handshake. */
async function refusalOf(socket: WebSocket): Promise<readonly [status: number | undefined, body: string]> {
  socket.on("error", () => undefined);
  const [, answer] = await once(socket, "unexpected-response");
  let body = "";
  for await (const chunk of answer) body += String(chunk);
  return [answer.statusCode, body];
}

for (const [where, { port, url, metrics }] of Object.entries({ "in this process": near, "at a peer": far })) {
  test(`a WebSocket of a route ${where} carries text and bytes both ways, and the code of each end's close`, async () => {
    const socket = open(port, "/v1/echo", ["echo", "key.secret"]);
    const opened = once(socket, "open");
    const [answer] = await once(socket, "upgrade");
    assert.equal(answer.headers["x-served-by"], "echo");
    assert.match(answer.headers["x-request-id"], /^req_/);
    await opened;
    assert.equal(socket.protocol, "echo");
    for (const sent of ["text", Buffer.from([0, 1, 255])]) {
      socket.send(sent);
      const [data, isBinary] = await once(socket, "message");
      assert.deepEqual([data, isBinary], [Buffer.from(sent), typeof sent !== "string"]);
    }
    socket.send("close 4321");
    const [code, reason] = await once(socket, "close");
    assert.deepEqual([code, String(reason)], [4321, "as asked"]);
    await seen.ended;

    const left = open(port, "/v1/echo");
    await once(left, "open");
    left.terminate();
    await seen.ended;

    const large = open(port, "/v1/echo");
    await once(large, "open");
    large.send("x".repeat(1_025));
    assert.equal((await once(large, "close"))[0], 1009);
  });

  test(`who may not open it, or asks for what is none, is answered in HTTP ${where}`, async () => {
    const [status, body] = await refusalOf(open(port, "/v1/echo", [], "reader"));
    assert.deepEqual([status, JSON.parse(body).error.code], [403, "KIT_005"]);
    assert.equal((await refusalOf(open(port, "/v1/echo", [], "none")))[0], 401);
    assert.equal((await refusalOf(open(port, "/nowhere")))[0], 404);
    assert.equal((await refusalOf(open(port, "/v1/plain")))[0], 200);
    const plain = await fetch(`${url}/v1/echo`, { headers: { authorization: "Bearer all" } });
    assert.equal(plain.status, 426);
    const head = "GET /v1/plain HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer all\r\nConnection: Upgrade, close\r\n";
    assert.match(await exchangeBytes(port, `${head}Upgrade: h2c\r\n\r\n`), /^HTTP\/1\.1 200 /);
    const keyless = `${head.replace("plain", "echo")}Upgrade: websocket\r\n\r\n`;
    assert.match(await exchangeBytes(port, keyless), /^HTTP\/1\.1 400 .*KIT_/s);
    assert.ok((await metrics.metrics()).includes(`code="101"} 3`));
  });
}

test("a subprotocol that holds a credential stays at the edge", async () => {
  const socket = open(far.port, "/v1/echo", ["echo", "key.secret"]);
  await once(socket, "open");
  assert.equal(seen.headers["sec-websocket-protocol"], "echo");
  assert.equal(seen.headers["lyss-client-authorization"], undefined);
  socket.close();
  await once(socket, "close");
});

test("whose sender may not go on hears why from the edge, and the peer that it has left; the second time it is cut", async () => {
  for (const answers of [true, false]) {
    const socket = open(far.port, "/v1/echo");
    const opened = once(socket, "open");
    const [answer] = await once(socket, "upgrade");
    await opened;
    // One that does not answer the close.
    if (!answers) socket.close = () => undefined;
    const heard = once(socket, "message");
    const closed = once(socket, "close");
    const cutAll = () => far.handler.forEachOpen((exchange) => exchange.cut(new Failure(kitFailures.unauthenticated)));
    cutAll();
    socket.send("not heard any more");
    assert.equal(String((await heard)[0]), `${answer.headers["x-request-id"]} kit.unauthenticated en_US`);
    await seen.ended;
    if (!answers) cutAll();
    assert.equal((await closed)[0], 1008);
  }
});

test("a listener in front of a peer that stops tells its WebSockets that it goes away, and the peer that they have left", async () => {
  const edge = createForwarder({ peerToken, clock: systemClock });
  const mounted = [{ name: "things", ops: {}, routes, peerUrl }];
  const server = await startTestServer({ mounted, forward: edge.forward });
  const socket = open(server.port, "/v1/echo");
  await once(socket, "open");
  socket.send("still here");
  await once(socket, "message");
  const closed = once(socket, "close");
  const stopped = server.listener.close(new AbortController().signal);
  const over = new AbortController();
  edge.drain(over.signal);
  over.abort();
  assert.equal((await closed)[0], 1001);
  await stopped;
  await seen.ended;
  await server.handler.close();
  edge.close();
});

test("a listener that stops waits for WebSockets, and cuts them when its time is over", async () => {
  const server = await startTestServer({ mounted: [{ name: "things", ops: {}, peerUrl: undefined, routes }] });
  const socket = open(server.port, "/v1/echo");
  await once(socket, "open");
  const hurry = new AbortController();
  let isClosed = false;
  const closed = server.listener.close(hurry.signal).then(() => {
    isClosed = true;
  });
  socket.send("still here");
  await once(socket, "message");
  assert.equal(isClosed, false);
  hurry.abort();
  await closed;
  assert.equal((await once(socket, "close"))[0], 1006);
  await server.handler.close();
});
