import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { waitFor, waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

/** A provider of which each call uses 103 tokens, for 0.1 USD. */
async function startVendor(t: { after(work: () => void): void }) {
  const vendor = createServer((req, res) => {
    req.resume().on("end", () => {
      const usage = { prompt_tokens: 3, completion_tokens: 100, total_tokens: 103 };
      const choices = [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }];
      res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ id: "x", choices, usage }));
    });
  });
  vendor.listen(0, "127.0.0.1");
  await once(vendor, "listening");
  t.after(() => {
    vendor.closeAllConnections();
    vendor.close();
  });
  const models = [{ name: "dear", inputUsdPerMillion: "0", outputUsdPerMillion: "1000", maxOutputTokens: 4_000 }];
  return { name: "vendor", baseUrl: `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`, models };
}

const body = { model: "dear", messages: [{ role: "user", content: "hello" }], max_tokens: 100 };

test("a key made by command is held to its tokens, its budget, its rate and its addresses, and each is lifted by command", async (t) => {
  const provider = await startVendor(t);
  const { url, apiKey } = await runPlatform(t, { config: { providers: [provider], billing: { reserveWaitMs: 0 } } });
  async function lyss(...args: readonly string[]) {
    const { code, output, complaint } = await runLyss([...args, "--json"], { LYSS_URL: url, LYSS_API_KEY: apiKey });
    assert.equal(code, 0, complaint);
    return JSON.parse(output);
  }
  const limits = ["--tokens-per-minute", "1", "--budget", "0.05/month"];
  const key = await lyss("keys", "create", "--name", "held", ...limits);
  const call = () => requestJson(`${url}/v1/chat/completions`, key.secret, { body });
  const answerOtherThan = (status: number) =>
    waitFor(async () => {
      const answer = await call();
      return answer.status === status ? undefined : answer;
    });
  const detailsOf = (answer: Awaited<ReturnType<typeof call>>) =>
    ((answer.body["error"] as Record<string, unknown>)["details"] ?? {}) as Record<string, unknown>;

  // Billing hears of limits; from then on they hold.
  await waitUntil(async () => (await lyss("budget", "list", "--scope", "key", "--scope-id", key.id)).data.length === 2);
  const overTokens = await call();
  assert.deepEqual([overTokens.status, detailsOf(overTokens)["limit_source"]], [429, "key"]);
  assert.equal(detailsOf(overTokens)["unit"], "tokens");
  assert.ok(Number(overTokens.headers.get("retry-after")) <= 60);
  await lyss("keys", "update", key.id, "--tokens-per-minute", "none");
  const overMoney = await answerOtherThan(429);
  assert.deepEqual([overMoney.status, detailsOf(overMoney)["limit_source"]], [402, "key"]);
  await lyss("keys", "update", key.id, "--budget", "none", "--requests-per-minute", "1000");
  const served = await answerOtherThan(402);
  assert.equal(served.status, 200);
  // Who counts requests hears of it apart from who counts money.
  await waitUntil(async () => (await call()).headers.get("x-ratelimit-limit") === "1000");

  await lyss("keys", "update", key.id, "--allow-ip", "203.0.113.0/24");
  const elsewhere = await answerOtherThan(200);
  assert.deepEqual([elsewhere.status, (elsewhere.body["error"] as { code: string }).code], [403, "AUTH_033"]);

  const report = await requestJson(`${url}/v1/keys/leaked`, "", {
    body: [{ token: key.secret, type: "lyss_api_key" }],
  });
  assert.equal(report.status, 200);
  await waitUntil(async () => (await call()).status === 401);
  assert.ok((await lyss("keys", "show", key.id)).revoked_at);
});
