import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, test } from "node:test";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { createTimerWheel } from "@lyss/kit/service/timer-wheel.ts";
import { createFakeClock } from "@lyss/kit/testing/fake-clock.ts";
import { aiGatewayConfig } from "../config.ts";
import type { CredentialCache } from "../credential-cache.ts";
import { createUpstreamPools } from "../upstream-pools.ts";
import { type Guardrail, guardrailSchema } from "./guardrail.ts";
import { JudgeError, type Question } from "./judge.ts";
import { createWebhookAsking } from "./webhook-judge.ts";
import { readWebhookReply } from "./webhook-message.ts";

let received = 0;
let answer: (res: ServerResponse) => void = () => undefined;
const receiver = createServer(async (req, res) => {
  await text(req);
  received++;
  answer(res);
}).listen(0, "127.0.0.1");
await once(receiver, "listening");
const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;

const wheel = createTimerWheel({ tickMs: 50, clock });
const pools = createUpstreamPools(aiGatewayConfig.aiGateway.parse({}), createAddressGuard(), { clock, wheel });
after(() => {
  pools.close();
  receiver.closeAllConnections();
  receiver.close();
});
const noSecrets = { secretOf: () => "" } as unknown as CredentialCache;
/** Limits of a question pass when the receiver says so. */
const held = createFakeClock();
const ask = createWebhookAsking({ pools, clock: held, random: createRandom(clock), credentials: noSecrets });

function ruleOf(at: string, tenantId = ""): Guardrail {
  const spec = guardrailSchema.parse({ kind: "webhook", url: at });
  return { tenantId, name: `r${++rules}`, spec, credentialId: "", version: 1, updatedAt: new Date(0) };
}
let rules = 0;

function questionOf(more: Partial<Question> = {}): Question {
  const caller = { ...noSession, tenantId: "t", userId: "", keyId: "k", permissions: [], models: [] };
  const call = { callId: "call_1", requestId: "req_1", caller, tags: "", model: "m" };
  const signal = new AbortController().signal;
  return { side: "request", texts: ["hello"], before: [""], call, limitMs: 5_000, signal, ...more };
}

async function faultOf(rule: Guardrail, at: string, question = questionOf()): Promise<string> {
  const err = await ask(rule, at, question).catch((it: unknown) => it);
  assert.ok(err instanceof JudgeError, String(err));
  return err.fault;
}

function reply(res: ServerResponse, body: unknown, status = 200): void {
  res.writeHead(status, { "content-type": "application/json" });
  res.end(typeof body === "string" ? body : JSON.stringify(body));
}

const faults: readonly (readonly [string, string, typeof answer])[] = [
  ["is slow", "timeout", () => held.advance(5_000)],
  ["is slow in the midst", "timeout", (res) => res.write('{"action":', () => held.advance(5_000))],
  ["answers rubbish", "malformed", (res) => reply(res, "<html>")],
  ["answers nothing", "malformed", (res) => reply(res, "")],
  ["answers two things", "malformed", (res) => reply(res, '{"action":"block","action":"allow"}')],
  ["answers more than it was asked", "malformed", (res) => reply(res, { action: "allow", note: "hi" })],
  ["blocks without a reason", "malformed", (res) => reply(res, { action: "block" })],
  ["tells a story", "malformed", (res) => reply(res, { action: "block", reason: "because I say so" })],
  ["replaces another number of texts", "malformed", (res) => reply(res, { action: "replace", texts: ["a", "b"] })],
  ["answers too much", "too_large", (res) => reply(res, { action: "allow", more: "x".repeat(70_000) })],
  ["leads elsewhere", "status", (res) => res.writeHead(307, { location: url }).end()],
  ["is at fault", "status", (res) => reply(res, { action: "allow" }, 500)],
  ["breaks off", "unreachable", (res) => res.destroy()],
];
test("whatever else than exactly one verdict a webhook answers is none, and says which fault it is", async (t) => {
  for (const [name, fault, answering] of faults) {
    await t.test(name, async () => {
      answer = answering;
      received = 0;
      assert.equal(await faultOf(ruleOf(url), url), fault);
      assert.equal(received, 1, "nothing is asked twice");
    });
  }
  assert.equal(await faultOf(ruleOf(url), url, questionOf({ texts: ["x".repeat(5_000_000)] })), "too_large");
});

test("a tenant's webhook at a private address is never connected to, by number or by name", async () => {
  received = 0;
  for (const at of [url, url.replace("http:", "https:"), url.replace("http://127.0.0.1", "https://localhost")]) {
    assert.equal(await faultOf(ruleOf(at, "t"), at), "unreachable");
  }
  assert.equal(received, 0);
});

test("where nobody answers, a rule's webhook is left alone after some calls, and no other's", async () => {
  const dead = createServer().listen(0, "127.0.0.1");
  await once(dead, "listening");
  const at = `http://127.0.0.1:${(dead.address() as AddressInfo).port}`;
  dead.close();
  const rule = ruleOf(at);
  for (let n = 0; n < 20; n++) assert.equal(await faultOf(rule, at), "unreachable");
  assert.equal(await faultOf(rule, at), "circuit_open");
  answer = (res) => reply(res, { action: "allow" });
  assert.deepEqual(await ask(ruleOf(url), url, questionOf()), { action: "allow" });
});

test("who leaves ends the question with its own reason, and nothing is held against the webhook", async () => {
  const left = new AbortController();
  const reason = new Error("left");
  const closed = Promise.withResolvers<void>();
  answer = (res) => {
    res.once("close", closed.resolve);
    left.abort(reason);
  };
  await assert.rejects(ask(ruleOf(url), url, questionOf({ signal: left.signal })), reason);
  await closed.promise;
});

test("a reply is one of three verdicts", () => {
  const read = (json: object, count = 1) => readWebhookReply(Buffer.from(JSON.stringify(json)), count);
  assert.deepEqual(read({ action: "block", reason: "self-harm/intent" }), {
    action: "block",
    reason: "self-harm/intent",
  });
  assert.deepEqual(read({ action: "replace", texts: ["", "b"], reason: "x" }, 2), {
    ...{ action: "replace", texts: ["", "b"], reason: "x" },
  });
});
