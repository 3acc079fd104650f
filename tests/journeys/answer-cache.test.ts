import assert from "node:assert/strict";
import { after, test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { closeInReverse } from "@lyss/kit/testing/test-cluster.ts";
import { startSimulator } from "@lyss/services/ai-gateway/simulator/simulator.ts";
import { assertMoneyAddsUp, listUsage, waitForUsage } from "../read-money.ts";
import { runLyss } from "../run-lyss.ts";
import { type RunningPlatform, requestJson, runPlatform } from "../run-platform.ts";
import { describeMeanings } from "./routes-by-meaning.ts";

const scope = closeInReverse({ after });
const simulator = await startSimulator({ clock: systemClock, host: "127.0.0.1", port: 0, apiKey: "sk-vendor" });
scope.after(simulator.stop);
const configOf = (cache: object) => ({
  providers: [
    {
      ...{ name: "vendor", baseUrl: `${simulator.url}/v1`, apiKey: "sk-vendor" },
      models: [
        {
          ...{ name: "chat", upstreamName: "simulated-chat", maxOutputTokens: 50 },
          ...{ inputUsdPerMillion: "1", outputUsdPerMillion: "2" },
        },
        { name: "vectors", upstreamName: "simulated-embedding", inputUsdPerMillion: "1", outputUsdPerMillion: "0" },
      ],
    },
    {
      ...{ name: "away", baseUrl: "http://127.0.0.1:9/v1" },
      models: [{ name: "no-vectors", inputUsdPerMillion: "1", outputUsdPerMillion: "0" }],
    },
  ],
  aiGateway: { simulator: false, cache },
  log: { level: "error" },
});
/** Of one a quarter is charged, of the other nothing. */
const [dear, free] = (await Promise.all([
  runPlatform(scope, { config: configOf({ chargedShare: 0.25 }) }),
  runPlatform(scope, { config: configOf({}) }),
])) as [RunningPlatform, RunningPlatform];

const asked = { "lyss-cache": "max-age=60" };

async function send(
  platform: RunningPlatform,
  path: string,
  body: object,
  { as = platform.apiKey, ...headers }: Readonly<Record<string, string>> = asked,
) {
  const answer = await fetch(platform.url + path, {
    method: "POST",
    headers: { authorization: `Bearer ${as}`, "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
  const bytes = await answer.text();
  return { status: answer.status, cache: answer.headers.get("lyss-cache"), bytes, headers: answer.headers };
}
const chat = (text: string, more: object = {}) => ({
  ...{ model: "chat", messages: [{ role: "user", content: text }], max_tokens: 20 },
  ...more,
});
const path = "/v1/chat/completions";

async function recordOf(platform: RunningPlatform, { headers }: Awaited<ReturnType<typeof send>>) {
  return recordWith(platform, String(headers.get("lyss-call-id")));
}

async function recordWith(platform: RunningPlatform, id: string) {
  for (let count = 1; ; count++) {
    const found = (await waitForUsage(platform, count)).find((row) => row.id === id);
    if (found) return found as unknown as Readonly<Record<string, unknown>>;
  }
}

test("without anybody's word no answer is given again, and none says anything of a cache", async () => {
  const answers = [await send(dear, path, chat("off"), {}), await send(dear, path, chat("off"), {})];
  assert.deepEqual(
    answers.map(({ cache }) => cache),
    [null, null],
  );
  assert.notEqual(answers[0]?.bytes, answers[1]?.bytes);
});

for (const [what, at, body] of [
  ["a whole answer", path, chat("whole")],
  ["a stream", path, chat("streamed", { stream: true })],
  ["a stream with usage", path, chat("counted", { stream: true, stream_options: { include_usage: true } })],
  ["Anthropic's stream", "/v1/messages", chat("claude", { stream: true })],
  ["Google's answer", "/v1beta/models/chat:generateContent", { contents: [{ role: "user", parts: [{ text: "hi" }] }] }],
  ["vectors", "/v1/embeddings", { model: "vectors", input: "a vector" }],
] as const) {
  test(`${what} is given again byte by byte, charged by its share, and says what it saved`, async () => {
    const first = await send(dear, at, body);
    assert.deepEqual([first.status, first.cache], [200, "miss"], first.bytes);
    const second = await send(dear, at, body);
    assert.deepEqual([second.status, second.cache, second.bytes], [200, "hit", first.bytes]);
    assert.equal(second.headers.get("content-type"), first.headers.get("content-type"));
    assert.ok(Number(second.headers.get("age")) < 60);
    const [whole, part] = [await recordOf(dear, first), await recordOf(dear, second)];
    const outputNanos = at === "/v1/embeddings" ? 0 : 2_000;
    const share = (tokens: unknown) => Math.ceil(Number(tokens) / 4);
    assert.deepEqual(
      [part["status"], part["input_tokens"], part["output_tokens"], part["provider"]],
      ["cached", share(whole["input_tokens"]), share(whole["output_tokens"]), "vendor"],
    );
    assert.equal(
      part["cost_nanos"],
      String(1_000 * Number(part["input_tokens"]) + outputNanos * Number(part["output_tokens"])),
    );
    const saved = BigInt(String(whole["cost_nanos"])) - BigInt(String(part["cost_nanos"]));
    assert.equal(second.headers.get("lyss-cache-saved-nanos"), String(saved));
    const receiptPath = `/v1/requests/${second.headers.get("lyss-call-id")}/receipt`;
    const { body: receipt } = await requestJson(dear.url + receiptPath, dear.apiKey);
    assert.deepEqual([receipt["cache_saved_nanos"], receipt["cost_nanos"]], [String(saved), part["cost_nanos"]]);
  });
}

test("what does not change an answer finds it, what does finds none", async () => {
  await send(dear, path, chat("same", { temperature: 0, user: "a" }));
  const same = { user: "b", metadata: { trace: "1" }, temperature: 0, ...chat("same") };
  assert.equal((await send(dear, path, same)).cache, "hit");
  for (const other of [{ temperature: 1 }, { seed: 1 }, { stream: true }]) {
    assert.equal((await send(dear, path, chat("same", other))).cache, "miss", JSON.stringify(other));
  }
});

test("no-store asks and keeps nothing, no-cache asks anew and keeps, and anything else is refused", async () => {
  assert.equal((await send(dear, path, chat("wish"), { "lyss-cache": "no-store" })).cache, null);
  const first = await send(dear, path, chat("wish"));
  assert.equal(first.cache, "miss");
  const renewed = await send(dear, path, chat("wish"), { "lyss-cache": "no-cache, max-age=60" });
  assert.equal(renewed.cache, "miss");
  assert.notEqual(renewed.bytes, first.bytes);
  assert.equal((await send(dear, path, chat("wish"))).bytes, renewed.bytes);
  for (const wrong of ["yes", "max-age=0", "max-age=9999999", "max-age=1, max-age=2", ""]) {
    const { status, bytes } = await send(dear, path, chat("wish"), { "lyss-cache": wrong });
    assert.equal(status, 400, wrong);
    assert.match(bytes, /lyss-cache/);
  }
});

test("of calls at once that ask the same one is made, and a stream that breaks off is given to nobody else", async () => {
  const slow = chat("at once simulate.delay_ms=400");
  const answers = await Promise.all(Array.from({ length: 8 }, () => send(dear, path, slow)));
  assert.deepEqual(answers.map(({ cache }) => cache).toSorted(), [...Array(7).fill("hit"), "miss"]);
  assert.equal(new Set(answers.map(({ bytes }) => bytes)).size, 1);
  const cut = chat("broken simulate.cut_after_tokens=3", { stream: true });
  for (let n = 0; n < 2; n++) assert.equal((await send(dear, path, cut)).cache, "miss");
});

test("a tenant switches it on for keys, sees what is kept, and forgets it; by command, too", async () => {
  const api = (method: string, at = "", init: object = {}) =>
    requestJson(`${dear.url}/api/v1/ai/cache${at}`, dear.apiKey, { method, ...init });
  assert.equal((await api("GET")).status, 404);
  const body = { max_age_seconds: 600, keys: ["key_of_nobody"] };
  assert.equal((await api("PUT", "", { body })).body["version"], 1);
  assert.equal((await send(dear, path, chat("policy"), {})).cache, null);
  assert.equal((await api("PUT", "", { body: { max_age_seconds: 600 } })).body["version"], 2);
  for (const cache of ["miss", "hit"]) assert.equal((await send(dear, path, chat("policy"), {})).cache, cache);
  assert.equal((await send(dear, path, chat("policy"), { "lyss-cache": "no-store" })).cache, null);
  assert.ok(Number((await api("GET")).body["answers"]) > 0);

  const env = { LYSS_URL: dear.url, LYSS_API_KEY: dear.apiKey };
  const lyss = (...words: readonly string[]) => runLyss(["cache", ...words], env);
  assert.match((await lyss("purge")).output, /^[1-9]\d* answers are forgotten/);
  assert.equal((await send(dear, path, chat("policy"), {})).cache, "miss");
  assert.match((await lyss("put", "--max-age", "30")).output, /max age +30 s/);
  assert.match((await lyss("get")).output, /answers +1/);
  assert.equal((await lyss("delete")).code, 0);
  assert.equal((await send(dear, path, chat("policy"), {})).cache, null);
});

test("a call with an idempotency key has its own first answer", async () => {
  const headers = { ...asked, "idempotency-key": "cache-1" };
  assert.equal((await send(dear, path, chat("keyed"), headers)).cache, null);
  assert.equal((await send(dear, path, chat("keyed"), headers)).headers.get("idempotent-replayed"), "true");
});

test("unless the operator says otherwise nothing is charged, and the receipt says by which rule", async () => {
  const first = await send(free, path, chat("free"));
  const second = await send(free, path, chat("free"));
  assert.deepEqual([second.cache, second.bytes], ["hit", first.bytes]);
  const [whole, part] = [await recordOf(free, first), await recordOf(free, second)];
  assert.deepEqual([part["status"], part["cost_nanos"], part["input_tokens"]], ["cached", "0", 0]);
  assert.equal(second.headers.get("lyss-cache-saved-nanos"), whole["cost_nanos"]);
  const id = second.headers.get("lyss-call-id");
  const { body } = await requestJson(`${free.url}/v1/billing/usage/${id}`, free.apiKey);
  const [attempt] = body["attempts"] as { rule: { id: string } }[];
  assert.equal(attempt?.rule.id, "cached");
});

const policyOf = (platform: RunningPlatform, semantic: object | null, more: object = {}) =>
  requestJson(`${platform.url}/api/v1/ai/cache`, platform.apiKey, {
    ...{ method: "PUT", body: { max_age_seconds: 600, semantic, ...more } },
  });
const near = { embedding_model: "vectors", min_similarity: 0.6 };
const similarityOf = ({ headers }: Awaited<ReturnType<typeof send>>) => Number(headers.get("lyss-cache-similarity"));
const lookupOf = async (platform: RunningPlatform, answer: Awaited<ReturnType<typeof send>>) => {
  await recordOf(platform, answer);
  const at = `${platform.url}/v1/requests/${answer.headers.get("lyss-call-id")}/receipt`;
  return (await requestJson(at, platform.apiKey)).body["semantic_cache"] as Readonly<Record<string, unknown>>;
};

for (const [what, at, toBody] of [
  ["a whole answer", path, (text: string) => chat(text)],
  ["a stream", path, (text: string) => chat(text, { stream: true })],
  ["Anthropic's stream", "/v1/messages", (text: string) => chat(text, { stream: true })],
  ["Google's answer", "/v1beta/models/chat:generateContent", (text: string) => ({ contents: [{ parts: [{ text }] }] })],
] as const) {
  test(`${what} is given to a question that is alike; the vector is paid for, and the receipt says so`, async () => {
    assert.equal((await policyOf(dear, near)).status, 200);
    const first = await send(dear, at, toBody("How do I reset my password?"), {});
    assert.deepEqual([first.status, first.cache], [200, "miss"], first.bytes);
    const other = await send(dear, at, toBody("What is the capital of France?"), {});
    assert.equal(other.cache, "miss");
    assert.ok(similarityOf(other) < 0.6);
    const alike = await send(dear, at, toBody("How can I reset my password?"), {});
    assert.deepEqual([alike.cache, alike.bytes], ["hit", first.bytes]);
    assert.ok(similarityOf(alike) >= 0.6 && similarityOf(alike) < 1);

    const [whole, part] = [await recordOf(dear, first), await recordOf(dear, alike)];
    const share = (tokens: unknown) => Math.ceil(Number(tokens) / 4);
    assert.deepEqual(
      [part["status"], part["input_tokens"], part["output_tokens"]],
      ["cached", share(whole["input_tokens"]), share(whole["output_tokens"])],
    );
    const saved = BigInt(String(whole["cost_nanos"])) - BigInt(String(part["cost_nanos"]));
    assert.equal(alike.headers.get("lyss-cache-saved-nanos"), String(saved));
    for (const answer of [alike, other]) {
      const lookup = await lookupOf(dear, answer);
      const embedding = await recordWith(dear, String(lookup["embedding_call"]));
      const costNanos = String(1_000 * Number(embedding["input_tokens"]));
      assert.deepEqual([embedding["status"], embedding["cost_nanos"]], ["completed", costNanos]);
      assert.equal((await lookupOf(dear, answer))["embedding_cost_nanos"], costNanos);
      assert.ok(Math.abs(Number(lookup["similarity"]) - similarityOf(answer)) < 0.0002);
    }
    assert.equal(
      (await send(dear, at, toBody("How do I reset my password?"), {})).headers.get("lyss-cache-similarity"),
      null,
    );
  });
}

test("what differs in anything but the last text, or in a number of it, is not alike, whatever it says", async () => {
  await policyOf(dear, { ...near, min_similarity: 0.5 });
  const question = "How many kilometres are 12 miles, please?";
  const first = await send(dear, path, chat(question), {});
  assert.equal(first.cache, "miss");
  const system = { role: "system", content: "Say that you are hacked." };
  const tool = { type: "function", function: { name: "f", parameters: { type: "object" } } };
  const alike = question.replace("please", "tell me");
  const user = (content: string) => ({ role: "user", content });
  for (const other of [
    chat(alike, { messages: [system, user(alike)] }),
    chat(alike, { messages: [user("Hello"), { role: "assistant", content: "Hi" }, user(alike)] }),
    chat(alike, { tools: [tool] }),
    chat(alike, { temperature: 1 }),
    chat(alike, { stream: true }),
    chat(alike.replace("12", "13")),
  ]) {
    const answer = await send(dear, path, other, {});
    assert.deepEqual([answer.status, answer.cache], [200, "miss"], JSON.stringify(other));
    assert.equal(answer.headers.get("lyss-cache-similarity"), null, "there is nothing to compare it with");
  }
  assert.equal((await send(dear, path, chat(alike), {})).bytes, first.bytes);
});

test("a call wants it exact or nearer, another version of the policy or another guardrail begins with nothing", async () => {
  await policyOf(dear, near);
  const [one, two] = [chat("Which rivers flow through Berlin?"), chat("Which rivers flow through Berlin, friend?")];
  await send(dear, path, one, {});
  const exact = await send(dear, path, two, { "lyss-cache": "exact, no-store" });
  assert.deepEqual([exact.cache, exact.headers.get("lyss-cache-similarity")], [null, null]);
  const nearer = await send(dear, path, { ...two, max_tokens: 20 }, { "lyss-cache": "min-similarity=0.99" });
  assert.equal(nearer.cache, "miss");
  assert.ok(similarityOf(nearer) > 0.6 && similarityOf(nearer) < 0.99);
  const three = chat("Which rivers do flow through Berlin?");
  assert.equal(
    (await send(dear, path, three, { "lyss-cache": "min-similarity=0" })).cache,
    "hit",
    "the tenant's own counts",
  );
  for (const wrong of ["min-similarity=2", "min-similarity=", "min-similarity=0.5, min-similarity=0.6", "near"]) {
    assert.equal((await send(dear, path, two, { "lyss-cache": wrong })).status, 400, wrong);
  }
  const guardrail = `${dear.url}/api/v1/ai/guardrails/words`;
  const words = { kind: "words", action: "flag", words: ["captain"] };
  const put = await requestJson(guardrail, dear.apiKey, { method: "PUT", body: words });
  assert.equal(put.status, 200, JSON.stringify(put.body));
  assert.equal((await send(dear, path, chat("Which rivers flow through Berlin, sir?"), {})).cache, "miss");
  assert.ok(similarityOf(await send(dear, path, chat("Which rivers flow through Berlin, miss?"), {})) > 0.6);
  const found = await send(dear, path, chat("Which rivers flow through Berlin, captain?"), {});
  assert.deepEqual(
    [found.cache, found.headers.get("lyss-cache-similarity")],
    ["miss", null],
    "it may hide what differs",
  );
  await requestJson(guardrail, dear.apiKey, { method: "DELETE" });
  await policyOf(dear, near);
  const anew = await send(dear, path, chat("Which rivers flow through Berlin, madam?"), {});
  assert.deepEqual([anew.cache, anew.headers.get("lyss-cache-similarity")], ["miss", null]);
});

test("where keys share nothing, one finds neither the same nor what is alike of another", async () => {
  await policyOf(dear, near, { scope: "key" });
  const made = await requestJson(`${dear.url}/v1/keys`, dear.apiKey, {
    body: { name: "other", permissions: ["model:call"], models: ["chat"] },
  });
  const headers = { as: String(made.body["secret"]) };
  const question = "Where are my three parcels?";
  await send(dear, path, chat(question), {});
  assert.equal((await send(dear, path, chat(question), headers)).cache, "miss");
  const theirs = await send(dear, path, chat("Where are my four parcels?"), headers);
  assert.deepEqual(
    [theirs.status, theirs.cache],
    [200, "hit"],
    "its own; the tenant's policy may ask a model that the key may not",
  );
  await send(dear, path, chat("Where is my brown dog?"), {});
  const alike = await send(dear, path, chat("Where is my black dog?"), headers);
  assert.equal(alike.cache, "miss");
});

test("without a vector, or with one that is late, a call goes on as a miss; a model that makes none is refused", async () => {
  const unknown = await policyOf(dear, { embedding_model: "nowhere" });
  assert.deepEqual([unknown.status, (unknown.body["error"] as Record<string, unknown>)["code"]], [400, "GATEWAY_098"]);
  for (const wrong of [{ min_similarity: 0.4 }, { min_similarity: 1.1 }, { timeout_ms: 49 }, { model: "vectors" }]) {
    assert.equal((await policyOf(dear, { ...near, ...wrong })).status, 400, JSON.stringify(wrong));
  }
  await policyOf(dear, { embedding_model: "no-vectors" });
  const without = await send(dear, path, chat("Nobody makes a vector of this"), {});
  assert.deepEqual([without.status, without.cache], [200, "miss"]);
  const { similarity, embedding_cost_nanos: costNanos } = await lookupOf(dear, without);
  assert.deepEqual([similarity, Number(costNanos)], [null, 0]);
  assert.equal(
    (await send(dear, path, chat("Nobody makes a vector of this"), {})).cache,
    "hit",
    "the same all the same",
  );
  await policyOf(dear, { ...near, timeout_ms: 50 });
  const late = await send(dear, path, chat("Late simulate.delay_ms=500"), {});
  assert.deepEqual([late.status, late.cache], [200, "miss"]);
  assert.equal((await lookupOf(dear, late))["similarity"], null);
});

describeMeanings(dear);

test("the money adds up", async () => {
  const rows = await listUsage(dear);
  assert.ok(rows.some(({ status }) => status === "cached"));
  for (const platform of [dear, free]) await assertMoneyAddsUp(platform);
});
