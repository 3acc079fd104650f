import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { signedIn, startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { type Exchange, routesFor } from "@lyss/kit/http/route.ts";
import { cut } from "@lyss/kit/http/upgrade.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { WebSocket } from "ws";
import { refuseField } from "../call/refuse-field.ts";
import { aiGatewayConfig } from "../config.ts";
import { createOpenCalls } from "../open-calls.ts";
import { serveConnection } from "./serve-connection.ts";

type Json = Record<string, unknown>;

const scope = closeInReverse({ after });
const { raw } = routesFor<object>();
const defaults = aiGatewayConfig.aiGateway.parse({});

/** A connection served by a clock that stands still; each response is what the test writes for it. */
async function connect(limits: Partial<(typeof defaults)["responseConnections"]> = {}) {
  const clock = createFakeClock();
  const openCalls = createOpenCalls();
  const asked: Exchange[] = [];
  let wake = () => {};
  const settings = { ...defaults, responseConnections: { ...defaults.responseConnections, ...limits } };
  let served: Promise<void> | undefined;
  let opened: Exchange["res"] | undefined;
  const server = await startTestServer({
    mounted: [
      {
        ...{ name: "things", ops: {}, peerUrl: undefined },
        routes: [
          raw({
            ...{ method: "GET", path: "/v1/responses", permission: "things:write", operation: "openConnection" },
            ...{ summary: "Opens.", bodyLimitBytes: 0, isWebSocket: true },
            handle(_, exchange) {
              opened = exchange.res;
              served = serveConnection(
                { openCalls, settings, clock, random: server.random, log: server.log },
                exchange,
                {
                  async respond(one) {
                    if (JSON.parse(String(one.body)).input === "refuse") throw refuseField("input", "no", "否");
                    asked.push(one);
                    wake();
                    await Promise.race([once(one.res, "finish"), once(one.res, "close")]);
                  },
                  prepare: async () => ['{"type":"response.created"}', '{"type":"response.completed"}'],
                },
              );
              return served;
            },
          }),
        ],
      },
    ],
  });
  scope.after(() => server.close());
  const client = new WebSocket(`${server.url.replace("http", "ws")}/v1/responses`, { headers: signedIn });
  scope.after(async () => client.terminate());
  const heard: Json[] = [];
  client.on("message", (data) => void heard.push(JSON.parse(String(data))));
  await once(client, "open");
  return {
    ...{ clock, openCalls, client, server, heard, closed: once(client, "close").then(([code]) => code as number) },
    served: () => served,
    cut: (why: Failure) => opened && cut(opened, why),
    create: (fields: Json = {}) => client.send(JSON.stringify({ type: "response.create", model: "m", ...fields })),
    /** The n-th response that was asked for, from 0. */
    async response(n: number): Promise<Exchange> {
      while (!asked[n]) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return asked[n];
    },
    get asked() {
      return asked.length;
    },
    async until(count: number): Promise<readonly Json[]> {
      while (heard.length < count) await once(client, "message");
      return heard;
    },
  };
}

const event = (type: string) => `event: ${type}\ndata: ${JSON.stringify({ type })}\n\n`;
const codeOf = ({ error }: Json) => (error as Json)["code"];

test("each message is a request of its own, streamed and byte for byte; its events come back in order under its stream's name", async () => {
  const one = await connect();
  one.client.send(
    '{"type":"response.create","stream":false,"stream_id":"a","generate":true,"model":"m", "seed":12345678901234567890}',
  );
  one.create({ input: "second" });
  const first = await one.response(0);
  assert.equal(String(first.body), '{"stream":true,"model":"m", "seed":12345678901234567890}');
  assert.equal(one.asked, 1, "one after the other");
  first.res.writeHead(200, { "content-type": "text/event-stream" });
  first.res.write(`: a comment\n\n${event("response.created").slice(0, 10)}`);
  first.res.write(event("response.created").slice(10));
  first.res.end(event("response.completed"));
  const second = await one.response(1);
  assert.notEqual(second.requestId, first.requestId);
  second.res.end(event("response.completed"));
  assert.deepEqual(await one.until(3), [
    { stream_id: "a", type: "response.created" },
    { stream_id: "a", type: "response.completed" },
    { type: "response.completed" },
  ]);
});

test("what is refused is told in OpenAI's words, and the connection goes on", async () => {
  const { create, client, until, response } = await connect();
  client.send("{");
  client.send('{"type":"response.steer"}');
  create({ background: true, stream_id: "b" });
  create({ input: "refuse" });
  create({ generate: false });
  const heard = await until(6);
  assert.deepEqual(
    heard.slice(0, 4).map(({ type, status, stream_id, error }) => [type, status, stream_id, (error as Json)["param"]]),
    [
      ["error", 400, undefined, null],
      ["error", 400, undefined, "type"],
      ["error", 400, "b", "background"],
      ["error", 400, undefined, "input"],
    ],
  );
  assert.deepEqual(heard.slice(4), [{ type: "response.created" }, { type: "response.completed" }]);
  create();
  (await response(0)).res.end(event("response.completed"));
  await until(7);
});

test("no more wait than may, and the rest are told so", async () => {
  const { create, until, response } = await connect({ maxWaiting: 1 });
  create();
  await response(0);
  create();
  create({ stream_id: "late" });
  const [refused] = await until(1);
  assert.ok(refused);
  assert.deepEqual([refused["status"], refused["stream_id"], codeOf(refused)], [429, "late", "GATEWAY_108"]);
});

test("a client that leaves ends its response at once", async () => {
  const { create, client, response, served } = await connect();
  create();
  const { res } = await response(0);
  client.terminate();
  await Promise.all([once(res, "close"), served()]);
});

test("a client that does not answer a ping is gone by the next", async () => {
  const { clock, create, client, response, closed, served } = await connect({ pingMs: 1_000 });
  create();
  const { res } = await response(0);
  client.pause();
  clock.advance(1_000);
  clock.advance(1_000);
  await Promise.all([once(res, "close"), served()]);
  client.resume();
  assert.equal(await closed, 1_006);
});

test("one that answers them stays", async () => {
  const { clock, client, create, response, until } = await connect({ pingMs: 1_000 });
  for (let n = 0; n < 3; n++) {
    const pinged = once(client, "ping");
    clock.advance(1_000);
    await pinged;
    // Whatever came after the pong shows that it was heard.
    create({ stream_id: String(n) });
    (await response(n)).res.end(event("response.completed"));
    await until(n + 1);
  }
});

test("a connection ends after its time, when the response under way has; who waits is told by the code that OpenAI has for it", async () => {
  const { clock, create, response, heard, until, closed } = await connect({
    maxConnectionMs: 60_000,
    pingMs: 3_600_000,
  });
  create();
  create();
  const { res } = await response(0);
  clock.advance(60_000);
  res.end(event("response.completed"));
  await until(2);
  assert.deepEqual(heard[0], { type: "response.completed" });
  assert.deepEqual([heard[1]?.["status"], codeOf(heard[1] ?? {})], [400, "websocket_connection_limit_reached"]);
  assert.equal(await closed, 1_001);
  assert.equal(clock.countTimers(), 0);
});

test("a node that stops lets the response under way end, and sends an idle client elsewhere at once", async () => {
  const { openCalls, create, response, heard, closed } = await connect();
  create();
  const { res } = await response(0);
  const drained = openCalls.drain(new AbortController().signal);
  res.end(event("response.completed"));
  await drained;
  assert.equal(await closed, 1_012);
  assert.deepEqual([heard[0], codeOf(heard[1] ?? {})], [{ type: "response.completed" }, "GATEWAY_014"]);

  const idle = await connect();
  await idle.openCalls.drain(new AbortController().signal);
  assert.equal(await idle.closed, 1_012);
});

test("who may not go on is told why, and the response under way ends with the connection", async () => {
  const one = await connect();
  one.create();
  one.create();
  const { res } = await one.response(0);
  res.writeHead(200, { "content-type": "text/event-stream" });
  res.write(event("response.created"));
  await one.until(1);
  one.cut(new Failure(kitFailures.unauthenticated));
  const [, told] = await one.until(2);
  assert.deepEqual([told?.["type"], told?.["status"], codeOf(told ?? {})], ["error", 401, "invalid_api_key"]);
  assert.equal(await one.closed, 1_008);
  assert.ok(res.destroyed);
  assert.equal(one.asked, 1, "what waits is not begun");
  await one.served();
});
