import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { listUsage, type UsageRow, waitForNoHold } from "../read-money.ts";
import { requestJson } from "../run-platform.ts";
import { type GatewayFleet, runGatewayFleet } from "./gateway-fleet.ts";

const isFull = process.env["SCENARIO_FULL"] === "1";
const [calls, kills] = isFull ? [10_000, 50] : [400, 3];
const atOnce = 40;
const outputTokens = 7n;
/** Nanos per token. */
const price = { input: 1_000n, output: 2_000n };
const costOf = (inputTokens: bigint) => inputTokens * price.input + outputTokens * price.output;

/** Tells each call by its number, which it reports as the input's tokens, and answers in a few steps. */
async function startNumberedProvider(t: TestScope) {
  const begun: bigint[] = [];
  const server = createServer((req, res) => {
    let body = "";
    req.setEncoding("utf8").on("data", (chunk: string) => {
      body += chunk;
    });
    req.on("end", () => {
      const { stream, messages } = JSON.parse(body);
      const number = BigInt(messages[0].content);
      begun.push(number);
      // Two turns of the loop, so that a kill may find the call anywhere.
      setImmediate(() => setImmediate(() => answer(res, stream === true, number)));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
  });
  return { begun, baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1` };
}

function answer(res: ServerResponse, isStream: boolean, number: bigint): void {
  res.on("error", () => undefined);
  const usage = { prompt_tokens: Number(number), completion_tokens: Number(outputTokens), total_tokens: 0 };
  if (!isStream) {
    const choices = [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }];
    res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "x", choices, usage }));
    return;
  }
  const send = (event: object) => res.write(`data: ${JSON.stringify({ id: "x", ...event })}\n\n`);
  res.writeHead(200, { "content-type": "text/event-stream" });
  send({ choices: [{ index: 0, delta: { content: "one " } }] });
  setImmediate(() => {
    send({ choices: [{ index: 0, delta: { content: "two" }, finish_reason: "stop" }] });
    send({ choices: [], usage });
    res.end("data: [DONE]\n\n");
  });
}

/** Numbers of the calls whose answers arrived whole. */
async function callUntilDone(fleet: GatewayFleet, between: (least: number, most: number) => number, apiKey: string) {
  const whole = new Set<bigint>();
  let last = 0n;
  const callOnce = async () => {
    const number = ++last;
    const url = fleet.gateways[between(0, fleet.gateways.length - 1)]?.url ?? "";
    const stream = number % 2n === 0n;
    try {
      const { status, text } = await post(`${url}/v1/chat/completions`, apiKey, {
        ...{ model: "numbered", max_tokens: 10, stream },
        messages: [{ role: "user", content: String(number) }],
      });
      if (status === 200 && (!stream || text.endsWith("data: [DONE]\n\n"))) whole.add(number);
    } catch {
      // Cut by a kill, or nobody listens just now.
    }
  };
  const worker = async () => {
    while (whole.size < calls) await callOnce();
  };
  const done = Promise.all(Array.from({ length: atOnce }, worker));
  return { whole, done };
}

async function post(url: string, apiKey: string, body: object): Promise<{ status: number; text: string }> {
  const answered = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  return { status: answered.status, text: await answered.text() };
}

test("B3: gateways are killed at random under billed calls, and the books say what the provider's log says", {
  timeout: 3_600_000,
}, async (t) => {
  const seed = 20_261_125;
  const { between } = createSeeded(seed);
  const scope = closeInReverse(t);
  const vendor = await startNumberedProvider(scope);
  const models = [{ name: "numbered", inputUsdPerMillion: "1", outputUsdPerMillion: "2" }];
  const fleet = await runGatewayFleet(scope, 4, {
    billing: { reserveWaitMs: 60_000 },
    aiGateway: { heartbeatMs: 500 },
    providers: [{ name: "numbered", baseUrl: vendor.baseUrl, models }],
  });
  const [first] = fleet.gateways;
  assert.ok(first);
  const { apiKey } = first;
  const topUp = { body: { amount: "1000", reference: "enough" } };
  assert.equal((await requestJson(`${first.url}/v1/billing/top-up`, apiKey, topUp)).status, 200);

  const { whole, done } = await callUntilDone(fleet, between, apiKey);
  for (let kill = 0; kill < kills; kill++) {
    const target = whole.size + between(1, Math.max(1, Math.floor(calls / (2 * kills))));
    while (whole.size < Math.min(target, calls)) await new Promise((resolve) => setImmediate(resolve));
    await fleet.replace(between(0, fleet.gateways.length - 1));
  }
  await done;

  const [platform] = fleet.gateways;
  assert.ok(platform);
  await waitForNoHold(platform);
  await untilRecorded(fleet, vendor.begun.length);
  assertBooks(await listUsage(platform), vendor.begun, whole, seed);
  const [books] = await fleet.sql`
    select balance_nanos::text as balance, held_nanos::text as held,
      (select sum(amount_nanos)::text from billing.entry where account = 'wallet:' || wallet_id) as journal,
      (select sum(cost_nanos)::text from billing.usage) as charged,
      (select count(*)::int from billing.hold) as holds
    from billing.wallet`;
  const balance = 1_010_000_000_000n - BigInt(books?.["charged"] ?? 0);
  assert.deepEqual(
    { ...books, charged: undefined },
    { balance: String(balance), held: "0", journal: String(balance), charged: undefined, holds: 0 },
  );
  t.diagnostic(`${vendor.begun.length} calls sent, ${whole.size} answered whole, ${kills} kills`);
});

const recordedWithinMs = 120_000;

/** What killed gateways left is posted by those that take it up. */
async function untilRecorded({ sql }: GatewayFleet, calls: number): Promise<void> {
  const areRecorded = async () => {
    const [row] = await sql<{ recorded: number }[]>`select count(*)::int as recorded from billing.usage`;
    return (row?.recorded ?? 0) >= calls;
  };
  await waitUntil(areRecorded, { withinMs: recordedWithinMs, what: `${calls} calls are recorded` });
}

/** The provider's log is the oracle: each of its calls is recorded once, and charged what it reported or recorded as lost. */
function assertBooks(rows: readonly UsageRow[], sent: readonly bigint[], whole: ReadonlySet<bigint>, seed: number) {
  const completed = rows.filter(({ status }) => status === "completed");
  const strange = rows.filter(
    ({ status, cost_nanos }) => status !== "completed" && (status !== "lost" || cost_nanos !== "0"),
  );
  assert.deepEqual(strange, [], `seed ${seed}`);
  const charged = new Set(completed.map(({ input_tokens }) => BigInt(input_tokens)));
  assert.equal(charged.size, completed.length, `seed ${seed}: a call is charged twice`);
  assert.equal(new Set(sent).size, sent.length, `seed ${seed}: a call was sent twice`);
  for (const number of whole) assert.ok(charged.has(number), `seed ${seed}: call ${number} was delivered for nothing`);
  const inLog = new Set(sent);
  for (const number of charged)
    assert.ok(inLog.has(number), `seed ${seed}: call ${number} is charged and was not sent`);
  for (const { input_tokens, cost_nanos } of completed) {
    assert.equal(BigInt(cost_nanos), costOf(BigInt(input_tokens)), `seed ${seed}: call ${input_tokens}`);
  }
  // A call that was written down may have been killed before it was sent, never the other way round.
  assert.ok(rows.length >= sent.length, `seed ${seed}: ${sent.length} calls were sent, ${rows.length} are recorded`);
}
