import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { assertMoneyAddsUp, balanceOf, listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

const scope = closeInReverse({ after });
const simulator = await startSimulator({ clock: systemClock, host: "127.0.0.1", port: 0, apiKey: "sk-vendor" });
scope.after(simulator.stop);
/** One that never answers. */
const mute = await startSimulator({
  ...{ clock: systemClock, host: "127.0.0.1", port: 0, apiKey: "sk-vendor", directives: { "simulate.hang": "true" } },
});
scope.after(mute.stop);

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
/** Whom nobody calls but mirrors. */
const others = [
  { name: "mute", baseUrl: `${mute.url}/v1`, apiKey: "sk-vendor" },
  { name: "away", baseUrl: "http://127.0.0.1:9/v1" },
].map((it) => ({ ...it, models: providers[0]?.models }));
const mirrored = (name: string, provider: string, share = 1) => ({
  ...{ name, strategy: "fallback", targets: [{ provider: "cheap", model: "chat" }] },
  mirror: { provider, model: "chat", share },
});
const targets = [
  { provider: "cheap", model: "chat" },
  { provider: "dear", model: "chat" },
];
const platform = await runPlatform(scope, {
  config: {
    providers: [...providers, ...others],
    routes: [
      ...[mirrored("shown", "dear"), mirrored("seldom", "dear", 1e-9)],
      ...[mirrored("unheard", "away"), mirrored("slow", "mute")],
      { name: "hedged", strategy: "fallback", hedge: 95, targets },
      { name: "alone", strategy: "fallback", hedge: 95, targets: targets.slice(0, 1) },
      { name: "plain", strategy: "fallback", targets },
    ],
    aiGateway: {
      ...{ simulator: false, mirroring: { maxTenantConcurrent: 4, timeoutMs: 1_000 } },
      hedging: { minDelayMs: 100, maxDelayMs: 100 },
      failOver: { budgetReserve: 200 },
    },
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

interface Side {
  readonly provider: string;
  readonly completed: number;
  readonly success_rate: number;
  readonly p50_ms: number | null;
  readonly cost_nanos: string;
}

/** Of a route with so many mirrored calls. */
async function compare(route: string, calls: number) {
  const read = async () => {
    const { body } = await requestJson(`${platform.url}/api/v1/ai/mirrors/${route}`, platform.apiKey);
    return (body["comparisons"] as { calls: number; first: Side; mirror: Side }[])[0];
  };
  await waitUntil(async () => (await read())?.calls === calls);
  return (await read()) as NonNullable<Awaited<ReturnType<typeof read>>>;
}

async function readReceipt(id: string) {
  const read = async () => (await requestJson(`${platform.url}/v1/requests/${id}/receipt`, platform.apiKey)).body;
  await waitUntil(async () => (await read())["object"] === "call_receipt");
  return read();
}

test("a mirrored call is answered by the first alone; its mirror is paid, recorded and compared by itself", async () => {
  const answers = [await call("", { model: "shown" }), await call("", { model: "shown", stream: true })];
  for (const { status, vendor, headers, text } of answers) {
    assert.deepEqual([status, vendor, headers.get("lyss-attempts")], [200, "cheap", "1"], text);
  }
  const { first, mirror } = await compare("shown", 2);
  await waitForNoCall(platform);
  let [cheapNanos, dearNanos] = [0n, 0n];
  for (const answer of answers) {
    const id = String(answer.headers.get("lyss-call-id"));
    const receipt = await readReceipt(id);
    const mirrorId = String(receipt["mirror_call"]);
    const theirs = await readReceipt(mirrorId);
    assert.deepEqual([receipt["mirror_of"], theirs["mirror_of"], theirs["mirror_call"]], [null, id, null]);
    const [attempt] = theirs["attempts"] as Attempt[];
    assert.deepEqual([attempt?.provider, attempt?.status, attempt?.charged], ["dear", "completed", true]);
    assert.equal(receipt["cost_nanos"], await priceOf(id, "cheap"));
    assert.equal(theirs["cost_nanos"], await priceOf(mirrorId, "dear"));
    cheapNanos += BigInt(String(receipt["cost_nanos"]));
    dearNanos += BigInt(String(theirs["cost_nanos"]));
  }
  assert.deepEqual([first.provider, first.completed, first.cost_nanos], ["cheap", 2, String(cheapNanos)]);
  assert.deepEqual([mirror.provider, mirror.completed, mirror.cost_nanos], ["dear", 2, String(dearNanos)]);
  assert.ok(Number(first.p50_ms) > 0 && Number(mirror.p50_ms) > 0);
  const { body } = await requestJson(`${platform.url}/v1/billing/usage?tag=lyss.mirror%3Dtrue`, platform.apiKey);
  assert.equal((body["data"] as unknown[]).length, 2, "they can be told apart in usage");
});

test("a mirror that fails, or never answers, is nobody's affair: no charge, no breaker, no wait", async () => {
  for (let n = 0; n < 12; n++) assert.equal((await call("", { model: "unheard" })).status, 200);
  const { first, mirror } = await compare("unheard", 12);
  assert.deepEqual([first.completed, mirror.completed, mirror.success_rate, mirror.cost_nanos], [12, 0, 0, "0"]);
  const { body } = await requestJson(`${platform.url}/admin/resilience`, platform.apiKey);
  assert.doesNotMatch(JSON.stringify(body), /provider\.away[^}]*"state":"open"/);

  const startMs = performance.now();
  const answers = await Promise.all(Array.from({ length: 8 }, () => call("", { model: "slow" })));
  assert.deepEqual([...new Set(answers.map(({ status, vendor }) => `${status} ${vendor}`))], ["200 cheap"]);
  assert.ok(performance.now() - startMs < 1_000, "nobody waits for it");
  await waitUntil(async () => mute.openCalls === 4);
  const slow = await compare("slow", 4);
  assert.deepEqual([slow.mirror.completed, slow.mirror.cost_nanos, mute.openCalls], [0, "0", 0]);
  const metrics = await (await fetch(`${platform.url}/metrics`)).text();
  assert.match(metrics, /lyss_gateway_mirrors_total\{result="busy"\} 4\b/);
});

test("what is not drawn, chooses its providers, was refused or repeated, and whoever has left, has no mirror", async () => {
  await waitForNoCall(platform);
  const before = (await listUsage(platform)).length;
  const plain = [
    await call("", { model: "seldom" }),
    await call("", { model: "shown", headers: { "idempotency-key": "mirrored-1" } }),
  ];
  assert.deepEqual(
    plain.map(({ status }) => status),
    [200, 200],
  );
  const chosen = await requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, {
    body: { model: "shown", messages: [{ role: "user", content: "hi" }], provider: { only: ["cheap"] } },
  });
  assert.equal(chosen.status, 200);
  await compare("shown", 3);
  await waitForNoCall(platform);
  assert.equal((await listUsage(platform)).length, before + 4, "three calls, and one mirror");
  const [seldom] = plain;
  assert.equal((await readReceipt(String(seldom?.headers.get("lyss-call-id"))))["mirror_call"], null);

  const leaving = new AbortController();
  const asked = fetch(`${platform.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${platform.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model: "shown", messages: [{ role: "user", content: "simulate.hang=true gone" }] }),
    signal: leaving.signal,
  });
  await waitUntil(async () => simulator.openCalls === 1);
  leaving.abort();
  await assert.rejects(asked);
  await waitForNoCall(platform);
  assert.equal((await compare("shown", 3)).calls, 3);
  await assertMoneyAddsUp(platform);
});

test("a tenant mirrors and compares by command; a mirror that is not there is refused", async () => {
  const env = { LYSS_URL: platform.url, LYSS_API_KEY: platform.apiKey };
  const target = ["--target", "cheap/chat", "--mirror"];
  const put = await runLyss(["route", "put", "own", ...target, "dear/chat,share=0.5"], env);
  assert.match(put.output, /mirror +dear\/chat, 50 % of the calls/, put.complaint);
  const wrong = await runLyss(["route", "put", "own", ...target, "dear/nothing,share=1"], env);
  assert.match(wrong.complaint, /GATEWAY_099|offers no model 'nothing'/);
  const shown = await runLyss(["route", "compare", "shown"], env);
  assert.match(shown.output, /first +cheap\/chat +3 +100\.0 %/);
  assert.match(shown.output, /mirror +dear\/chat +3 +100\.0 %/);
  for (const mirror of [
    { provider: "dear", model: "chat", share: 0 },
    { provider: "dear", model: "chat", share: 1.1 },
  ]) {
    const { status } = await requestJson(`${platform.url}/api/v1/ai/routes/own`, platform.apiKey, {
      ...{ method: "PUT", body: { mirror, targets } },
    });
    assert.equal(status, 400);
  }
  assert.equal((await requestJson(`${platform.url}/api/v1/ai/mirrors/nowhere`, platform.apiKey)).status, 404);
});
