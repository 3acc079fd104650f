import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { startEmbeddedPostgres } from "@lyss/kit/db/embedded-postgres.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { silentLog } from "@lyss/kit/testing/test-cluster.ts";
import postgres from "postgres";
import { assertMoneyAddsUp, balanceOf, listUsage, waitForNoHold } from "../read-money.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";

const startNanos = 10_000_000_000n;
const billing = { holdTtlMs: 2_000, reserveWaitMs: 10_000 };

/** The journal as it stands in the database, looked at from outside. */
async function assertJournalBalanced(dataDir: string): Promise<void> {
  const server = await startEmbeddedPostgres({ dir: join(dataDir, "postgres"), log: silentLog, clock: systemClock });
  const sql = postgres(server.url, { max: 1 });
  try {
    const unbalanced = await sql`select posting_id from billing.entry group by 1 having sum(amount_nanos) <> 0`;
    assert.equal(unbalanced.length, 0);
    const [totals] = await sql`
      select (select sum(amount_nanos) from billing.entry where account like 'wallet:%')::text as journal,
        (select sum(balance_nanos) from billing.wallet)::text as balance,
        (select sum(amount_nanos) from billing.entry where account in ('revenue', 'rounding'))::text as revenue,
        (select sum(cost_nanos) from billing.usage)::text as charged,
        (select count(*) from billing.hold)::int as holds,
        (select coalesce(sum(amount_nanos), 0) from billing.lease)::text as leased`;
    assert.equal(totals?.["journal"], totals?.["balance"]);
    assert.equal(totals?.["revenue"], totals?.["charged"]);
    assert.deepEqual([totals?.["holds"], totals?.["leased"]], [0, "0"]);
  } finally {
    await sql.end();
    await server.stop();
  }
}

/** A stream that is under way and does not end by itself while the test runs. */
function beginStream({ url, apiKey }: RunningPlatform): Promise<Response> {
  const messages = [{ role: "user", content: "simulate.tokens=4000 simulate.token_delay_ms=100" }];
  return fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "simulated-chat", messages, stream: true }),
  });
}

test("B28: after 2,000 mixed calls, aborts and a kill -9 the wallet is what the recorded usage says, to the nano", async (t) => {
  const seed = 20_261_121;
  let state = seed;
  const next = (n: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % n;
  };
  const dataDir = mkdtempSync(join(tmpdir(), "lyss-money-"));
  after(() => rmSync(dataDir, { recursive: true, force: true }));
  const config = { billing, aiGateway: { heartbeatMs: 500 }, log: { level: "warn" } };
  const start = () => runPlatform(t, { dataDir, config });
  let platform = await start();
  const paid = new Set<string>();

  const call = async (): Promise<void> => {
    const { url, apiKey } = platform;
    const kind = next(5);
    const path = kind === 4 ? "embeddings" : "chat/completions";
    const messages = [{ role: "user", content: `simulate.tokens=${1 + next(40)} simulate.token_delay_ms=${next(2)}` }];
    const body =
      kind === 4
        ? { model: "simulated-embedding", input: "x y z" }
        : { model: "simulated-chat", messages, stream: kind > 1 };
    const abort = new AbortController();
    const isAborted = next(8) === 0;
    try {
      const answer = await fetch(`${url}/v1/${path}`, {
        method: "POST",
        headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: abort.signal,
      });
      if (isAborted) abort.abort();
      const text = await answer.text();
      const isComplete = kind > 1 && kind < 4 ? text.endsWith("data: [DONE]\n\n") : answer.status === 200;
      if (isComplete) paid.add(answer.headers.get("lyss-call-id") ?? "");
    } catch {
      // Aborted by us, or cut by the kill.
    }
  };
  let started = 0;
  const worker = async (limit: number) => {
    while (started < limit) {
      started++;
      await call();
    }
  };
  const half = Promise.all(Array.from({ length: 40 }, () => worker(1_000)));
  while (started < 900) await new Promise((resolve) => setImmediate(resolve));
  const answers = await Promise.all(Array.from({ length: 3 }, () => beginStream(platform)));
  await platform.kill();
  await Promise.all([half, ...answers.map((answer) => assert.rejects(answer.text()))]);
  platform = await start();
  await Promise.all(Array.from({ length: 40 }, () => worker(2_000)));

  await waitForNoHold(platform);
  const rows = await listUsage(platform);
  const charged = rows.reduce((sum, row) => sum + BigInt(row.cost_nanos), 0n);
  assert.equal((await balanceOf(platform)).available, startNanos - charged, `seed ${seed}`);
  const completed = new Set(rows.filter((row) => row.status === "completed").map((row) => row.id));
  for (const id of paid) assert.ok(completed.has(id), `seed ${seed}: ${id} was delivered and is not charged`);
  const statuses = new Set(rows.map(({ status }) => status));
  assert.deepEqual([...statuses].sort(), ["canceled", "completed", "lost"], `seed ${seed}`);
  await assertMoneyAddsUp(platform);
  assert.equal(await platform.stop(), 0);
  await assertJournalBalanced(dataDir);
});

test("of 200 concurrent calls on money for 20 exactly 20 pass, and the rest never reach the provider", async (t) => {
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
  // 100 tokens at 5,000 USD per million are half a dollar: the first run's ten dollars pay for 20 calls.
  const models = [{ name: "dear", inputUsdPerMillion: "0", outputUsdPerMillion: "5000", maxOutputTokens: 4_000 }];
  const baseUrl = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}/v1`;

  for (const limit of [{ max_tokens: 100 }, {}]) {
    served = 0;
    const platform = await runPlatform(t, { config: { billing, providers: [{ name: "vendor", baseUrl, models }] } });
    const body = { model: "dear", messages: [{ role: "user", content: "hello" }], ...limit };
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, { body })),
    );
    const count = (status: number) => answers.filter((answer) => answer.status === status).length;
    assert.deepEqual([count(200), count(402), served], [20, 180, 20], JSON.stringify(limit));
    assert.deepEqual(await balanceOf(platform), { available: 0n, held: 0n });
    const refused = answers.find((answer) => answer.status === 402)?.body["error"] as Record<string, unknown>;
    assert.deepEqual([refused["code"], refused["type"]], ["BILLING_001", "insufficient_quota"]);
    await assertMoneyAddsUp(platform);
    await platform.stop();
  }
});
