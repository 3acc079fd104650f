import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { balanceOf, waitForNoHold } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";

const billing = { reserveWaitMs: 10_000 };

/** A provider that counts what reaches it; each call uses 103 tokens, for 0.1 USD. */
async function startVendor(t: { after(work: () => void): void }) {
  let served = 0;
  const vendor = createServer((req, res) => {
    req.resume().on("end", () => {
      served++;
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
  const baseUrl = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;
  return { provider: { name: "vendor", baseUrl, models }, served: () => served };
}

const body = { model: "dear", messages: [{ role: "user", content: "hello" }], max_tokens: 100 };

function call({ url, apiKey }: RunningPlatform) {
  return requestJson(`${url}/v1/chat/completions`, apiKey, { body });
}

async function countStatus(platform: RunningPlatform, count: number): Promise<Record<number, number>> {
  const answers = await Promise.all(Array.from({ length: count }, () => call(platform)));
  const counts: Record<number, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

/** Runs the CLI against the platform; its JSON. */
async function lyss({ url, apiKey }: RunningPlatform, ...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, output, complaint } = await runLyss([...args, "--json"], { LYSS_URL: url, LYSS_API_KEY: apiKey });
  assert.equal(code, 0, complaint);
  return JSON.parse(output);
}

test("B2: of 60 calls at once under a tenant's cap of 20 exactly 20 reach the provider, and the cap is raised and lifted by command", async (t) => {
  const { provider, served } = await startVendor(t);
  const platform = await runPlatform(t, { config: { billing, providers: [provider] } });
  const cap = (limit: string) =>
    lyss(platform, "budget", "set", "tenant", "--unit", "calls", "--limit", limit, "--period", "month");
  const { id } = await cap("20");
  assert.deepEqual(await countStatus(platform, 60), { 200: 20, 429: 40 });
  assert.equal(served(), 20);

  const { status, headers, body: refusal } = await call(platform);
  const error = refusal["error"] as Record<string, unknown>;
  const details = error["details"] as Record<string, unknown>;
  assert.deepEqual([status, error["type"], error["code"]], [429, "rate_limit_error", "rate_limit_exceeded"]);
  const { limit_source, unit, period, limit, used, available } = details;
  assert.deepEqual(
    { limit_source, unit, period, limit, used, available, budget: details["budget_id"] },
    { limit_source: "tenant", unit: "calls", period: "month", limit: "20", used: "20", available: "0", budget: id },
  );
  const retryAfterMs = Number(headers.get("retry-after")) * 1_000;
  assert.ok(retryAfterMs > 0 && retryAfterMs <= 31 * 86_400_000);
  assert.match(String(details["reset_at"]), /^\d{4}-\d{2}-01T00:00:00\.000Z$/);

  await cap("25");
  assert.deepEqual(await countStatus(platform, 20), { 200: 5, 429: 15 });
  const listed = (await lyss(platform, "budget", "list", "--scope", "tenant"))["data"] as {
    id: string;
    used: string;
  }[];
  assert.deepEqual(
    listed.map((row) => [row.id, row.used]),
    [[id, "25"]],
  );
  assert.equal((await lyss(platform, "budget", "show", String(id)))["remaining"], "0");
  const { body: said } = await requestJson(`${platform.url}/api/v1/events?limit=200`, platform.apiKey);
  const events = said["data"] as { type: string; data: { percent?: number; budget: { budgetId: string } } }[];
  const ofBudget = events.filter(({ data }) => data.budget?.budgetId === id);
  assert.ok(ofBudget.some(({ type, data }) => type === "billing.budget.threshold_reached" && data.percent === 100));
  assert.ok(ofBudget.some(({ type }) => type === "billing.quota.exceeded"));
  await lyss(platform, "budget", "delete", String(id));
  assert.deepEqual(await countStatus(platform, 5), { 200: 5 });
  assert.equal(served(), 30);
  await waitForNoHold(platform);
  assert.deepEqual(await balanceOf(platform), { available: 7_000_000_000n, held: 0n });
});

test("a quota that is set while a node pays from its lease holds a moment later, and its person is told what is left", async (t) => {
  const { provider } = await startVendor(t);
  const platform = await runPlatform(t, { config: { billing, providers: [provider] } });
  assert.equal((await call(platform)).status, 200);
  const { body: me } = await requestJson(`${platform.url}/api/v1/users/me`, platform.apiKey);
  const userId = String(me["id"]);
  await lyss(platform, "quota", "set", userId, "money:0.15/month", "tokens:100000/day", "--time-zone", "Asia/Shanghai");
  const setMs = performance.now();
  // Some calls may still be paid from the lease. They count: fifteen cents are one call and a half.
  let refusal = await call(platform);
  for (const endMs = setMs + 30_000; refusal.status === 200; refusal = await call(platform)) {
    assert.ok(performance.now() < endMs, "the quota is not heard of for half a minute");
  }
  t.diagnostic(`refused ${Math.round(performance.now() - setMs)} ms after the command had ended`);
  const { code, details } = refusal.body["error"] as { code: string; details: Record<string, unknown> };
  assert.deepEqual([refusal.status, code], [402, "BILLING_050"]);
  assert.deepEqual([details["limit_source"], details["limit_source_id"], details["unit"]], ["user", userId, "USD"]);
  const { limits } = (await lyss(platform, "quota", "show")) as { limits: { unit: string; limit: string }[] };
  assert.deepEqual(
    limits.map(({ unit, limit }) => [unit, limit]),
    [
      ["money", "0.15"],
      ["tokens", "100000"],
    ],
  );
  assert.deepEqual((await lyss(platform, "quota", "delete", userId))["limits"], []);
  assert.equal((await call(platform)).status, 200);
});
