import assert from "node:assert/strict";
import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { listUsage, waitForNoCall, waitForNoHold } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";

const scope = closeInReverse({ after });
const simulator = await startSimulator({ clock: systemClock, host: "127.0.0.1", port: 0, apiKey: "sk-vendor" });
scope.after(simulator.stop);

/** Two vendors of one model, the second ten times as dear. */
const providers = [1, 10].map((usd, at) => ({
  ...{ name: ["cheap", "dear"][at], baseUrl: `${simulator.url}/v1`, apiKey: "sk-vendor" },
  models: [
    {
      ...{ name: "chat", upstreamName: "simulated-chat", maxOutputTokens: 50 },
      ...{ inputUsdPerMillion: `${usd}`, outputUsdPerMillion: `${2 * usd}` },
    },
  ],
}));
const cheap = { provider: "cheap", model: "chat" };
const dear = { provider: "dear", model: "chat" };
const config = {
  providers,
  routes: [{ name: "operators", strategy: "fallback", targets: [dear, cheap] }],
  aiGateway: { simulator: false },
  log: { level: "error" },
};
const platform = await runPlatform(scope, { config });

/** Replaces the file as an editor does. */
function edit(next: object): void {
  const file = join(platform.dataDir, "lyss.yaml");
  writeFileSync(`${file}.new`, JSON.stringify(next));
  renameSync(`${file}.new`, file);
}

const routes = (
  path: string,
  init: { readonly method?: string; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> } = {},
) => requestJson(`${platform.url}/api/v1/ai/routes${path}`, platform.apiKey, init);
const put = (name: string, strategy: string, targets: readonly object[], headers = {}) =>
  routes(`/${name}`, { method: "PUT", body: { strategy, targets }, headers });

let calls = 0;
/** Ways on which a call may go: the short one, and the ordinary one. */
const ways = [{}, { "idempotency-key": "" }];

/** The provider that served a call, and the model as the answer has it. */
async function call(model: string, headers: Readonly<Record<string, string>> = {}) {
  const answer = await requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, {
    body: { model, messages: [{ role: "user", content: `hello ${++calls}` }] },
    headers: { ...headers, ...("idempotency-key" in headers && { "idempotency-key": `call-${calls}` }) },
  });
  return [answer.status, answer.headers.get("lyss-provider"), answer.body["model"]];
}

test("a route may be called as vendors call their models, with slashes and colons", async () => {
  for (const written of ["openai/gpt-4o:free", encodeURIComponent("openai/gpt-4o:free")]) {
    const made = await put(written, "fallback", [cheap]);
    assert.deepEqual([made.status, made.body["name"]], [200, "openai/gpt-4o:free"]);
    for (const way of ways) {
      assert.deepEqual(await call("openai/gpt-4o:free", way), [200, "cheap", "openai/gpt-4o:free"]);
    }
    const shown = await requestJson(`${platform.url}/v1/models/${written}`, platform.apiKey);
    assert.deepEqual([shown.status, shown.body["id"]], [200, "openai/gpt-4o:free"]);
    const tried = await routes(`/${written}:dry-run`, { method: "POST", body: { targets: [dear] } });
    assert.deepEqual([tried.status, tried.body["object"]], [200, "route_dry_run"]);
    assert.equal((await routes(`/${written}`)).status, 200);
    assert.equal((await routes(`/${written}`, { method: "DELETE" })).status, 200);
    assert.equal((await routes(`/${written}`)).status, 404);
  }
});

test("a route decides where calls of its name go; a change of it counts at once, and its removal ends it", async () => {
  assert.equal((await put("smart", "fallback", [dear, cheap])).status, 200);
  for (const way of ways) assert.deepEqual(await call("smart", way), [200, "dear", "smart"]);
  const changed = await put("smart", "fallback", [cheap, dear], { "if-match": '"1"' });
  assert.deepEqual([changed.status, changed.headers.get("etag")], [200, '"2"']);
  for (const way of ways) assert.deepEqual(await call("smart", way), [200, "cheap", "smart"]);
  // As it was before.
  assert.equal((await put("smart", "fallback", [dear, cheap], { "if-match": '"2"' })).status, 200);
  for (const way of ways) assert.deepEqual(await call("smart", way), [200, "dear", "smart"]);

  const { body } = await requestJson(`${platform.url}/v1/models`, platform.apiKey);
  const names = (body["data"] as { id: string }[]).map(({ id }) => id);
  assert.deepEqual(names.toSorted(), ["chat", "operators", "smart"]);
  assert.equal((await routes("/smart", { method: "DELETE" })).status, 200);
  for (const way of ways) assert.equal((await call("smart", way))[0], 404);
});

test("hard questions go to one and easy ones to another, by a route that stands in another", async () => {
  const hard = "Prove it step by step, compare both, then derive the bound: why is the algorithm O(n log n)?";
  const ask = async (content: string, headers: Readonly<Record<string, string>>) => {
    const body = { model: "clever", messages: [{ role: "user", content: `${content} ${++calls}` }] };
    const named = "idempotency-key" in headers && { "idempotency-key": `call-${calls}` };
    const answer = await requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, {
      body,
      headers: { ...named },
    });
    return answer.headers.get("lyss-provider");
  };
  await put("strong", "quality", [{ ...cheap, quality: 0.5 }, dear]);
  const made = await put("clever", "fallback", [{ route: "strong", when: { complexity: { min: 40 } } }, cheap]);
  assert.equal(made.status, 200, JSON.stringify(made.body));
  for (const way of ways) assert.deepEqual([await ask("hello", way), await ask(hard, way)], ["cheap", "dear"]);
  await put("strong", "quality", [cheap]);
  for (const way of ways)
    assert.equal(await ask(hard, way), "cheap", "a change of the inner route counts in the outer");
  for (const name of ["clever", "strong"]) await routes(`/${name}`, { method: "DELETE" });
});

test("weighted calls go to both, and to none that has no weight; conditions choose by tag", async () => {
  await put("mixed", "weighted", [cheap, dear]);
  const seen = new Set<unknown>();
  await waitUntil(async () => seen.add((await call("mixed"))[1]).size === 2);
  await put("mixed", "weighted", [{ ...cheap, weight: 0 }, dear]);
  for (const way of [...ways, ...ways]) assert.equal((await call("mixed", way))[1], "dear");

  await put("mixed", "experiment", [cheap, dear]);
  const bySide = new Map<string, Set<unknown>>();
  for (let n = 0; n < 24; n++) {
    const unit = `unit=${n % 8}`;
    const answer = await call("mixed", { ...ways[n % ways.length], "lyss-tags": unit });
    bySide.set(unit, (bySide.get(unit) ?? new Set()).add(answer[1]));
  }
  assert.ok([...bySide.values()].every(({ size }) => size === 1));
  assert.equal(new Set([...bySide.values()].flatMap((side) => [...side])).size, 2);

  await put("mixed", "fallback", [{ ...dear, tags: { env: "prod" } }, cheap]);
  for (const way of ways) {
    assert.equal((await call("mixed", { ...way, "lyss-tags": "env=prod,team=a" }))[1], "dear");
    assert.equal((await call("mixed", { ...way, "lyss-tags": "env=dev" }))[1], "cheap");
    assert.equal((await call("mixed", way))[1], "cheap");
  }
  await put("mixed", "cost", [dear, cheap]);
  for (const way of ways) assert.equal((await call("mixed", way))[1], "cheap");
  await put("mixed", "fallback", [{ ...dear, users: ["usr_nobody"] }]);
  for (const way of ways) assert.equal((await call("mixed", way))[0], 404);
});

test("W25: a conversation stays at the vendor that served it, in every dialect, until that one fails", async () => {
  await put("sticky", "weighted", [cheap, dear]);
  const brief = "Be brief. ".repeat(300);
  const ask = async (path: string, body: object, headers = {}) => {
    const given = { body: { model: "sticky", ...body }, headers };
    const answer = await requestJson(`${platform.url}${path}`, platform.apiKey, given);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    return { vendor: answer.headers.get("lyss-provider"), id: answer.body["id"] };
  };
  const toMessages = (said: readonly string[]) => said.map((content) => ({ role: "user", content }));
  const chat = (said: readonly string[], headers = {}) =>
    ask("/v1/chat/completions", { messages: [{ role: "system", content: brief }, ...toMessages(said)] }, headers);
  let previous: unknown;
  /** One call of a conversation in which all of that was said. */
  const dialects: Readonly<Record<string, (said: readonly string[]) => Promise<{ readonly vendor: string | null }>>> = {
    lane: (said) => chat(said),
    ordinary: (said) => chat(said, { "idempotency-key": `sticky-${++calls}` }),
    messages: (said) => ask("/v1/messages", { system: brief, messages: toMessages(said), max_tokens: 20 }),
    // What was said before is kept here: only its id is sent.
    async responses(said) {
      const from = said.length > 1 ? { previous_response_id: previous } : {};
      const answer = await ask("/v1/responses", { instructions: brief, input: said.at(-1), ...from });
      previous = answer.id;
      return answer;
    },
  };
  for (const [name, talk] of Object.entries(dialects)) {
    const said = [`hello in ${name}`];
    const { vendor } = await talk(said);
    for (let at = 0; at < 6; at++) {
      said.push(`and ${at}?`);
      assert.equal((await talk(said)).vendor, vendor, name);
    }
    said.push("simulate.error=500 simulate.times=1");
    const { vendor: other } = await talk(said);
    assert.notEqual(other, vendor, `${name}: it goes on elsewhere`);
    said.push("and then?");
    for (let at = 0; at < 3; at++) assert.equal((await talk(said)).vendor, other, `${name}: and stays there`);
  }
  const seen = new Set<unknown>();
  await waitUntil(async () => seen.add((await chat([`another one, ${++calls}`])).vendor).size === 2);
});

test("a call's receipt says who could have served it, how they did, and why it went where it did", async () => {
  await put("explained", "fallback", [cheap, dear]);
  const ask = async (content: string, more: object = {}, headers = {}) => {
    const body = { model: "explained", messages: [{ role: "user", content: `${content} ${++calls}` }], ...more };
    const answer = await requestJson(`${platform.url}/v1/chat/completions`, platform.apiKey, { body, headers });
    const callId = String(answer.headers.get("lyss-call-id"));
    const receipt = async () => await requestJson(`${platform.url}/v1/requests/${callId}/receipt`, platform.apiKey, {});
    await waitUntil(async () => (await receipt()).status === 200);
    return { callId, ...((await receipt()).body as unknown as Receipt) };
  };
  const brief = ({ routing }: Receipt) =>
    routing?.candidates.map(({ provider, result, code, place }) => [provider, result, code, place]);
  for (const headers of [{}, { "idempotency-key": `explained-${++calls}` }]) {
    const failed = await ask("simulate.error=500 simulate.times=1", {}, headers);
    assert.deepEqual(brief(failed), [
      ["cheap", "failed", "GATEWAY_007", 1],
      ["dear", "served", null, 2],
    ]);
    assert.deepEqual([failed.routing?.model, failed.routing?.strategy], ["explained", "fallback"]);
    assert.deepEqual(
      failed.attempts.map(({ attempt, provider, status, charged }) => [attempt, provider, status, charged]),
      [
        [1, "cheap", "failed", false],
        [2, "dear", "completed", true],
      ],
    );
    assert.equal(failed.attempts[1]?.cost_nanos, failed.cost_nanos);
    const health = failed.routing?.candidates[0]?.health;
    assert.ok(health && health.score > 0 && health.score <= 1 && health.state === "well", JSON.stringify(health));
  }
  const chosen = await ask("hello", { provider: { ignore: ["cheap"] } });
  assert.deepEqual(brief(chosen), [
    ["cheap", "not_wanted", null, null],
    ["dear", "served", null, 1],
  ]);
  await put("explained", "fallback", [{ ...cheap, tags: { env: "prod" } }, dear]);
  assert.deepEqual(brief(await ask("hello")), [
    ["cheap", "not_for_call", null, null],
    ["dear", "served", null, 1],
  ]);
  const { callId, ...plain } = await ask("hello", { model: "chat" });
  assert.deepEqual([plain.routing?.strategy, brief(plain)?.[1]], [null, ["dear", "not_reached", null, 2]]);
  const env = { LYSS_URL: platform.url, LYSS_API_KEY: platform.apiKey };
  assert.match((await runLyss(["usage", "explain", callId], env)).output, /cheap\) +served/);
  const unknown = await requestJson(`${platform.url}/v1/requests/call_none/receipt`, platform.apiKey, {});
  assert.equal(unknown.status, 404);
});

test("a dry run says where recorded calls would have gone and what that would have cost, and changes nothing", async () => {
  await waitForNoCall(platform);
  await waitForNoHold(platform);
  const rows = (await listUsage(platform)) as unknown as Record<string, unknown>[];
  const costAt = (name: string) =>
    rows.filter(({ provider }) => provider === name).reduce((sum, row) => sum + BigInt(String(row["cost_nanos"])), 0n);
  const [atCheap, atDear] = [costAt("cheap"), costAt("dear")];
  assert.ok(atCheap > 0n && atDear > 0n);
  const run = async (targets: readonly object[]) =>
    (await routes("/mixed:dry-run", { body: { strategy: "fallback", targets, calls: 1_000 } })).body;
  const before = await routes("/mixed");

  const saved = await run([cheap, dear]);
  assert.deepEqual([saved["calls"], saved["unserved_calls"], saved["unpriced_calls"]], [rows.length, 0, 0]);
  assert.equal(saved["recorded_nanos"], `${atCheap + atDear}`);
  assert.equal(saved["cost_nanos"], `${atCheap + atDear / 10n}`);
  assert.equal(saved["difference_nanos"], `${atDear / 10n - atDear}`);
  const spent = await run([dear]);
  assert.equal(spent["difference_nanos"], `${9n * atCheap}`);
  assert.deepEqual(spent["targets"], [{ ...dear, calls: rows.length, cost_nanos: `${10n * atCheap + atDear}` }]);
  const undecided = await run([{ ...cheap, when: { tools: true } }, dear]);
  assert.deepEqual([undecided["undecided_calls"], undecided["cost_nanos"]], [rows.length, "0"]);
  const long = await run([{ ...cheap, when: { tokens: { min: 100_000 } } }, dear]);
  assert.deepEqual([long["undecided_calls"], long["cost_nanos"]], [0, spent["cost_nanos"]]);
  await put("inner", "fallback", [dear]);
  const nested = await run([{ ...cheap, users: ["usr_nobody"] }, { route: "inner" }]);
  assert.deepEqual([nested["cost_nanos"], nested["unserved_calls"]], [spent["cost_nanos"], 0]);
  await routes("/inner", { method: "DELETE" });
  const nobodys = await run([{ ...cheap, users: ["usr_nobody"] }]);
  assert.deepEqual([nobodys["unserved_calls"], nobodys["cost_nanos"]], [rows.length, "0"]);

  assert.deepEqual((await routes("/mixed")).body["targets"], before.body["targets"]);
  assert.equal(((await listUsage(platform)) as unknown[]).length, rows.length);
});

test("the operator's routes change with the file, and one that goes nowhere leaves them as they were", async () => {
  assert.deepEqual(await call("operators"), [200, "dear", "operators"]);
  const removed = await routes("/operators", { method: "DELETE" });
  assert.equal((removed.body["error"] as { code: string }).code, "GATEWAY_022");
  edit({ ...config, routes: [{ name: "operators", strategy: "fallback", targets: [cheap, dear] }] });
  await waitUntil(async () => (await call("operators"))[1] === "cheap");
  edit({ ...config, routes: [{ name: "operators", targets: [{ provider: "nobody", model: "chat" }] }] });
  await waitUntil(async () => platform.output().includes("the routes of the configuration are not taken over"));
  assert.deepEqual(await call("operators"), [200, "cheap", "operators"]);
  edit({ ...config, routes: [] });
  await waitUntil(async () => (await call("operators"))[0] === 404);
});

interface Receipt {
  readonly cost_nanos: string;
  readonly attempts: readonly {
    readonly attempt: number;
    readonly provider: string;
    readonly status: string;
    readonly charged: boolean;
    readonly cost_nanos: string;
  }[];
  readonly routing: {
    readonly model: string;
    readonly strategy: string | null;
    readonly candidates: readonly {
      readonly provider: string;
      readonly result: string;
      readonly code: string | null;
      readonly place: number | null;
      readonly health: { readonly score: number; readonly state: string } | null;
    }[];
  } | null;
}

interface Health {
  readonly state: string;
  readonly availability: number;
  readonly first_byte_ms: number | null;
  readonly score_parts: { readonly cost: number };
}

test("providers show how their models do beside each other", async () => {
  const { body } = await requestJson(`${platform.url}/api/v1/ai/providers`, platform.apiKey);
  const shown = body["data"] as { name: string; models: { health: Health }[] }[];
  const healthOf = (name: string) => shown.find((it) => it.name === name)?.models[0]?.health;
  for (const name of ["cheap", "dear"]) {
    const health = healthOf(name);
    assert.equal(health?.state, "well", name);
    // Calls before this one were made to fail.
    assert.ok(Number(health?.availability) > 0.5, name);
    assert.ok(Number(health?.first_byte_ms) > 0, name);
  }
  const costs = ["cheap", "dear"].map((name) => healthOf(name)?.score_parts.cost);
  assert.deepEqual(costs, [1, 0.1]);
});

test("routes are put, shown, listed, tried and deleted by command", async () => {
  const env = { LYSS_URL: platform.url, LYSS_API_KEY: platform.apiKey };
  const lyss = (...words: readonly string[]) => runLyss(["route", ...words], env);
  const target = ["--target", "cheap/chat,weight=9,tag.env=prod", "dear/chat", "--strategy", "weighted"];
  const made = await lyss("put", "by-hand", ...target);
  assert.deepEqual([made.code, made.complaint], [0, ""]);
  assert.match(made.output, /cheap\/chat +0 +9 +1 +env=prod +well/);
  const stale = await lyss("put", "by-hand", ...target, "--if-version", "7");
  assert.equal(stale.code, 1);
  assert.match(stale.complaint, /version 1, not 7/);
  assert.match((await lyss("get", "by-hand")).output, /strategy +weighted/);
  assert.match((await lyss("list")).output, /by-hand +weighted +tenant +1 +cheap\/chat dear\/chat/);
  const tried = await lyss("dry-run", "by-hand", "--target", "dear/chat");
  assert.deepEqual([tried.code, tried.complaint], [0, ""]);
  assert.match(tried.output, /difference +\d/);
  assert.equal((await lyss("delete", "by-hand")).output, "by-hand is removed.\n");
  assert.equal((await lyss("put", "by-hand", "--target", "cheap")).code, 1);
});
