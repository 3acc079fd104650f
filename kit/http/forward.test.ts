import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingHttpHeaders } from "node:http";
import { createServer } from "node:net";
import { after, test } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { z } from "zod";
import { Secret } from "../config/secret.ts";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { type CallContext, currentContext } from "../rpc/call-context.ts";
import { systemClock } from "../service/clock.ts";
import { createForwarder } from "./forward.ts";
import { createHttpServer } from "./http-server.ts";
import { startTestServer, testCaller, testParts } from "./http-test-server.ts";
import { createPeerHttpHandler } from "./peer-handler.ts";
import { type Exchange, routesFor } from "./route.ts";

/** What the peer's handlers saw and do next. */
interface Ops {
  headers: IncomingHttpHeaders;
  target: string | undefined;
  context: CallContext | undefined;
  stream: ((exchange: Exchange) => Promise<void>) | undefined;
}
const { json, raw } = routesFor<Ops>();
const ops: Ops = { headers: {}, target: undefined, context: undefined, stream: undefined };

const routes = [
  json({
    method: "POST",
    path: "/v1/things/{id}",
    permission: "things:write",
    operation: "putThing",
    summary: "Puts.",
    body: z.strictObject({ name: z.string().max(4) }),
    response: z.strictObject({
      id: z.string(),
      name: z.string(),
      user: z.string(),
      address: z.string(),
      requestId: z.string(),
    }),
    handle: (ops, { params, body, caller, clientAddress, requestId }) => {
      ops.context = currentContext();
      const id = (params as { id: string }).id;
      return { id, name: body.name, user: caller?.userId ?? "", address: clientAddress, requestId };
    },
  }),
  raw({
    method: "POST",
    path: "/v1/stream",
    permission: "public",
    operation: "streamThing",
    summary: "Streams.",
    bodyLimitBytes: 10_000_000,
    toFailureReply: (failure) => ({
      status: failure.type.httpStatus,
      headers: {},
      body: JSON.stringify({ dialect: failure.type.code }),
    }),
    handle: async (ops, exchange) => {
      ops.headers = exchange.req.headers;
      ops.target = exchange.req.url;
      await ops.stream?.(exchange);
    },
  }),
];

const peerToken = new Secret("peer-token");
const peerParts = testParts();
const peer = createPeerHttpHandler({
  ...peerParts,
  peerToken,
  mounted: [{ name: "thing", routes, ops, peerUrl: undefined }],
});
const peerListener = createHttpServer({ onRequest: peer.onRequest, clock: systemClock });
const peerPort = await peerListener.listen({ host: "127.0.0.1", port: 0 });
const peerUrl = `http://127.0.0.1:${peerPort}`;

const forwarder = createForwarder({
  peerToken,
  clock: systemClock,
  allowedHeaders: ["x-dialect-version"],
  withheldQuery: { path: /^\/v1\/stream/, field: "key" },
});
const edgeFor = (url: string) =>
  startTestServer({
    mounted: [{ name: "thing", routes, ops: undefined, peerUrl: url }],
    forward: forwarder.forward,
  });
const edge = await edgeFor(peerUrl);
after(async () => {
  forwarder.close();
  await edge.close();
  await peerListener.close(AbortSignal.abort());
  await peer.close();
});

const post = (url: string, path: string, body: string, headers: Record<string, string> = {}, signal?: AbortSignal) =>
  fetch(url + path, {
    method: "POST",
    body,
    headers: { authorization: "Bearer all", "content-type": "application/json", ...headers },
    ...(signal && { signal }),
  });

test("a forwarded call arrives with caller, trace, language, request id and the client's address", async () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const response = await post(edge.url, "/v1/things/a%20b", '{"name":"n"}', { traceparent, "accept-language": "zh" });
  const requestId = response.headers.get("x-request-id") ?? "";
  assert.match(requestId, /^req_/);
  const expected = { id: "a b", name: "n", user: testCaller.userId, address: "127.0.0.1", requestId };
  assert.deepEqual(await response.json(), expected);
  assert.deepEqual(ops.context?.caller, testCaller);
  assert.equal(ops.context?.traceId, "0af7651916cd43dd8448eb211c80319c");
  assert.equal(ops.context?.locale, "zh_CN");
});

test("a credential in a query goes no further, and all else of it does", async () => {
  ops.stream = async ({ res }) => void res.end("ok");
  for (const [sent, got] of [
    ["/v1/stream?a=1&key=secret&b=%20", "/v1/stream?a=1&b=%20"],
    ["/v1/stream?k%65y=secret", "/v1/stream"],
    ["/v1/stream?keys=1", "/v1/stream?keys=1"],
  ] as const) {
    await (await post(edge.url, sent, "x")).text();
    assert.equal(ops.target, got);
  }
});

test("the peer's own failures come back unchanged", async () => {
  const response = await post(edge.url, "/v1/things/a", '{"name":"too long"}', { "accept-language": "zh" });
  assert.equal(response.status, 400);
  const { error } = (await response.json()) as { error: { message: string } };
  assert.equal(error.message, "name：最多为 4 个字符");
});

test("the peer sees an allow-list of headers: no credential, cookie, hop-by-hop or X-Forwarded header", async () => {
  ops.stream = async ({ res, body }) => void res.end(String(body.length));
  const response = await post(edge.url, "/v1/stream?a=1", "x".repeat(200_000), {
    cookie: "session=1",
    "x-api-key": "key",
    "x-forwarded-for": "6.6.6.6",
    "lyss-client-address": "6.6.6.6",
    "lyss-caller": "e30",
    "x-dialect-version": "7",
    "user-agent": "me",
  });
  assert.equal(await response.text(), "200000");
  assert.deepEqual(Object.keys(ops.headers).sort(), [
    ...["accept", "accept-language", "authorization", "connection", "content-length", "content-type", "host"],
    ...[
      "lyss-caller",
      "lyss-client-address",
      "lyss-locale",
      "traceparent",
      "user-agent",
      "x-dialect-version",
      "x-request-id",
    ],
  ]);
  assert.equal(ops.headers.authorization, "Bearer peer-token");
  assert.equal(ops.headers["lyss-client-address"], "127.0.0.1");
});

test("401 and 403 are answered at the edge; a peer asks for its token and for the permission again", async () => {
  assert.equal((await post(edge.url, "/v1/things/a", "{}", { authorization: "Bearer x" })).status, 401);
  assert.equal((await post(edge.url, "/v1/things/a", "{}", { authorization: "Bearer reader" })).status, 403);
  for (const authorization of ["Bearer all", "Bearer peer-token2", "peer-token", ""]) {
    assert.equal((await post(peerUrl, "/v1/stream", "{}", { authorization })).status, 401, authorization);
  }
  const token = { authorization: "Bearer peer-token" };
  assert.equal((await post(peerUrl, "/v1/things/a", '{"name":"n"}', token)).status, 401);
  const reader = Buffer.from(JSON.stringify({ ...testCaller, permissions: ["things:read"] })).toString("base64url");
  assert.equal((await post(peerUrl, "/v1/things/a", '{"name":"n"}', { ...token, "lyss-caller": reader })).status, 403);
});

test("each event of a stream arrives before the next one is sent", async () => {
  const received: (() => void)[] = [];
  ops.stream = async ({ res }) => {
    res.writeHead(200, { "content-type": "text/event-stream" }).flushHeaders();
    for (let n = 0; n < 5; n++) {
      const isReceived = new Promise<void>((resolve) => received.push(resolve));
      res.write(`data: ${n}\n\n`);
      await isReceived;
    }
    res.end("data: [DONE]\n\n");
  };
  const response = await post(edge.url, "/v1/stream", "{}");
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const events: string[] = [];
  for await (const chunk of response.body ?? []) {
    events.push(Buffer.from(chunk).toString());
    received.shift()?.();
  }
  assert.deepEqual(
    events,
    ["0", "1", "2", "3", "4", "[DONE]"].map((text) => `data: ${text}\n\n`),
  );
});

test("a client that leaves ends the peer's work at once", async () => {
  const abort = new AbortController();
  const closed = new Promise<void>((resolve) => {
    ops.stream = async ({ res }) => {
      res.writeHead(200).write("begun");
      await once(res, "close");
      resolve();
    };
  });
  const response = await post(edge.url, "/v1/stream", "{}", {}, abort.signal);
  abort.abort();
  await closed;
  await assert.rejects(response.text());
});

test("a peer that breaks off mid-stream breaks the client's answer off too", async () => {
  ops.stream = async ({ res }) => {
    res.writeHead(200).write("begun");
    await new Promise((resolve) => res.once("drain", resolve).write("x".repeat(1_000_000)));
    res.destroy();
  };
  const response = await post(edge.url, "/v1/stream", "{}");
  await assert.rejects(response.text());
});

test("a slow client slows the peer down instead of filling memory", async () => {
  let written = 0;
  let isStuck = (): void => undefined;
  const stuck = new Promise<void>((resolve) => {
    isStuck = resolve;
  });
  ops.stream = async ({ res }) => {
    const chunk = Buffer.alloc(65_536);
    while (res.write(chunk) && written < 1_000) written++;
    isStuck();
    await once(res, "close");
  };
  const response = await post(edge.url, "/v1/stream", "{}");
  await stuck;
  assert.ok(written < 1_000, `${written} chunks went out unread`);
  await response.body?.cancel();
});

test("a peer that is down is kit.unavailable in the route's own shape, and the client can go on", async () => {
  const dead = await edgeFor("http://127.0.0.1:1");
  const response = await post(dead.url, "/v1/stream", "x".repeat(300_000));
  assert.equal(response.status, 503);
  assert.deepEqual(await response.json(), { dialect: "kit.unavailable" });
  const rest = await post(dead.url, "/v1/things/a", '{"name":"n"}');
  assert.equal(rest.status, 503);
  const { error } = (await rest.json()) as { error: { code: string; details: object; retryable: boolean } };
  assert.deepEqual([error.code, error.details, error.retryable], ["KIT_007", { service: "thing" }, true]);
  await dead.close();
});

test("a peer that hangs up or stays silent before it answers is a failure, not a hanging client", async () => {
  const hangUp = createServer((socket) => socket.once("data", () => socket.destroy()));
  const silent = createServer();
  for (const [server, status] of [
    [hangUp, 503],
    [silent, 504],
  ] as const) {
    await once(server.listen(0, "127.0.0.1"), "listening");
    const { port } = server.address() as { port: number };
    const impatient = createForwarder({ peerToken, clock: systemClock, idleTimeoutMs: 100 });
    const mounted = [{ name: "thing", routes, ops: undefined, peerUrl: `http://127.0.0.1:${port}` }];
    const own = await startTestServer({ mounted, forward: impatient.forward });
    assert.equal((await post(own.url, "/v1/stream", "{}")).status, status);
    await own.close();
    impatient.close();
    server.close();
  }
});

test("a compressed body is sent on as it came, and read by the peer", async () => {
  const text = "much ".repeat(1_000);
  let read = "";
  ops.stream = async ({ body, res }) => {
    read = body.toString();
    res.end();
  };
  const headers = { authorization: "Bearer all", "content-type": "application/json", "content-encoding": "zstd" };
  const body = new Uint8Array(zstdCompressSync(text));
  assert.equal((await fetch(`${edge.url}/v1/stream`, { method: "POST", headers, body })).status, 200);
  assert.equal(read, text);
});

test("limits hold at the edge: a body too large is 413 before and while it is sent on", async () => {
  ops.stream = async () => assert.fail("the handler must not run");
  assert.equal((await post(edge.url, "/v1/stream", "x".repeat(10_000_001))).status, 413);
  assert.equal((await post(edge.url, "/v1/things/a", "x".repeat(1_048_577))).status, 413);
  assert.equal((await post(edge.url, "/v1/stream", "x", { "content-encoding": "br" })).status, 415);
});

test("a peer's address that is no plain http address is refused when the handler is made", async () => {
  for (const url of ["https://peer", "http://peer/path", "http://u:p@peer"]) {
    await assert.rejects(edgeFor(url), TypeError, url);
  }
  await assert.rejects(startTestServer({ mounted: [{ name: "thing", routes, ops, peerUrl }] }), TypeError);
});

test("a failure that the peer cannot tell is logged there with its trace id", async () => {
  ops.stream = async () => {
    throw new Failure(kitFailures.unavailable, { service: "vendor" }, { cause: new Error("its reason") });
  };
  peerParts.logged.length = 0;
  const response = await post(edge.url, "/v1/stream", "{}");
  assert.equal(response.status, 503);
  const line = peerParts.logged.find((entry) => entry["failure"] === "kit.unavailable");
  assert.equal(line?.["request_id"], response.headers.get("x-request-id"));
});
