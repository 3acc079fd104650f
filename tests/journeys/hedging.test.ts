import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { assertMoneyAddsUp, balanceOf, listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { requestJson, runLyss, runPlatform } from "../run-platform.ts";

const scope = closeInReverse({ after });
const simulator = await startSimulator({ clock: systemClock, host: "127.0.0.1", port: 0, apiKey: "sk-vendor" });
scope.after(simulator.stop);

/** Two vendors of one model, the second ten times as dear: who was paid can be seen to the nano. */
const rates = { cheap: { input: 1_000n, output: 2_000n }, dear: { input: 10_000n, output: 20_000n } };
const providers = (["cheap", "dear"] as const).map((name) => ({
  ...{ name, baseUrl: `${simulator.url}/v1`, apiKey: "sk-vendor" },
  models: [
    {
      ...{ name: "chat", upstreamName: "simulated-chat", maxOutputTokens: 50 },
      inputUsdPerMillion: `${rates[name].input / 1_000n}`,
      outputUsdPerMillion: `${rates[name].output / 1_000n}`,
    },
  ],
}));
const targets = [
  { provider: "cheap", model: "chat" },
  { provider: "dear", model: "chat" },
];
const platform = await runPlatform(scope, {
  config: {
    providers,
    routes: [
      { name: "hedged", strategy: "fallback", hedge: 95, targets },
      { name: "alone", strategy: "fallback", hedge: 95, targets: targets.slice(0, 1) },
      { name: "plain", strategy: "fallback", targets },
    ],
    aiGateway: { simulator: false, hedging: { minDelayMs: 100, maxDelayMs: 100 }, failOver: { budgetReserve: 200 } },
    log: { level: "error" },
  },
});

interface Attempt {
  readonly attempt: number;
  readonly provider: string;
  readonly status: string;
  readonly charged: boolean;
  readonly cost_nanos: string;
}

let calls = 0;

async function call(directives: string, { stream = false, model = "hedged", headers = {} } = {}) {
  const content = `${directives} hello ${++calls}`;
  const answer = await fetch(`${platform.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json", ...headers },
    body: JSON.stringify({ model, stream, max_tokens: 20, messages: [{ role: "user", content }] }),
  });
  const text = await answer.text();
  return { status: answer.status, vendor: answer.headers.get("lyss-provider"), text, headers: answer.headers };
}

async function receiptOf({ headers }: { readonly headers: Headers }) {
  const path = `/v1/requests/${headers.get("lyss-call-id")}/receipt`;
  const read = () => requestJson(platform.url + path, platform.apiKey);
  await waitUntil(async () => ((await read()).body["attempts"] as unknown[] | undefined)?.length === 2);
  const { body } = await read();
  const routing = body["routing"] as { candidates: { provider: string; result: string }[] };
  return {
    attempts: body["attempts"] as Attempt[],
    costNanos: String(body["cost_nanos"]),
    results: routing.candidates.map(({ result }) => result),
  };
}

/** What both ledgers say of a call: what its caller pays, and what we may owe for each attempt. */
async function owedFor({ headers }: { readonly headers: Headers }) {
  const id = headers.get("lyss-call-id");
  const { body } = await requestJson(`${platform.url}/admin/billing/provider-costs?call_id=${id}`, platform.apiKey);
  const rows = body["data"] as { attempt: number; provider: string; estimated: boolean; input_tokens: number }[];
  return rows.toSorted((a, b) => a.attempt - b.attempt);
}

async function priceOf(id: string | null, vendor: "cheap" | "dear") {
  const row = (await listUsage(platform)).find((it) => it.id === id);
  assert.ok(row, "the call is recorded once");
  const { input, output } = rates[vendor];
  return String(BigInt(row.input_tokens) * input + BigInt(row.output_tokens) * output);
}

for (const stream of [false, true]) {
  test(`a call whose first target is silent is answered by the second, which alone is paid${stream ? ", streamed" : ""}`, async () => {
    const before = simulator.callLog.length;
    const answer = await call("simulate.hang=true simulate.times=1", { stream });
    assert.deepEqual([answer.status, answer.vendor], [200, "dear"], answer.text);
    assert.equal(answer.headers.get("lyss-attempts"), "2");
    if (stream) assert.match(answer.text, /data: \[DONE\]\n\n$/);
    // Ended at once: nobody pays for what nobody reads.
    await waitUntil(async () => simulator.openCalls === 0);
    const ended = simulator.callLog.slice(before).map(({ outcome }) => outcome);
    assert.deepEqual(ended.toSorted(), ["client_gone", "complete"]);
    const { attempts, costNanos, results } = await receiptOf(answer);
    assert.deepEqual(
      attempts.map(({ attempt, provider, status, charged }) => [attempt, provider, status, charged]),
      [
        [1, "cheap", "canceled", false],
        [2, "dear", "completed", true],
      ],
    );
    assert.deepEqual(results, ["outraced", "served"]);
    assert.equal(costNanos, await priceOf(answer.headers.get("lyss-call-id"), "dear"));
    const owed = await owedFor(answer);
    assert.deepEqual(
      owed.map(({ provider, estimated }) => [provider, estimated]),
      [
        ["cheap", true],
        ["dear", false],
      ],
    );
    assert.ok(Number(owed[0]?.input_tokens) > 0, "what was sent may have been counted there");
  });

  test(`the first may still be first: then it is paid and the second is ended${stream ? ", streamed" : ""}`, async () => {
    const answer = await call("simulate.delay_ms=400", { stream });
    assert.deepEqual([answer.status, answer.vendor], [200, "cheap"], answer.text);
    await waitUntil(async () => simulator.openCalls === 0);
    const { attempts, costNanos, results } = await receiptOf(answer);
    assert.deepEqual(
      attempts.map(({ attempt, provider, status, charged }) => [attempt, provider, status, charged]),
      [
        [1, "cheap", "completed", true],
        [2, "dear", "canceled", false],
      ],
    );
    assert.deepEqual(results, ["served", "outraced"]);
    assert.equal(costNanos, await priceOf(answer.headers.get("lyss-call-id"), "cheap"));
  });
}

test("one that fails is left for the other; where both fail the call fails, at no cost", async () => {
  const slow = await call("simulate.delay_ms=300 simulate.error=500 simulate.times=1");
  assert.deepEqual([slow.status, slow.vendor], [200, "dear"], slow.text);
  const both = await call("simulate.delay_ms=300 simulate.error=500");
  assert.equal(both.status, 502);
  await waitForNoCall(platform);
  const failed = (await listUsage(platform)).filter(({ status }) => status === "failed");
  assert.deepEqual(
    failed.map(({ cost_nanos }) => cost_nanos),
    ["0"],
  );
});

test("no second target is asked for one that answers in time, and none where the route does not say so, or there is none", async () => {
  const attemptsOf = async (directives: string, given: object) => {
    const before = simulator.callLog.length;
    const answer = await call(directives, given);
    assert.equal(answer.status, 200, answer.text);
    assert.equal(answer.headers.get("lyss-attempts"), "1");
    await waitUntil(async () => simulator.openCalls === 0);
    return simulator.callLog.length - before;
  };
  assert.equal(await attemptsOf("", {}), 1);
  assert.equal(await attemptsOf("simulate.delay_ms=300", { model: "plain" }), 1);
  assert.equal(await attemptsOf("simulate.delay_ms=300", { model: "alone" }), 1);
});

test("a caller who leaves ends both, and pays for neither", async () => {
  const before = simulator.callLog.length;
  const leaving = new AbortController();
  const body = { model: "hedged", messages: [{ role: "user", content: "simulate.hang=true leave" }] };
  const asked = fetch(`${platform.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: leaving.signal,
  });
  await waitUntil(async () => simulator.openCalls === 2);
  leaving.abort();
  await assert.rejects(asked);
  await waitUntil(async () => simulator.openCalls === 0);
  assert.deepEqual(
    simulator.callLog.slice(before).map(({ outcome }) => outcome),
    ["client_gone", "client_gone"],
  );
  await waitForNoCall(platform);
  const canceled = (await listUsage(platform)).filter(({ status }) => status === "canceled");
  assert.deepEqual(
    canceled.map(({ cost_nanos }) => cost_nanos),
    ["0"],
  );
});

test("hedged calls at once are each paid once, to the nano, and the money adds up", async () => {
  await waitForNoCall(platform);
  await waitForNoHold(platform);
  const spent = async () => (await listUsage(platform)).reduce((sum, row) => sum + BigInt(row.cost_nanos), 0n);
  const [balance, cost] = [await balanceOf(platform), await spent()];
  const answers = await Promise.all(
    Array.from({ length: 24 }, (_one, at) => {
      const slow = at % 3 === 0 ? "simulate.hang=true simulate.times=1" : at % 3 === 1 ? "simulate.delay_ms=130" : "";
      return call(slow, { stream: at % 2 === 0, headers: at % 4 === 0 ? { "idempotency-key": `hedged-${at}` } : {} });
    }),
  );
  assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
  await waitForNoCall(platform);
  await waitForNoHold(platform);
  const ids = answers.map(({ headers }) => headers.get("lyss-call-id"));
  const rows = (await listUsage(platform)).filter(({ id }) => ids.includes(id));
  assert.equal(rows.length, 24, "one charged attempt for each");
  for (const { headers, vendor } of answers) {
    const id = headers.get("lyss-call-id");
    assert.equal(rows.find((row) => row.id === id)?.cost_nanos, await priceOf(id, vendor as "cheap" | "dear"));
  }
  assert.equal(balance.available - (await balanceOf(platform)).available, (await spent()) - cost);
  await assertMoneyAddsUp(platform);
});

test("a tenant's own route hedges by command, and shows it", async () => {
  const env = { LYSS_URL: platform.url, LYSS_API_KEY: platform.apiKey };
  const put = await runLyss(["route", "put", "own", "--hedge", "90", "--target", "cheap/chat", "dear/chat"], env);
  assert.deepEqual([put.code, put.complaint], [0, ""]);
  const { body } = await requestJson(`${platform.url}/api/v1/ai/routes/own`, platform.apiKey);
  assert.equal(body["hedge"], 90);
  const wrong = await requestJson(`${platform.url}/api/v1/ai/routes/own`, platform.apiKey, {
    ...{ method: "PUT", body: { hedge: 20, targets } },
  });
  assert.equal(wrong.status, 400);
});
