import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { type Simulator, startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { assertMoneyAddsUp, type UsageRow, waitForNoHold, waitForUsage } from "../read-money.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";

const limits = { timeout: 1_800_000 };
const callsEach = process.env["SCENARIO_FULL"] ? 1_000 : 30;
const atOnce = 10;
const inputPrice = 1_000n;
const outputPrice = 2_000n;

/** A platform that is stopped waits no longer than this for its calls. */
const quick = { stop: { drainTimeoutMs: 100 }, log: { level: "error" } };

/** A provider whose log is the truth, and a platform in front of it. */
async function startBoth(t: Parameters<typeof closeInReverse>[0]) {
  const scope = closeInReverse(t);
  const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey: "sk-oracle" });
  scope.after(simulator.stop);
  const models = [{ name: "chat", upstreamName: "simulated-chat", inputUsdPerMillion: "1", outputUsdPerMillion: "2" }];
  const provider = { name: "oracle", baseUrl: `${simulator.url}/v1`, apiKey: "sk-oracle", models };
  const config = { providers: [provider], aiGateway: { simulator: false, heartbeatMs: 500 }, ...quick };
  const dataDir = mkdtempSync(join(tmpdir(), "lyss-bridge-"));
  scope.after(async () => rmSync(dataDir, { recursive: true, force: true }));
  return { simulator, start: () => runPlatform(scope, { dataDir, config }) };
}

/** Every usage record, when there are `count`; fails when there are more. */
async function usageOf(platform: RunningPlatform, count: number): Promise<UsageRow[]> {
  const rows = await waitForUsage(platform, count);
  assert.equal(rows.length, count);
  return rows;
}

const dialects = {
  "chat/completions": (text: string) => ({ messages: [{ role: "user", content: text }] }),
  messages: (text: string) => ({ max_tokens: 1_000, messages: [{ role: "user", content: text }] }),
  responses: (input: string) => ({ input }),
} as const;

/** How each dialect ends a stream, and only a whole one. */
const endings: Readonly<Record<keyof typeof dialects, RegExp>> = {
  "chat/completions": /\ndata: \[DONE\]\n\n$/,
  messages: /event: message_stop\ndata: .*\n\n$/,
  responses: /event: response\.completed\ndata: .*\n\n$/,
};

/** A busy platform may refuse a call for lack of time, and does so before it is sent: the provider's log would show it. */
const refusals: ReadonlySet<number> = new Set([503, 504]);

async function send(platform: RunningPlatform, path: keyof typeof dialects, stream: boolean, tokens: number) {
  const body = JSON.stringify({ model: "chat", stream, ...dialects[path](`simulate.tokens=${tokens}`) });
  const headers = { "x-api-key": platform.apiKey, "content-type": "application/json" };
  const attempt = () => fetch(`${platform.url}/v1/${path}`, { method: "POST", headers, body });
  let answer = await attempt();
  for (let left = 20; refusals.has(answer.status) && left > 0; left--) answer = await attempt();
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  if (stream) assert.match(text, endings[path]);
  return answer.headers.get("lyss-call-id") ?? "";
}

/** What a call is made of, as the log and the record of it must agree. */
const toLine = (input: number, output: number) => `${input} in, ${output} out`;

test(
  "B13: chat, messages and responses, streamed and not: one usage row for each call of the provider, with what its log says",
  limits,
  async (t) => {
    const { simulator, start } = await startBoth(t);
    const platform = await start();
    const paths = Object.keys(dialects) as (keyof typeof dialects)[];
    const calls = paths.flatMap((path) =>
      Array.from({ length: callsEach }, (_, n) => ({ path, stream: n % 2 === 1, tokens: 1 + (n % 300) })),
    );
    const callIds = new Set<string>();
    const queue = calls.values();
    const work = async () => {
      for (const { path, stream, tokens } of queue) callIds.add(await send(platform, path, stream, tokens));
    };
    await Promise.all(Array.from({ length: atOnce }, work));

    const rows = await usageOf(platform, calls.length);
    assert.deepEqual(new Set(rows.map(({ id }) => id)), callIds);
    assert.equal(simulator.callLog.length, calls.length);
    assert.deepEqual(
      rows.map((row) => toLine(row.input_tokens, row.output_tokens)).toSorted(),
      simulator.callLog.map((call) => toLine(call.promptTokens, call.completionTokens)).toSorted(),
    );
    for (const { status, estimated, cost_nanos, input_tokens, output_tokens } of rows) {
      const cost = BigInt(input_tokens) * inputPrice + BigInt(output_tokens) * outputPrice;
      assert.deepEqual([status, estimated, BigInt(cost_nanos)], ["completed", false, cost]);
    }
    await waitForNoHold(platform);
    await assertMoneyAddsUp(platform);
  },
);

/** Begins a response in the background, and gives its id. */
async function begin({ url, apiKey }: RunningPlatform, input: string): Promise<string> {
  const { status, body } = await requestJson(`${url}/v1/responses`, apiKey, {
    body: { model: "chat", input, background: true },
  });
  assert.deepEqual([status, body["status"]], [200, "queued"]);
  return String(body["id"]);
}

async function statusOf({ url, apiKey }: RunningPlatform, id: string): Promise<unknown> {
  return (await requestJson(`${url}/v1/responses/${id}`, apiKey)).body["status"];
}

async function untilStatus(platform: RunningPlatform, id: string, wanted: string): Promise<void> {
  const isSo = async () => (await statusOf(platform, id)) === wanted;
  await waitUntil(isSo, { withinMs: 60_000, what: `the response is ${wanted}` });
}

/** Resolves when the provider has `count` calls open. */
async function untilOpen(simulator: Simulator, count: number): Promise<void> {
  await waitUntil(() => simulator.openCalls === count);
}

test(
  "B12: a response in the background is charged once, however often it is asked for; a cancel ends it upstream, a process that is stopped or killed leaves it failed and free",
  limits,
  async (t) => {
    const { simulator, start } = await startBoth(t);
    let platform = await start();

    const id = await begin(platform, "simulate.tokens=20 simulate.delay_ms=300");
    for (let polls = 0; polls < 50; polls++) await statusOf(platform, id);
    await untilStatus(platform, id, "completed");
    for (let polls = 0; polls < 50; polls++) assert.equal(await statusOf(platform, id), "completed");
    const [charged] = await usageOf(platform, 1);
    const [served] = simulator.callLog;
    assert.equal(simulator.callLog.length, 1);
    assert.deepEqual(
      [charged?.status, charged?.input_tokens, charged?.output_tokens],
      ["completed", served?.promptTokens, 20],
    );

    const hanging = await begin(platform, "simulate.hang=true");
    await untilOpen(simulator, 1);
    const { body } = await requestJson(`${platform.url}/v1/responses/${hanging}/cancel`, platform.apiKey, { body: {} });
    assert.equal(body["status"], "cancelled");
    await untilOpen(simulator, 0);
    const canceled = (await usageOf(platform, 2)).find(({ status }) => status !== "completed");
    assert.deepEqual([canceled?.status, canceled?.cost_nanos], ["canceled", "0"]);

    const stopped = await begin(platform, "simulate.hang=true");
    await untilOpen(simulator, 1);
    await platform.stop();
    platform = await start();
    const { body: ended } = await requestJson(`${platform.url}/v1/responses/${stopped}`, platform.apiKey);
    assert.deepEqual([ended["status"], (ended["error"] as Record<string, unknown>)["code"]], ["failed", "GATEWAY_014"]);

    const killed = await begin(platform, "simulate.hang=true");
    await untilOpen(simulator, 1);
    await platform.kill();
    platform = await start();
    await untilStatus(platform, killed, "failed");
    const lost = (await usageOf(platform, 4)).find(({ status }) => status === "lost");
    assert.equal(lost?.cost_nanos, "0");
    const costs = (await usageOf(platform, 4)).filter(({ cost_nanos }) => cost_nanos !== "0");
    assert.equal(costs.length, 1);
    assert.equal(await statusOf(platform, id), "completed");
    await waitForNoHold(platform);
    await assertMoneyAddsUp(platform);
  },
);
