import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { balanceOf, listUsage, waitForNoHold } from "../read-money.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";

const limits = { timeout: 180_000 };
const startNanos = 10_000_000_000n;

function bodyOf(content: string, extra: object = {}) {
  return { model: "simulated-chat", messages: [{ role: "user", content }], ...extra };
}

async function send({ url, apiKey }: RunningPlatform, key: string, body: object) {
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json", "idempotency-key": key };
  const answer = await fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body: JSON.stringify(body) });
  return {
    status: answer.status,
    callId: answer.headers.get("lyss-call-id"),
    isReplayed: answer.headers.get("idempotent-replayed") === "true",
    text: await answer.text(),
  };
}

/** Sends a stream's request, reads its first bytes and leaves. */
function leaveEarly({ url, apiKey }: RunningPlatform, key: string, body: object): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}`, "content-type": "application/json", "idempotency-key": key };
  return new Promise((resolve, reject) => {
    const req = request(`${url}/v1/chat/completions`, { method: "POST", headers, agent: false }, (res) => {
      res.once("data", () => {
        req.destroy();
        resolve();
      });
      res.on("error", () => {});
    });
    req.on("error", reject).end(JSON.stringify(body));
  });
}

test(
  "B26: an Idempotency-Key serves a call once and charges it once: at once, changed, streamed, left, after a restart",
  limits,
  async (t) => {
    const scope = closeInReverse(t);
    const simulator = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey: "sk-oracle" });
    scope.after(simulator.stop);
    const models = [{ name: "simulated-chat", inputUsdPerMillion: "0.15", outputUsdPerMillion: "0.60" }];
    const provider = { name: "oracle", baseUrl: `${simulator.url}/v1`, apiKey: "sk-oracle", models };
    const config = { providers: [provider], aiGateway: { simulator: false, heartbeatMs: 500 }, log: { level: "warn" } };
    const dataDir = mkdtempSync(join(tmpdir(), "lyss-once-"));
    scope.after(async () => rmSync(dataDir, { recursive: true, force: true }));
    let platform = await runPlatform(scope, { dataDir, config });

    const slow = bodyOf("simulate.tokens=5 simulate.delay_ms=500");
    const atOnce = await Promise.all(Array.from({ length: 50 }, () => send(platform, "at-once", slow)));
    const served = atOnce.filter(({ status }) => status === 200);
    assert.deepEqual([served.length, atOnce.filter(({ status }) => status === 409).length], [1, 49]);
    assert.match(atOnce.find(({ status }) => status === 409)?.text ?? "", /KIT_016/);
    assert.equal(simulator.callLog.length, 1);

    const [first] = served;
    assert.deepEqual(await send(platform, "at-once", slow), { ...first, isReplayed: true });
    const changed = await send(platform, "at-once", bodyOf("simulate.tokens=6"));
    assert.deepEqual([changed.status, JSON.parse(changed.text).error.code], [422, "KIT_015"]);
    assert.equal((await send(platform, "bad key", slow)).status, 400);

    const streamed = bodyOf("simulate.tokens=7", { stream: true });
    const stream = await send(platform, "stream", streamed);
    assert.deepEqual(await send(platform, "stream", streamed), { ...stream, isReplayed: true });
    assert.ok(stream.text.endsWith("data: [DONE]\n\n"));

    const left = bodyOf("simulate.tokens=20 simulate.token_delay_ms=50", { stream: true });
    await leaveEarly(platform, "left", left);
    let again = await send(platform, "left", left);
    while (again.status === 409) again = await send(platform, "left", left);
    assert.deepEqual([again.status, again.isReplayed], [200, true]);
    assert.equal(again.text.split('"content":').length - 1 >= 20, true);
    assert.ok(again.text.endsWith("data: [DONE]\n\n"));

    const failing = bodyOf("simulate.error=503 simulate.times=1");
    assert.equal((await send(platform, "failing", failing)).status, 503);
    assert.deepEqual((await send(platform, "failing", failing)).isReplayed, false);

    assert.equal(await platform.stop(), 0);
    platform = await runPlatform(scope, { dataDir, config });
    assert.deepEqual(await send(platform, "at-once", slow), { ...first, isReplayed: true });
    assert.deepEqual(await send(platform, "stream", streamed), { ...stream, isReplayed: true });

    await waitForNoHold(platform);
    const rows = await listUsage(platform);
    const charged = rows.filter(({ cost_nanos }) => cost_nanos !== "0");
    assert.deepEqual(
      charged.map(({ status }) => status),
      ["completed", "completed", "completed", "completed"],
    );
    const spent = charged.reduce((sum, { cost_nanos }) => sum + BigInt(cost_nanos), 0n);
    assert.equal((await balanceOf(platform)).available, startNanos - spent);
    assert.equal(simulator.callLog.length, 5);
    // Another surface's request under the same key is another request.
    const { status } = await requestJson(`${platform.url}/v1/embeddings`, platform.apiKey, {
      body: { model: "simulated-chat", input: "x" },
      headers: { "idempotency-key": "at-once" },
    });
    assert.equal(status, 422);
  },
);
