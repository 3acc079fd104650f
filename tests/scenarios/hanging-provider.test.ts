import assert from "node:assert/strict";
import { test } from "node:test";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";
import { openStream } from "./open-streams.ts";
import { sendWord, startRawProvider } from "./raw-provider.ts";

const limits = { timeout: 120_000 };
/** The row allows a tenth; a test machine that others use adds this much by itself. */
const slackMs = 50;

async function measure({ url, apiKey }: RunningPlatform, model: string): Promise<{ p50: number; p99: number }> {
  const body = { model, max_tokens: 10, messages: [{ role: "user", content: "hello" }] };
  const times: number[] = [];
  for (let n = 0; n < 100; n++) {
    const startMs = performance.now();
    assert.equal((await requestJson(`${url}/v1/chat/completions`, apiKey, { body })).status, 200);
    times.push(performance.now() - startMs);
  }
  const sorted = times.sort((a, b) => a - b);
  return { p50: sorted[50] ?? Number.NaN, p99: sorted[98] ?? Number.NaN };
}

test("R5: a provider that hangs before its first byte takes nothing from another one", limits, async (t) => {
  const scope = closeInReverse(t);
  let asked = 0;
  const hanging = await startRawProvider(scope, "hanging", () => void asked++);
  const healthy = await startRawProvider(scope, "healthy", (res) => sendWord(res));
  const platform = await runPlatform(scope, {
    config: {
      providers: [hanging.config, healthy.config],
      aiGateway: { connectionsPerProvider: 200 },
      stop: { drainTimeoutMs: 0 },
      log: { level: "warn" },
    },
  });
  await measure(platform, "healthy");
  const before = await measure(platform, "healthy");
  // More than the hanging provider has connections: those that wait for one must not be in anybody's way either.
  for (let n = 0; n < 300; n++) openStream(platform, { model: "hanging", directives: "hello" });
  while (asked < 200) await new Promise((resolve) => setImmediate(resolve));
  const during = await measure(platform, "healthy");
  t.diagnostic(
    `p50 ${before.p50.toFixed(1)} → ${during.p50.toFixed(1)} ms, p99 ${before.p99.toFixed(1)} → ${during.p99.toFixed(1)} ms`,
  );
  assert.equal(asked, 200);
  assert.ok(during.p50 <= 1.1 * before.p50 + slackMs, `p50 ${before.p50} → ${during.p50} ms`);
  assert.ok(during.p99 <= 1.1 * before.p99 + 2 * slackMs, `p99 ${before.p99} → ${during.p99} ms`);
});
