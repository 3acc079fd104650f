import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { assertMoneyAddsUp, balanceOf, listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";
import { describeContinued, startTellers } from "./continued-answers.ts";

// Each fault is a model of its own at providers of its own, which is also offered by one that is well, or by nobody else.

const scope = closeInReverse({ after });
const statuses = [401, 402, 403, 404, 408, 429, 500, 502, 503, 504, 529];
const faults = [
  ...statuses.map((status) => `status-${status}`),
  ...[
    "quota",
    "hang",
    "html",
    "empty",
    "error-in-200",
    "gzip",
    "drop",
    "refuses",
    "garbage",
    "overloaded-in-200",
    "choice-failed",
    "unfinished",
  ],
];
/** Of the request, which another provider would refuse, too. */
const refusals = ["status-400", "status-413", "status-422", "content-filter"];
const ways = ["whole", "streamed", "whole-ordinary", "streamed-ordinary"] as const;
const nameOf = (fault: string, way: string) => `${fault}--${way}`;

const asked: string[] = [];

function misbehave(model: string, isStream: boolean, res: ServerResponse): void {
  asked.push(model);
  const [fault = ""] = model.replace(/^alone-/, "").split("--");
  const status = Number(/^status-(\d+)/.exec(fault)?.[1] ?? 0);
  const json = (code: number, body: object) =>
    res.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (status === 429) res.setHeader("retry-after", "30");
  if (status > 0) json(status, { error: { message: "no", type: "x", code: "x" } });
  else if (fault === "quota") json(429, { error: { message: "no", code: "insufficient_quota" } });
  else if (fault === "content-filter") json(400, { error: { message: "no", code: "content_filter" } });
  else if (fault === "html") res.writeHead(200, { "content-type": "text/html" }).end("<html>busy</html>");
  else if (fault === "empty") res.writeHead(200, isStream ? { "content-type": "text/event-stream" } : {}).end();
  else if (fault === "gzip") res.writeHead(200, { "content-encoding": "gzip" }).end(Buffer.from([31, 139, 8, 0]));
  else if (fault === "drop") res.socket?.destroy();
  else if (fault === "garbage") {
    if (isStream) res.writeHead(200, { "content-type": "text/event-stream" }).end("data: {no\n\n");
    else res.writeHead(200, { "content-type": "application/json" }).end("{no");
  } else if (fault.endsWith("in-200")) {
    const body = { error: { message: "no", code: fault.startsWith("overloaded") ? 503 : 500 } };
    if (!isStream) json(200, body);
    else res.writeHead(200, { "content-type": "text/event-stream" }).end(`data: ${JSON.stringify(body)}\n\n`);
  } else if (fault === "choice-failed") {
    const choice = { index: 0, finish_reason: "error", error: { code: 502, message: "no" } };
    const usage = { prompt_tokens: 5, completion_tokens: 0, total_tokens: 5 };
    const said = { content: "" };
    if (!isStream) json(200, { id: "x", choices: [{ ...choice, message: { role: "assistant", ...said } }], usage });
    else {
      const chunk = JSON.stringify({ id: "x", choices: [{ ...choice, delta: said }] });
      res.writeHead(200, { "content-type": "text/event-stream" }).end(`data: ${chunk}\n\ndata: [DONE]\n\n`);
    }
  } else if (fault === "unfinished") {
    const choices = [{ index: 0, message: { role: "assistant", content: "one two" }, finish_reason: null }];
    const usage = { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 };
    // A comment is no beginning of an answer.
    if (isStream) res.writeHead(200, { "content-type": "text/event-stream" }).end(": please wait\n\n");
    else json(200, { id: "x", choices, usage });
  } else if (fault === "breaks-off") {
    const chunk = { id: "x", choices: [{ index: 0, delta: { content: "one two" }, finish_reason: null }] };
    res.writeHead(200, { "content-type": "text/event-stream" }).write(`data: ${JSON.stringify(chunk)}\n\n`);
    setImmediate(() => res.socket?.destroy());
  }
  // `hang` says nothing, ever.
}

const server = createServer((req, res) => {
  const chunks: Buffer[] = [];
  res.on("error", () => {});
  req.on("data", (chunk) => chunks.push(chunk));
  req.on("end", () => {
    const { model, stream } = JSON.parse(Buffer.concat(chunks).toString());
    misbehave(String(model), stream === true, res);
  });
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
scope.after(async () => {
  server.closeAllConnections();
  server.close();
});
const simulator = await startSimulator({ clock: systemClock, host: "127.0.0.1", port: 0, apiKey: "sk-well" });
scope.after(simulator.stop);

const price = { inputUsdPerMillion: "1", outputUsdPerMillion: "2", maxOutputTokens: 100 };
const badUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
/** Of both at once: as many models as there are cases, each first at a provider that fails. */
const cases = [
  ...[...faults, ...refusals, "breaks-off"].flatMap((fault) => ways.map((way) => nameOf(fault, way))),
  ...["status-401--twice", "status-429--twice"],
];
const failing = cases.map((model) => ({
  name: model,
  baseUrl: model.startsWith("refuses") ? "http://127.0.0.1:1/v1" : badUrl,
  models: [{ name: model, ...price }],
}));
const alone = {
  name: "alone",
  baseUrl: badUrl,
  models: faults.map((fault) => ({ name: `alone-${fault}`, ...price })),
};
const messages = {
  name: "claude",
  dialect: "anthropic",
  baseUrl: badUrl,
  models: [{ name: "status-529--claude", ...price }],
};
/** Offered by one that is away, one that continues no answer, one that would answer anew, and one that continues it. */
const begun = (name: string, more: object, upstreamName: string) => ({
  ...{ name, models: [{ ...price, name: "status-529--begun", upstreamName }], ...more },
});
const atAnthropic = { dialect: "anthropic", baseUrl: `${simulator.url}/v1`, apiKey: "sk-well" };
const prefills = [
  begun("begun-away", { dialect: "anthropic", baseUrl: badUrl }, "status-529--begun"),
  begun("begun-newer", atAnthropic, "claude-opus-4-6"),
  begun("begun-chat", { baseUrl: `${simulator.url}/v1`, apiKey: "sk-well" }, "simulated-chat"),
  begun("begun-well", atAnthropic, "simulated-chat"),
];
const well = {
  ...{ name: "well", baseUrl: `${simulator.url}/v1`, apiKey: "sk-well" },
  models: [...cases, "status-529--claude"].map((name) => ({ ...price, name, upstreamName: "simulated-chat" })),
};
const tellers = await startTellers(scope);
let platform: RunningPlatform;
let start = 0n;
before(async () => {
  platform = await runPlatform(scope, {
    config: {
      providers: [...failing, messages, alone, ...prefills, well, ...tellers.providers],
      routes: tellers.routes,
      // Every fault is asked for: what one leaves of the budget is not to decide about the next.
      aiGateway: { simulator: false, firstByteTimeoutMs: 1_000, failOver: { budgetReserve: 1_000 } },
      resilience: { policies: { "provider.alone": {} } },
      log: { level: "error" },
    },
  });
  start = (await balanceOf(platform)).available;
});

let lastKey = 0;
/** Providers, attempts and ends of the rows of usage that a call is to have. */
const expected = new Map<string, unknown[]>();

async function call(model: string, way: string) {
  const isStream = way.startsWith("streamed");
  const answer = await fetch(`${platform.url}/v1/chat/completions`, {
    method: "POST",
    headers: {
      ...{ authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" },
      // Such calls do not go the short way.
      ...(way.endsWith("ordinary") && { "idempotency-key": `key-${++lastKey}` }),
    },
    body: JSON.stringify({ model, stream: isStream, messages: [{ role: "user", content: `hello ${model}` }] }),
  });
  const text = await answer.text();
  const isEvents = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
  const of = (name: string) => answer.headers.get(name);
  return { status: answer.status, text, isEvents, callId: of("lyss-call-id") ?? "", of };
}

async function receiptOf(callId: string) {
  await waitForNoCall(platform);
  return requestJson(`${platform.url}/v1/billing/usage/${callId}`, platform.apiKey);
}

/** Rows of usage by call, when all are there. */
async function usageByCall(): Promise<Map<string, Record<string, unknown>[]>> {
  await waitForNoCall(platform);
  await waitForNoHold(platform);
  return Map.groupBy((await listUsage(platform)) as unknown as Record<string, unknown>[], ({ id }) => String(id));
}

for (const way of ways) {
  test(`R9, W11: whatever a provider does wrong before its answer begins, another answers, and one is paid: ${way}`, async () => {
    for (const fault of faults) {
      const model = nameOf(fault, way);
      const answer = await call(model, way);
      assert.equal(answer.status, 200, `${model}: ${answer.text}`);
      assert.deepEqual([answer.of("lyss-provider"), answer.of("lyss-attempts")], ["well", "2"], model);
      if (answer.isEvents) {
        assert.ok(answer.text.endsWith("data: [DONE]\n\n"), model);
        assert.ok(!answer.text.includes('"error"'), model);
      } else {
        const body = JSON.parse(answer.text);
        assert.equal(body.choices[0].finish_reason, "stop", model);
        assert.equal(body.model, model);
      }
      expected.set(answer.callId, [["well", 2, "completed"]]);
    }
  });

  test(`W37: what a provider refuses of the request is not sent to another: ${way}`, async () => {
    const before = simulator.callLog.length;
    for (const fault of refusals) {
      const answer = await call(nameOf(fault, way), way);
      assert.equal(answer.status, 400, fault);
    }
    assert.equal(simulator.callLog.length, before);
  });

  test(`R8: nothing is sent again once an answer has begun: ${way}`, async () => {
    if (!way.startsWith("streamed")) return;
    const before = simulator.callLog.length;
    const answer = await call(nameOf("breaks-off", way), way);
    assert.equal(answer.of("lyss-attempts"), "1");
    assert.match(answer.text, /one two/);
    assert.match(answer.text, /GATEWAY_00[79]/);
    assert.ok(!answer.text.includes("[DONE]"));
    assert.equal(simulator.callLog.length, before);
    expected.set(answer.callId, [[nameOf("breaks-off", way), 1, "truncated"]]);
  });
}

test("R9: where nobody else offers the model, the caller is told what is wrong, and it is asked once", async () => {
  for (const fault of faults.filter((name) => name !== "refuses")) {
    for (const way of fault === "hang" ? ["whole"] : ways) {
      const before = asked.length;
      const answer = await call(`alone-${fault}`, way);
      assert.ok([429, 502, 503, 504].includes(answer.status), `${fault}: ${answer.status} ${answer.text}`);
      assert.equal(typeof JSON.parse(answer.text).error.code, "string");
      assert.equal(asked.length, before + 1, fault);
    }
  }
});

test("a caller in another dialect is served by a provider of another dialect", async () => {
  const answer = await requestJson(`${platform.url}/v1/messages`, platform.apiKey, {
    body: { model: "status-529--claude", max_tokens: 20, messages: [{ role: "user", content: "hello" }] },
  });
  assert.deepEqual([answer.status, answer.body["type"]], [200, "message"]);
  assert.deepEqual([answer.headers.get("lyss-provider"), answer.headers.get("lyss-attempts")], ["well", "2"]);
  const { body } = await receiptOf(String(answer.headers.get("lyss-call-id")));
  const [attempt] = body["attempts"] as { usage: { attempt: number; provider: string } }[];
  assert.deepEqual([attempt?.usage.attempt, attempt?.usage.provider], [2, "well"]);
  const [failed] = body["other_attempts"] as Record<string, unknown>[];
  assert.deepEqual([failed?.["attempt"], failed?.["provider"], failed?.["status"]], [1, "claude", "failed"]);
});

test("W23: thoughts that a vendor has signed are left out where another takes the call over", async () => {
  const signed = { type: "thinking", thinking: "hm", signature: "c2ln" };
  const answer = await requestJson(`${platform.url}/v1/messages`, platform.apiKey, {
    body: {
      ...{ model: "status-529--claude", max_tokens: 20 },
      messages: [
        { role: "user", content: "hello" },
        { role: "assistant", content: [signed, { type: "text", text: "hello" }] },
        { role: "user", content: "and now?" },
      ],
    },
  });
  assert.deepEqual([answer.status, answer.headers.get("lyss-provider")], [200, "well"]);
});

test("W19: an answer that is begun for the model goes on at the first that would continue it", async () => {
  const answer = await requestJson(`${platform.url}/v1/messages`, platform.apiKey, {
    body: {
      ...{ model: "status-529--begun", max_tokens: 20 },
      messages: [
        { role: "user", content: "hello" },
        { role: "assistant", content: "Once upon" },
      ],
    },
  });
  const provider = answer.headers.get("lyss-provider");
  assert.deepEqual([answer.status, provider, answer.headers.get("lyss-attempts")], [200, "begun-well", "2"]);
});

describeContinued(
  () => platform,
  tellers.asked,
  async (callId) => {
    await waitForNoCall(platform);
    const rows = (await listUsage(platform)).filter(({ id }) => id === callId) as unknown as Record<string, unknown>[];
    const told = rows.map((row) => [row["provider"], Number(row["attempt"]), row["status"]] as const);
    return told.toSorted(([, one], [, other]) => one - other);
  },
);

test("R9: one that refuses our key, or asks to wait, is not asked again for a while", async () => {
  for (const fault of ["status-401", "status-429"]) {
    const before = asked.length;
    const first = await call(`${fault}--twice`, "whole");
    assert.deepEqual([first.of("lyss-provider"), first.of("lyss-attempts")], ["well", "2"]);
    const second = await call(`${fault}--twice`, "whole");
    assert.deepEqual([second.of("lyss-provider"), second.of("lyss-attempts"), second.status], ["well", "1", 200]);
    assert.equal(asked.length, before + 1);
  }
});

test("what was paid is what calls say, after all that failed", async () => {
  const usage = await usageByCall();
  assert.equal(expected.size, ways.length * faults.length + 2);
  for (const [callId, rows] of expected) {
    const told = usage.get(callId)?.map((row) => [row["provider"], row["attempt"], row["status"]]);
    assert.deepEqual(told, rows);
  }
  const rows = [...usage.values()].flat();
  assert.ok(rows.every(({ status, cost_nanos: nanos }) => status !== "failed" || nanos === "0"));
  const spent = rows.reduce((sum, { cost_nanos: nanos }) => sum + BigInt(String(nanos)), 0n);
  assert.ok(spent > 0n);
  const { available, held } = await balanceOf(platform);
  assert.deepEqual([start - available, held], [spent, 0n]);
  await assertMoneyAddsUp(platform);
});
