import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { closeInReverse, silentLog } from "@lyss/kit/testing/test-cluster.ts";
import { WebSocket, WebSocketServer } from "ws";
import { aiGatewayConfig } from "../config.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { createOpenCalls } from "../open-calls.ts";
import { openSession } from "./open-session.ts";
import { type RelayedSession, relaySession } from "./relay-session.ts";
import type { SessionMeter } from "./session-meter.ts";

type Json = Record<string, unknown>;

const scope = closeInReverse({ after });
const defaults = aiGatewayConfig.aiGateway.parse({});
const target = {
  provider: { providerId: "p", source: "operator", serverTools: false },
  model: { name: "voice", upstreamName: "vendor-voice" },
} as unknown as RelayedSession["target"];

/** Whose responses cost nothing. */
function createFreeMeter(): SessionMeter & { readonly ended: readonly string[]; readonly seen: EventEmitter } {
  const open = new Set<unknown>();
  const ended: string[] = [];
  const seen = new EventEmitter();
  return {
    seen,
    begin: async () => {},
    admit: async ({ type }) => void seen.emit(String(type)),
    async note(event) {
      seen.emit(String(fieldOf(event, "type")));
      const id = fieldOf(fieldOf(event, "response"), "id");
      if (fieldOf(event, "type") === "response.created") open.add(id);
      if (fieldOf(event, "type") === "response.done") open.delete(id);
    },
    check: async () => {},
    end: async (outcome) => void ended.push(outcome),
    ended,
    get isAnswering() {
      return open.size > 0;
    },
  };
}

/** The two ends of a connection: the one that connects, and the one that accepts. */
async function connect(): Promise<readonly [WebSocket, WebSocket]> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  const near = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [[far]] = await Promise.all([once(server, "connection"), once(near, "open")]);
  scope.after(async () => {
    near.terminate();
    (far as WebSocket).terminate();
    server.close();
  });
  return [near, far as WebSocket];
}

function listen(socket: WebSocket) {
  const heard: Json[] = [];
  socket.on("message", (data) => void heard.push(JSON.parse(String(data))));
  const closed = once(socket, "close").then(([code]) => code as number);
  return {
    ...{ socket, heard, closed, say: (event: object) => socket.send(JSON.stringify(event)) },
    async until(type: string): Promise<Json> {
      for (;;) {
        const found = heard.find((event) => event["type"] === type);
        if (found) return found;
        await once(socket, "message");
      }
    },
  };
}

/** A session that is relayed by a clock that stands still. */
async function relay(limits: Partial<(typeof defaults)["realtime"]> = {}, prelude?: object) {
  const clock = createFakeClock();
  const openCalls = createOpenCalls();
  const [browser, client] = await connect();
  const [upstream, vendor] = await connect();
  const meter = createFreeMeter();
  const { abort, drain, leave } = openSession(openCalls);
  const settings = { ...defaults, realtime: { ...defaults.realtime, ...limits } };
  const session = {
    ...{ catalog: { findOffer: () => undefined }, caller: { tenantId: "t", models: [] }, model: "voice", target },
    ...{ client, upstream, meter, locale: "en_US", abort: abort.signal, drain },
    prelude: prelude && Buffer.from(JSON.stringify(prelude)),
  } as unknown as RelayedSession;
  const served = relaySession({ clock, random: createRandom(clock), log: silentLog, settings }, session).finally(leave);
  return { clock, openCalls, meter, served, browser: listen(browser), vendor: listen(vendor) };
}

const codeOf = (event: Json) => (event["error"] as Json)["code"];
const pause = { pingMs: 3_600_000, idleMs: 3_600_000 };

test("a session ends when its time is over: a typed error first, then 1001 at both ends, and no timer is left", async () => {
  const { clock, browser, vendor, served, meter } = await relay({ ...pause, maxSessionMs: 120_000 });
  clock.advance(119_999);
  browser.say({ type: "response.create" });
  await vendor.until("response.create");
  clock.advance(1);
  assert.equal(codeOf(await browser.until("error")), "GATEWAY_058");
  assert.deepEqual([await browser.closed, await vendor.closed], [1_001, 1_001]);
  await served;
  assert.deepEqual([meter.ended, clock.countTimers()], [["truncated"], 0]);
});

test("a session in which nobody says anything ends; whatever either end says keeps it", async () => {
  const { clock, browser, vendor, served } = await relay({ ...pause, idleMs: 60_000 });
  clock.advance(59_000);
  browser.say({ type: "input_audio_buffer.clear" });
  await vendor.until("input_audio_buffer.clear");
  clock.advance(59_000);
  vendor.say({ type: "input_audio_buffer.cleared" });
  await browser.until("input_audio_buffer.cleared");
  clock.advance(59_999);
  assert.equal(browser.socket.readyState, WebSocket.OPEN);
  clock.advance(1);
  const error = (await browser.until("error"))["error"] as Json;
  assert.deepEqual([error["code"], /1 minutes/.test(String(error["message"]))], ["GATEWAY_125", true]);
  assert.deepEqual([await browser.closed, await vendor.closed], [1_001, 1_001]);
  await served;
  assert.equal(clock.countTimers(), 0);
});

test("an end that does not answer a ping until the next is gone, whichever it is; one that does stays", async () => {
  for (const gone of ["browser", "vendor"] as const) {
    const { clock, served, meter, ...ends } = await relay({ ...pause, pingMs: 1_000 });
    const there = gone === "browser" ? ends.vendor : ends.browser;
    const pinged = once(there.socket, "ping");
    ends[gone].socket.pause();
    clock.advance(1_000);
    await pinged;
    // What comes after the pong shows that it was heard.
    const seen = once(meter.seen, "any");
    there.say({ type: "any" });
    await seen;
    clock.advance(1_000);
    if (gone === "vendor") assert.equal(codeOf(await ends.browser.until("error")), "GATEWAY_009");
    assert.equal(await there.closed, gone === "vendor" ? 1_011 : 1_001);
    await served;
    assert.equal(clock.countTimers(), 0);
  }
});

test("a node that stops sends an idle session elsewhere at once, and one that is answered when the response has ended", async () => {
  const idle = await relay();
  await idle.openCalls.drain(new AbortController().signal);
  assert.equal(codeOf(await idle.browser.until("error")), "GATEWAY_014");
  assert.deepEqual([await idle.browser.closed, await idle.vendor.closed], [1_012, 1_001]);

  const { openCalls, browser, vendor } = await relay();
  vendor.say({ type: "response.created", response: { id: "r" } });
  await browser.until("response.created");
  const drained = openCalls.drain(new AbortController().signal);
  vendor.say({ type: "response.output_text.delta", response_id: "r", delta: "Hello" });
  await browser.until("response.output_text.delta");
  vendor.say({ type: "response.done", response: { id: "r" } });
  await drained;
  assert.equal(await browser.closed, 1_012);
  const types = browser.heard.map(({ type }) => type);
  assert.deepEqual(types, ["response.created", "response.output_text.delta", "response.done", "error"]);
});

test("one whose response has not ended when the node's time is over ends with it, and hears why", async () => {
  const { openCalls, browser, vendor, meter } = await relay();
  vendor.say({ type: "response.created", response: { id: "r" } });
  await browser.until("response.created");
  const timeIsOver = new AbortController();
  const drained = openCalls.drain(timeIsOver.signal);
  timeIsOver.abort();
  await drained;
  const cut = openCalls.cut(new Failure(aiGatewayFailures.shutting_down), new AbortController().signal);
  assert.equal(codeOf(await browser.until("error")), "GATEWAY_014");
  assert.deepEqual([await browser.closed, await vendor.closed], [1_012, 1_001]);
  await cut;
  assert.deepEqual(meter.ended, ["truncated"]);
});

test("what a session begins with reaches the provider before all that the client says, and is checked as that is", async () => {
  const settings = { type: "realtime", model: "voice", instructions: "Be brief." };
  const { browser, vendor } = await relay({}, { type: "session.update", session: settings });
  browser.say({ type: "response.create" });
  await vendor.until("response.create");
  assert.deepEqual(vendor.heard, [
    { type: "session.update", session: { ...settings, model: "vendor-voice" } },
    { type: "response.create" },
  ]);
  const wrong = await relay({}, { type: "session.update", session: { ...settings, tools: [{ type: "mcp" }] } });
  assert.equal(((await wrong.browser.until("error"))["error"] as Json)["param"], "session.tools[0]");
  assert.deepEqual([await wrong.browser.closed, wrong.vendor.heard], [1_008, []]);
});
