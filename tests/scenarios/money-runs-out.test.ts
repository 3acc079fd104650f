import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { assertMoneyAddsUp, balanceOf, listUsage, waitForNoHold } from "../read-money.ts";
import { requestJson, runPlatform } from "../run-platform.ts";
import { startRawProvider, toChunk } from "./raw-provider.ts";

const limits = { timeout: 600_000 };
/** A thousand dollars per million: ten dollars pay for ten thousand tokens, and a whole answer costs a hundred. */
const nanosPerToken = 1_000_000n;
const answerTokens = 100_000;
const callers = 100;

const scope = closeInReverse({ after });
const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey: "sk-oracle" });
scope.after(simulator.stop);
const price = { inputUsdPerMillion: "0", outputUsdPerMillion: "1000" };
const models = [{ name: "simulated-large", showsAllOutput: true, maxOutputTokens: answerTokens, ...price }];
const gated = await startRawProvider(scope, "gated", (res) => void answerAroundTopUp(res));
const platform = await runPlatform(scope, {
  config: {
    providers: [
      { ...gated.config, models: [{ ...models[0], name: "gated" }] },
      { name: "oracle", baseUrl: `${simulator.url}/v1`, apiKey: "sk-oracle", models },
    ],
    aiGateway: { simulator: false },
    // Who waits for held money is refused when it is spent, not when time is up.
    billing: { reserveWaitMs: 60_000 },
    log: { level: "warn" },
  },
});
const { url, apiKey } = platform;

async function answerAroundTopUp(res: ServerResponse): Promise<void> {
  const hundred = toChunk(" word".repeat(100));
  res.writeHead(200, { "content-type": "text/event-stream" }).write(hundred);
  await topUp("5", "meanwhile");
  const usage = { prompt_tokens: 1, completion_tokens: 12_000, total_tokens: 12_001 };
  const last = { id: "x", choices: [{ index: 0, delta: {}, finish_reason: "stop" }], usage };
  res.end(`${hundred.repeat(119)}data: ${JSON.stringify(last)}\n\ndata: [DONE]\n\n`);
}

async function topUp(amount: string, reference: string): Promise<void> {
  assert.equal((await requestJson(`${url}/v1/billing/top-up`, apiKey, { body: { amount, reference } })).status, 200);
}

/** A stream to its end: how many chunks came, of the simulated provider one for each token, and the event at the end. */
async function readStream(more: object) {
  const messages = [{ role: "user", content: `simulate.tokens=${answerTokens}` }];
  const response = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "simulated-large", stream: true, messages, ...more }),
  });
  let tokens = 0;
  let last = "";
  let rest = "";
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    const events = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      last = event.replace(/^data: /, "");
      // One token a chunk, and the first chunk says the role only.
      if (!JSON.parse(last === "[DONE]" ? "{}" : last).choices?.[0]?.delta.content) continue;
      tokens++;
    }
  }
  if (response.status !== 200) last = rest;
  return { status: response.status, tokens, end: last === "[DONE]" ? last : JSON.parse(last).error?.code };
}

test(
  "B15: 100 streams on money for a hundredth of one each get some of it, end with an error event when it ends, and leave nothing owed",
  limits,
  async () => {
    const before = await balanceOf(platform);
    const answers = await Promise.all(
      Array.from({ length: callers }, (_, i) => readStream(i % 2 === 0 ? {} : { max_tokens: answerTokens })),
    );
    const served = answers.filter(({ status }) => status === 200);
    const refused = answers.filter(({ status }) => status === 402);
    assert.equal(served.length + refused.length, callers, JSON.stringify(answers.map(({ status }) => status)));
    for (const { end } of [...served, ...refused]) assert.equal(end, "BILLING_001");
    assert.ok(served.length >= 2, `${served.length} streams had some of the money`);

    await waitForNoHold(platform);
    const { available } = await balanceOf(platform);
    // The last chunk before what is not paid for has left: less than one per cent of the money is left over.
    assert.ok(available >= 0n && available * 100n < before.available, `${available} nanos are left`);
    const rows = (await listUsage(platform)).filter(({ status }) => status === "truncated");
    assert.equal(rows.length, served.length);
    const charged = rows.reduce((sum, { output_tokens: tokens }) => sum + tokens, 0);
    assert.equal(available, before.available - BigInt(charged) * nanosPerToken);
    assert.ok(
      rows.every(({ uncollected_nanos: nanos }) => nanos === "0"),
      "what was delivered was paid for",
    );
    // The simulated provider's tokens are not quite those of the vocabulary by which we count.
    const delivered = served.reduce((sum, { tokens }) => sum + tokens, 0);
    assert.ok(
      Math.abs(charged / delivered - 1) < 0.05,
      `${charged} tokens are charged where ${delivered} were delivered`,
    );
    await assertMoneyAddsUp(platform);
  },
);

test("B15: a stream goes on when money comes while it runs", limits, async () => {
  await topUp("10", "before");
  const before = await balanceOf(platform);
  // Its first hundred tokens are on their way before the money comes, the other 11,900 after it.
  const { tokens, end } = await readStream({ model: "gated", max_tokens: 12_000 });
  assert.deepEqual([tokens, end], [120, "[DONE]"]);
  await waitForNoHold(platform);
  assert.equal((await balanceOf(platform)).available, before.available - 7_000n * nanosPerToken);
});
