import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import OpenAI from "openai";
import type { ResponseStreamEvent } from "openai/resources/responses/responses";
import { isDelta, readEvents, textOf } from "../journeys/openai-background.ts";
import { assertMoneyAddsUp, waitForNoHold, waitForUsage } from "../read-money.ts";
import { requestJson, runPlatform } from "../run-platform.ts";
import { runGatewayFleet } from "./gateway-fleet.ts";

const limits = { timeout: 600_000 };
const price = { input: 1_000n, output: 2_000n };
const request = { model: "chat", background: true, stream: true } as const;

async function startOracle(t: TestScope) {
  const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey: "sk-oracle" });
  t.after(simulator.stop);
  const models = [{ name: "chat", upstreamName: "simulated-chat", inputUsdPerMillion: "1", outputUsdPerMillion: "2" }];
  return { simulator, provider: { name: "oracle", baseUrl: `${simulator.url}/v1`, apiKey: "sk-oracle", models } };
}

const sdkOf = ({ url, apiKey }: { readonly url: string; readonly apiKey: string }) =>
  new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0 });

function idOf([created]: readonly ResponseStreamEvent[]): string {
  assert.ok(created?.type === "response.created");
  return created.response.id;
}

function endOf(events: readonly ResponseStreamEvent[]) {
  const last = events.at(-1);
  assert.ok(last && "response" in last);
  return { type: last.type, status: last.response.status, code: last.response.error?.code };
}

test(
  "B12: a stream in the background is taken up at another node while it runs, cancelled there, and ended there when its own is killed; each is charged once, for what was made",
  limits,
  async (t) => {
    const scope = closeInReverse(t);
    const { simulator, provider } = await startOracle(scope);
    const aiGateway = { simulator: false, heartbeatMs: 500 };
    const fleet = await runGatewayFleet(scope, 2, { providers: [provider], aiGateway });
    const [first, second] = fleet.gateways.map(sdkOf);
    const [platform] = fleet.gateways;
    assert.ok(first && second && platform);
    const topUp = { body: { amount: "100", reference: "enough" } };
    assert.equal((await requestJson(`${platform.url}/v1/billing/top-up`, platform.apiKey, topUp)).status, 200);

    // Left at its first word and taken up elsewhere: nothing is missing, nothing comes twice.
    const slow = "simulate.tokens=100 simulate.token_delay_ms=10";
    const seen = await readEvents(await first.responses.create({ ...request, input: slow }), isDelta);
    const id = idOf(seen);
    const starting_after = seen.at(-1)?.sequence_number ?? 0;
    const rest = await readEvents(await second.responses.retrieve(id, { stream: true, starting_after }));
    const all = await readEvents(await second.responses.retrieve(id, { stream: true }));
    assert.deepEqual([...seen, ...rest], all);
    assert.deepEqual([endOf(all).status, all.filter(isDelta).length], ["completed", 100]);
    assert.equal((await second.responses.retrieve(id)).output_text, textOf(all));
    const [charged, ...others] = await waitForUsage(platform, 1);
    const cost = BigInt(charged?.input_tokens ?? 0) * price.input + 100n * price.output;
    assert.deepEqual([charged?.status, charged?.output_tokens, charged?.estimated], ["completed", 100, false]);
    assert.deepEqual([BigInt(charged?.cost_nanos ?? 0), others.length], [cost, 0]);

    // Cancelled where it does not run.
    const endless = "simulate.tokens=50000 simulate.token_delay_ms=20";
    const left = await readEvents(await first.responses.create({ ...request, input: endless }), isDelta);
    const canceled = idOf(left);
    const following = await second.responses.retrieve(canceled, { stream: true });
    const followed: ResponseStreamEvent[] = [];
    for await (const event of following) {
      followed.push(event);
      if (followed.filter(isDelta).length === 20 && isDelta(event)) await second.responses.cancel(canceled);
    }
    assert.deepEqual(endOf(followed), { type: "response.incomplete", status: "cancelled", code: undefined });
    await waitUntil(() => simulator.openCalls === 0, { withinMs: 20_000, what: "the call ends at its provider" });
    const sent = simulator.callLog.at(-1)?.completionTokens ?? 0;
    const row = (await waitForUsage(platform, 2)).find(({ status }) => status === "canceled");
    assert.ok(row && row.output_tokens >= 20 && row.output_tokens <= sent + 1, `${row?.output_tokens} of ${sent}`);

    // Its node is killed: who follows it elsewhere hears that it has failed, and it costs nothing.
    const lost = idOf(await readEvents(await first.responses.create({ ...request, input: endless }), isDelta));
    const orphaned = readEvents(await second.responses.retrieve(lost, { stream: true }));
    const [told] = await Promise.all([orphaned, fleet.replace(0)]);
    assert.deepEqual(endOf(told), { type: "response.failed", status: "failed", code: "GATEWAY_019" });
    assert.equal((await second.responses.retrieve(lost)).status, "failed");
    const again = await readEvents(await second.responses.retrieve(lost, { stream: true }));
    assert.deepEqual(again, told);
    const rows = await waitForUsage(fleet.gateways[1] ?? platform, 3);
    assert.deepEqual(rows.map(({ status }) => status).toSorted(), ["canceled", "completed", "lost"]);
    assert.equal(rows.find(({ status }) => status === "lost")?.cost_nanos, "0");
    await waitForNoHold(fleet.gateways[1] ?? platform);
    await assertMoneyAddsUp(fleet.gateways[1] ?? platform);
  },
);

test("how many run in the background, how long, and how much of a stream is kept has a limit", limits, async (t) => {
  const scope = closeInReverse(t);
  const { simulator, provider } = await startOracle(scope);
  const backgroundResponses = { maxRunningPerTenant: 2, maxRunMs: 3_000, maxStreamBytes: 20_000 };
  const aiGateway = { simulator: false, backgroundResponses };
  const platform = await runPlatform(scope, { config: { providers: [provider], aiGateway } });
  const client = sdkOf(platform);
  const begin = (input: string) => client.responses.create({ ...request, input });

  const events = await readEvents(await begin("simulate.tokens=5000 simulate.token_delay_ms=1"));
  assert.deepEqual(endOf(events), { type: "response.failed", status: "failed", code: "GATEWAY_020" });

  const hanging = [
    await begin("simulate.hang=true"),
    await client.responses.create({ model: "chat", background: true, input: "simulate.hang=true" }),
  ] as const;
  const third = client.responses.create({ model: "chat", background: true, input: "One more." });
  await assert.rejects(third, (err) => err instanceof OpenAI.RateLimitError && err.code === "GATEWAY_150");
  const expired = await readEvents(hanging[0]);
  assert.deepEqual(endOf(expired), { type: "response.failed", status: "failed", code: "GATEWAY_151" });
  const isOver = async () => String((await client.responses.retrieve(hanging[1].id)).error?.code) === "GATEWAY_151";
  await waitUntil(isOver, { withinMs: 20_000, what: "the other has run too long, too" });
  await waitUntil(() => simulator.openCalls === 0, { withinMs: 20_000, what: "both calls end at their provider" });
  const ended = await readEvents(await begin("Room again. simulate.tokens=3"));
  assert.equal(endOf(ended).status, "completed");
  await waitForNoHold(platform);
  await assertMoneyAddsUp(platform);
});

test("a node that is stopped ends what it runs in the background, and whoever follows hears it", limits, async (t) => {
  const scope = closeInReverse(t);
  const { provider } = await startOracle(scope);
  const config = { providers: [provider], aiGateway: { simulator: false }, stop: { drainTimeoutMs: 100 } };
  const platform = await runPlatform(scope, { config });
  const stream = await sdkOf(platform).responses.create({
    ...{ ...request, input: "simulate.tokens=50000 simulate.token_delay_ms=20" },
  });
  const seen: ResponseStreamEvent[] = [];
  let stopped: Promise<unknown> | undefined;
  for await (const event of stream) {
    seen.push(event);
    if (isDelta(event)) stopped ??= platform.stop();
  }
  assert.deepEqual(endOf(seen), { type: "response.failed", status: "failed", code: "GATEWAY_014" });
  await stopped;
});
