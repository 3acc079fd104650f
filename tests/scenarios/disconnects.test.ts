import assert from "node:assert/strict";
import { request, type ServerResponse } from "node:http";
import { test } from "node:test";
import { systemClock as clock, delay } from "@lyss/kit/service/clock.ts";
import { withSeed } from "@lyss/kit/testing/chaos/chaos-seed.ts";
import { createSeeded } from "@lyss/kit/testing/seeded-random.ts";
import { closeInReverse, type TestScope } from "@lyss/kit/testing/test-cluster.ts";
import { type SimulatedCall, startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { type UsageRow, waitForNoHold, waitForUsage } from "../read-money.ts";
import { type RunningPlatform, runPlatform } from "../run-platform.ts";
import { startRawProvider, toChunk } from "./raw-provider.ts";

const limits = { timeout: 600_000 };
/** The rows' thousands take minutes: SCENARIO_FULL=1 asks for them. */
const isFull = process.env["SCENARIO_FULL"] === "1";
const streams = isFull ? 5_000 : 80;
const inputNanos = 150n;
const outputNanos = 600n;

interface Rig {
  readonly platform: RunningPlatform;
  /** What the provider would bill. */
  readonly callLog: readonly SimulatedCall[];
}

async function startRig(t: TestScope, onDisconnect: "cancel" | "drain"): Promise<Rig> {
  const scope = closeInReverse(t);
  const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey: "sk-oracle" });
  scope.after(simulator.stop);
  const price = { inputUsdPerMillion: "0.15", outputUsdPerMillion: "0.60" };
  const models = ["chat", "completion", "embedding"].map((kind) => ({ name: `simulated-${kind}`, ...price }));
  const provider = { name: "oracle", baseUrl: `${simulator.url}/v1`, apiKey: "sk-oracle", onDisconnect, models };
  const platform = await runPlatform(scope, {
    config: {
      providers: [provider],
      aiGateway: { simulator: false },
      resilience: { policies: { "provider.oracle": {} } },
      log: { level: "warn" },
    },
  });
  return { platform, callLog: simulator.callLog };
}

const chat = (content: string, extra: object = {}) => ({
  ...{ model: "simulated-chat", messages: [{ role: "user", content }] },
  ...extra,
});

/** Sends a call and leaves when so many bytes of the answer are there; before any for 0, never for undefined. */
function call({ url, apiKey }: RunningPlatform, path: string, body: object, leaveAfter?: number) {
  const { promise, resolve } = Promise.withResolvers<{ readonly text: string; readonly callId: string }>();
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json" };
  const req = request(`${url}/v1/${path}`, { method: "POST", headers, agent: false });
  let text = "";
  let callId = "";
  const end = () => resolve({ text, callId });
  req.on("error", end);
  req.on("response", (res) => {
    callId = String(res.headers["lyss-call-id"] ?? "");
    res.on("error", end).on("end", end);
    res.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
      if (leaveAfter !== undefined && text.length >= leaveAfter) req.destroy();
    });
  });
  req.end(JSON.stringify(body));
  return promise;
}

const costOf = ({ input_tokens, output_tokens }: UsageRow) =>
  BigInt(input_tokens) * inputNanos + BigInt(output_tokens) * outputNanos;

/** A stream that goes on long after its first byte, however slow the machine is. */
const longTokens = 300;

/** Streams, many at a time, whose callers leave at a random place: one of them at once, and one never. */
async function leaveStreams(rig: Rig, seed: number, directives: string) {
  const { between } = createSeeded(seed);
  const received: { readonly text: string; readonly callId: string }[] = [];
  let started = 0;
  const worker = async () => {
    while (started < streams) {
      started++;
      const [isFirst, isSecond] = [started === 1, started === 2];
      const tokens = isFirst ? longTokens : between(5, 60);
      const leaveAfter = isFirst ? 1 : isSecond ? undefined : between(1, 200 * tokens);
      const body = chat(`simulate.tokens=${tokens} ${directives}`, { stream: true });
      received.push(await call(rig.platform, "chat/completions", body, leaveAfter));
    }
  };
  await Promise.all(Array.from({ length: 50 }, worker));
  return received;
}

test(
  "B7: streams left at a random place of a provider that is drained cost what the provider bills, to the token",
  limits,
  (t) =>
    withSeed(7, async (seed) => {
      const rig = await startRig(t, "drain");
      await leaveStreams(rig, seed, "simulate.token_delay_ms=1");
      const rows = await waitForUsage(rig.platform, streams);
      assert.equal(rows.length, streams);
      const byTokens = (a: readonly number[], b: readonly number[]) =>
        (a[0] ?? 0) - (b[0] ?? 0) || (a[1] ?? 0) - (b[1] ?? 0);
      assert.deepEqual(
        rows.map((row) => [row.input_tokens, row.output_tokens]).sort(byTokens),
        rig.callLog.map((entry) => [entry.promptTokens, entry.completionTokens]).sort(byTokens),
      );
      for (const row of rows) assert.deepEqual([row.estimated, BigInt(row.cost_nanos)], [false, costOf(row)], row.id);
      assert.ok(rows.some(({ status }) => status === "canceled") && rows.some(({ status }) => status === "completed"));
      await waitForNoHold(rig.platform);
    }),
);

/** Sends a word every 5 ms until the connection is cut. */
async function sendWords(res: ServerResponse, entry: { outputTokens: number; isCut: boolean }): Promise<void> {
  res.on("close", () => {
    entry.isCut = true;
  });
  for (let text = " word"; !entry.isCut; text += " word") {
    entry.outputTokens++;
    res.write(toChunk(" word"));
    if (entry.outputTokens % 100 === 0) assert.equal(countTokens(text), entry.outputTokens);
    await delay(clock, 5);
  }
}

/** A provider whose tokens are OpenAI's, and which writes down what it was sent and what it sent. */
async function startCountingProvider(t: TestScope) {
  const log: { readonly inputTokens: number; outputTokens: number; isCut: boolean }[] = [];
  const provider = await startRawProvider(t, "counting", (res, _isStream, body) => {
    const messages = body["messages"] as { role: string; content: string }[];
    const content = messages[0]?.content ?? "";
    const entry = { inputTokens: 6 + countTokens("user") + countTokens(content), outputTokens: 0, isCut: false };
    log.push(entry);
    res.writeHead(200, { "content-type": "text/event-stream" });
    void sendWords(res, entry);
  });
  return { provider, log };
}

test(
  "B7: streams left at a random place of a provider that is canceled cost the input to the token and the output within 5 %",
  limits,
  (t) =>
    withSeed(77, async (seed) => {
      const scope = closeInReverse(t);
      const { provider, log } = await startCountingProvider(scope);
      const platform = await runPlatform(scope, { config: { providers: [provider.config], log: { level: "warn" } } });
      const { between } = createSeeded(seed);
      let started = 0;
      const worker = async () => {
        while (started < streams) {
          started++;
          const messages = [{ role: "user", content: "say words ".repeat(between(1, 50)) }];
          const body = { model: "counting", stream: true, max_tokens: 5_000, messages };
          await call(platform, "chat/completions", body, between(50, 300) * toChunk(" word").length);
        }
      };
      await Promise.all(Array.from({ length: 20 }, worker));
      const rows = await waitForUsage(platform, streams);
      assert.ok(rows.every(({ status, estimated }) => status === "canceled" && estimated));
      for (const row of rows) assert.equal(BigInt(row.cost_nanos), costOf(row), row.id);
      const sorted = (counts: readonly number[]) => counts.toSorted((a, b) => a - b);
      assert.deepEqual(sorted(rows.map((row) => row.input_tokens)), sorted(log.map((entry) => entry.inputTokens)));
      const sum = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
      const [charged, sent] = [sum(rows.map((row) => row.output_tokens)), sum(log.map((entry) => entry.outputTokens))];
      t.diagnostic(`${rows.length} streams: ${sent} tokens sent, ${charged} charged`);
      assert.ok(Math.abs(charged - sent) <= 0.05 * sent, `${charged} for ${sent}`);
      assert.ok(log.every(({ isCut }) => isCut));
      await waitForNoHold(platform);
    }),
);

test(
  "B9: a usage of zero that a provider reports is charged as zero, and no estimate takes its place",
  limits,
  async (t) => {
    const rig = await startRig(t, "cancel");
    const calls = isFull ? 1_000 : 20;
    for (let n = 0; n < calls; n += 20) {
      const batch = Array.from({ length: 20 }, (_, i) =>
        call(rig.platform, "chat/completions", chat("simulate.tokens=9 simulate.usage=zero", { stream: i % 2 === 0 })),
      );
      await Promise.all(batch);
    }
    const rows = await waitForUsage(rig.platform, calls);
    assert.equal(rows.length, calls);
    for (const { status, cost_nanos, estimated } of rows) {
      assert.deepEqual([status, cost_nanos, estimated], ["completed", "0", false]);
    }
  },
);
