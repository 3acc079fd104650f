import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { runLyss } from "../run-lyss.ts";
import { requestJson, runPlatform } from "../run-platform.ts";
import { sendWord, startRawProvider } from "../scenarios/raw-provider.ts";

/** One model whose price everybody knows, and one that only this installation has. */
const own = await startRawProvider({ after }, "own-model", sendWord);
const openai = { name: "openai", baseUrl: "https://api.openai.com/v1", models: [{ name: "gpt-4o-mini" }] };
const ownModels = [{ name: "own-model" }];
const platform = await runPlatform(
  { after },
  {
    config: { providers: [openai, { ...own.config, models: ownModels }] },
    env: { GROQ_API_KEY: "gsk-test" },
  },
);
const { dataDir, url, apiKey } = platform;
const lyss = (...words: readonly string[]) => runLyss(words, { LYSS_DATA_DIR: dataDir, LYSS_URL: url, PATH: "/bin" });

const costPrice = {
  ...{ provider: "simulated", model: "simulated-chat", input_nanos_per_million: "1000000" },
  ...{ cached_input_nanos_per_million: "0", output_nanos_per_million: "2000000" },
};
const put = await requestJson(`${url}/admin/billing/cost-prices`, apiKey, {
  method: "PUT",
  body: { prices: [costPrice] },
});
assert.equal(put.status, 200);

test("`lyss billing verify` checks the money of a running platform and says so, in words and as JSON", async () => {
  const body = { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] };
  assert.equal((await requestJson(`${url}/v1/chat/completions`, apiKey, { body })).status, 200);
  const shown = await lyss("billing", "verify");
  assert.equal(shown.code, 0, shown.complaint);
  assert.match(shown.output, /state +passed/);
  const { code, output } = await lyss("billing", "verify", "--json");
  assert.equal(code, 0);
  const { state, wallets, findings, digest } = JSON.parse(output);
  assert.deepEqual([state, wallets, findings], ["passed", 1, []]);
  assert.match(digest, /^[0-9a-f]{64}$/);
});

test("`lyss billing rebuild` looks by default, writes only when that is said twice, and finds nothing to write", async () => {
  const looked = await lyss("billing", "rebuild", "--json");
  const nothing = { checked: 1, applied: false, differences: [], budgets: [] };
  assert.deepEqual([looked.code, JSON.parse(looked.output)], [0, nothing]);
  const unsure = await lyss("billing", "rebuild", "--apply");
  assert.equal(unsure.code, 1);
  assert.match(unsure.complaint, /--yes/);
  const applied = await lyss("billing", "rebuild", "--apply", "--yes");
  assert.deepEqual(
    [applied.code, applied.output],
    [0, "0 of 1 wallets and 0 budgets were set to what they come to.\n"],
  );
});

test("`lyss billing reconcile` compares a report with what was recorded, and ends with 1 where they drift apart", async () => {
  const report = join(dataDir, "report.csv");
  const day = new Date().toISOString().slice(0, 10);
  const reconcile = async (cost: string) => {
    writeFileSync(report, `day,model,cost\n${day},simulated-chat,${cost}\n`);
    return lyss("billing", "reconcile", "--provider", "simulated", "--file", report, "--json");
  };
  const near = await reconcile("0.000000050");
  assert.equal(near.code, 0, near.complaint);
  const far = await reconcile("12.5");
  assert.equal(far.code, 1);
  assert.match(far.complaint, /drift apart by 12\.49/);
  const [difference] = JSON.parse(far.output).differences;
  assert.deepEqual([difference.day, difference.model, difference.state], [day, "simulated-chat", "drift"]);
  const missing = await lyss("billing", "reconcile", "--provider", "simulated", "--file", join(dataDir, "none.csv"));
  assert.match(missing.complaint, /none\.csv cannot be read/);
});

test("a model without a price is named at the start, by `lyss doctor` and to who calls it, and is called once it has one", async () => {
  const call = () => {
    const body = { model: "own-model", messages: [{ role: "user", content: "hello" }] };
    return requestJson(`${url}/v1/chat/completions`, apiKey, { body });
  };
  const listed = async () => {
    const { data } = (await requestJson(`${url}/v1/models`, apiKey)).body as { data: { id: string }[] };
    return data.map(({ id }) => id);
  };
  assert.match(platform.output(), /"models":\["own-model"\],"msg":"models have no price/);
  const examined = await lyss("doctor");
  assert.equal(examined.code, 0, examined.output);
  assert.match(
    examined.output,
    /ai-gateway\.prices +warn +no price, so no calls: own-model\/own-model; see 'lyss prices set'/,
  );
  assert.ok(!(await listed()).includes("own-model"));
  assert.equal((await requestJson(`${url}/v1/models/own-model`, apiKey)).status, 403);
  const refused = await call();
  const { code, message } = refused.body["error"] as Record<string, string>;
  assert.deepEqual([refused.status, code], [403, "BILLING_002"]);
  assert.match(String(message), /lyss prices set own-model own-model --input/);

  const set = await lyss("prices", "set", "own-model", "own-model", "--input", "1", "--output", "2");
  assert.equal(set.code, 0, set.complaint);
  // Until the word of it has reached the gateway.
  await waitUntil(async () => (await listed()).includes("own-model"));
  assert.equal((await call()).status, 200);
});

test("models configured without a price, and those of a vendor whose key is in the environment, have the well-known one", async () => {
  const shown = await lyss("prices", "show", "openai", "gpt-4o-mini", "--json");
  const [price] = JSON.parse(shown.output).data;
  assert.deepEqual([price.origin, price.terms.rates.input], ["catalog", "150000000"]);
  const listed = (await requestJson(`${url}/v1/models`, apiKey)).body as { data: { id: string; owned_by: string }[] };
  const groq = listed.data.filter(({ owned_by }) => owned_by === "groq");
  assert.ok(groq.length > 20);
  const known = await lyss("provider", "add", "mine", "--base-url", "https://api.openai.com/v1", "--model", "gpt-4o");
  assert.equal(known.code, 0, known.complaint);
  const unknown = await lyss("provider", "add", "mine", "--base-url", "https://api.openai.com/v1", "--model", "o99");
  assert.equal(unknown.code, 1);
  assert.match(unknown.complaint, /The model 'o99' of 'mine' has no price/);
  const lonely = [{ name: "gpt-4o", output_usd_per_million: "1" }];
  const body = { name: "mine", base_url: "https://api.openai.com/v1", models: lonely };
  const answer = await requestJson(`${url}/api/v1/ai/providers`, apiKey, { body });
  assert.equal(answer.status, 400);
  assert.match(JSON.stringify(answer.body), /output_usd_per_million: needs input_usd_per_million beside it/);
});

test("a vendor is added by its name, with its address and its models; what is its customer's own is asked for", async () => {
  const presets = await lyss("provider", "presets");
  assert.match(presets.output, /^groq +openai +https:\/\/api\.groq\.com\/openai\/v1 +GROQ_API_KEY +\d+$/m);
  const added = await lyss("provider", "add", "deep", "--preset", "moonshot-cn", "--api-key-env", "PATH");
  assert.equal(added.code, 0, added.complaint);
  const { body } = await requestJson(`${url}/api/v1/ai/providers`, apiKey);
  const deep = (body["data"] as Record<string, unknown>[]).find(({ name }) => name === "deep");
  assert.deepEqual([deep?.["base_url"], deep?.["dialect"]], ["https://api.moonshot.cn/v1", "openai"]);
  assert.ok(((deep?.["models"] as unknown[] | undefined) ?? []).length > 10);
  for (const [options, complaint] of [
    [["--preset", "nobody"], /--preset nobody: is not known; 'lyss provider presets' lists what is/],
    [
      ["--preset", "azure", "--api-key-env", "PATH", "--model", "gpt-4o"],
      /your own address with --base-url, in the form https/,
    ],
    [["--preset", "openrouter", "--api-key-env", "PATH"], /Name the models with --model/],
    [["--preset", "groq", "--api-key-env", "NOT_SET_HERE"], /NOT_SET_HERE is not set/],
    [["--model", "gpt-4o"], /--base-url, or its vendor with --preset/],
  ] as const) {
    const refused = await lyss("provider", "add", "other", ...options);
    assert.equal(refused.code, 1);
    assert.match(refused.complaint, complaint);
  }
});

test("`lyss demo` fills a tenant of its own beside a running platform: the money adds up, a repeat changes nothing, another's tenant is refused", async () => {
  const calls = 1_050;
  const made = await lyss("demo", "--calls", String(calls), "--days", "5", "--json");
  assert.equal(made.code, 0, made.complaint);
  const { api_key: demoKey, cost_nanos: costNanos, ...shown } = JSON.parse(made.output);
  assert.deepEqual([shown.state, shown.tenant, shown.email], ["filled", "demo", "mia@demo.lyss.local"]);
  assert.ok(BigInt(costNanos) > 0n);

  // More calls than are read at once, at prices that this process has not looked up yet.
  const verified = await lyss("billing", "verify", "--json");
  assert.equal(verified.code, 0, `${verified.output}${verified.complaint}`);
  const { wallets, usage_rows } = JSON.parse(verified.output);
  assert.equal(wallets, 2);
  assert.ok(Number(usage_rows) >= calls);

  const sums = await requestJson(`${url}/v1/billing/usage/summary?unit=day&group_by=key`, demoKey);
  const rows = sums.body.data as { calls: number; cost_nanos: string; group: { key: string } }[];
  assert.equal(
    rows.reduce((sum, row) => sum + row.calls, 0),
    calls,
  );
  assert.equal(
    rows.reduce((sum, row) => sum + BigInt(row.cost_nanos), 0n),
    BigInt(costNanos),
  );
  assert.equal(new Set(rows.map(({ group }) => group.key)).size, 8);
  const keys = (await requestJson(`${url}/api/v1/keys`, demoKey)).body.data as { last_used_at: string | null }[];
  assert.equal(keys.length, 8);
  assert.ok(keys.every((key) => key.last_used_at !== null));
  const budgets = await requestJson(`${url}/v1/billing/budgets?scope=group`, demoKey);
  const used = (budgets.body.data as { used: string }[]).map((budget) => budget.used);
  assert.equal(used.length, 4);
  assert.ok(!used.includes("0"));

  const again = await lyss("demo", "--json");
  assert.deepEqual([again.code, JSON.parse(again.output).state], [0, "there"]);
  const refused = await lyss("demo", "--tenant", "default");
  assert.deepEqual([refused.code, refused.output], [1, ""]);
  assert.match(refused.complaint, /was not made by 'lyss demo'/);
});
