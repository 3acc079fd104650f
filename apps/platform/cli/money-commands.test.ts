import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { startTestServer } from "@lyss/kit/http/http-test-server.ts";
import { noSession } from "@lyss/kit/rpc/call-context.ts";
import { systemClock as clock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { startTestService } from "@lyss/kit/testing/start-service.ts";
import { createTempFolder } from "@lyss/kit/testing/temp-folder.ts";
import { startStripeSimulator } from "@lyss/services/billing/payments/stripe/stripe-simulator.ts";
import { billing } from "@lyss/services/billing/service.ts";
import { createTestCommands } from "./test-command.ts";

const usd = 1_000_000_000n;
const tenantId = "ten_a";
const userId = "usr_a";
const folder = createTempFolder({ after });
const keys = { apiKey: "sk_test_simulated", webhookSecret: "whsec_simulated_secret" };
const stripe = await startStripeSimulator({ ...keys, clock, random: createRandom(clock) });
after(() => stripe.close());
const returnOrigins = ["https://console.example.com"];
const config = { payments: { returnOrigins, stripe: { ...keys, baseUrl: stripe.url } } };
const { ops } = await startTestService({ after }, billing, { clients: {}, config });
const server = await startTestServer({
  mounted: [{ name: "billing", routes: billing.routes, ops, peerUrl: undefined }],
  guard: () => ({ tenantId, userId, keyId: "key_a", ...noSession, permissions: ["*", "platform:*"], models: [] }),
});
after(() => server.close());
const rates = { inputNanosPerMillion: 1_000_000n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 2_000_000n };
await ops.createWallet({ tenantId });
await ops.topUpWallet({ tenantId, amountNanos: 100n * usd, reference: "start", source: "grant" });
await ops.putPrices({ tenantId: "", prices: [{ provider: "p", model: "m", ...rates }] });

const { lyss, shown, json } = createTestCommands(server.url);

/** A command that is wrong ends with 1, prints no result, and says why in a sentence. */
async function refused(words: readonly string[], reason: RegExp): Promise<void> {
  const { code, output, complaint } = await lyss(...words);
  assert.deepEqual([code, output], [1, ""], words.join(" "));
  assert.match(complaint, reason, words.join(" "));
  assert.doesNotMatch(complaint, /\n {4}at /, "a stack is for faults of ours only");
}

/** A call of this tenant; it costs 100 nanos. */
async function call(callId: string) {
  const names = { callId, tenantId, requestId: "r", keyId: "key_a", userId, provider: "p", model: "m" };
  await ops.reserveCall({ ...names, inputTokens: 20n, maxOutputTokens: 40n, minOutputTokens: 1n, choices: 1n });
  const ended = { outcome: "completed", isEstimated: false, latencyMs: 5n } as const;
  await ops.settleCall({ callId, tenantId, ...ended, inputTokens: 20n, cachedInputTokens: 0n, outputTokens: 40n });
}

/** An order that its payer has paid. */
async function pay(amount: bigint): Promise<string> {
  const urls = { successUrl: "https://console.example.com/a", cancelUrl: "https://console.example.com/b" };
  const order = await ops.payments.createOrder({
    tenantId,
    userId,
    amountNanos: amount * usd,
    currency: "USD",
    ...urls,
  });
  await ops.payments.takeNotification(stripe.sign(stripe.account.pay(order.sessionId ?? "")));
  return order.orderId;
}

test("`lyss wallet` shows the balance and moves money by hand, each once for its reference", async () => {
  assert.match(await shown("wallet", "show"), /^balance +100 USD\navailable +100 USD\nheld +0 USD\n/);
  const why = ["--reference", "a", "--reason", "test"];
  assert.equal((await json("wallet", "top-up", "2.5", "--reference", "a")).available, "102.5");
  for (const amount of ["-0.5", "-0.5"]) {
    assert.match(await shown("wallet", "adjust", ...why, "--", tenantId, amount), /amount +-0.5\n/);
  }
  const expires = ["--expires", "2999-01-01T00:00:00Z"];
  assert.equal((await json("wallet", "grant", tenantId, "3", ...expires, ...why)).amount, "3");
  await call("call_wallet");
  assert.match(await shown("wallet", "refund", "call_wallet", ...why), /amount +0.0000001\n/);
  assert.equal((await json("wallet", "show")).balance, "105");
  const line = ["wallet", "overdraft", tenantId, "5", ...why];
  await refused(line, /more than the tenant's plan allows: 0\..*\[BILLING_073/);
  assert.match(await shown("plans", "set", "credit", "--markup", "0", "--max-credit", "10"), /credit +0 % +1 +10 +0/);
  await json("plans", "assign", "credit", tenantId);
  assert.match(await shown(...line), /limit +5\nbefore +0\n/);
  assert.match(await shown("wallet", "show"), /available +110 USD\nheld +0 USD\ncredit limit +5 USD\n/);
  await refused(["wallet", "overdraft", tenantId, "-5", ...why], /limit: must be a decimal number|unknown option/);
  await json("wallet", "overdraft", tenantId, "0", "--reference", "b", "--reason", "test");
  await refused(["wallet", "adjust", tenantId, "much", ...why], /amount: must be a decimal number/);
  await refused(["wallet", "adjust", tenantId, "1", "--reference", "x"], /required option '--reason <text>'/);
  await refused(["wallet", "adjust", "ten_none", "1", ...why], /This tenant has no wallet\. \[BILLING_003/);
  await refused(["wallet", "grant", tenantId, "1", "--expires", "soon", ...why], /expires_at: must be/);
  await refused(["wallet", "refund", "call_none", ...why], /\[BILLING_0\d\d/);
  await refused(["wallet", "top-up"], /missing required argument 'amount'/);
});

test("`lyss orders` lists, shows and refunds what tenants have paid", async () => {
  const id = await pay(25n);
  assert.match(
    await shown("orders", "list", "--state", "paid"),
    new RegExp(`${id} +${tenantId} +paid +25 USD +stripe`),
  );
  assert.equal((await json("orders", "show", id)).amount_nanos, String(25n * usd));
  const why = ["--reference", "b", "--reason", "test"];
  assert.match(await shown("orders", "refund", id, "--amount", "5", ...why), /state +paid\n/);
  assert.equal((await json("orders", "refund", id, "--amount", "5", ...why)).amount, "5");
  await refused(["orders", "refund", id, "--amount", "6", ...why], /\[BILLING_005/);
  await refused(["orders", "list", "--state", "lost"], /state: must be created, pending/);
  await refused(["orders", "show", "ord_none"], /There is no such top-up order\./);
});

test("`lyss codes` makes codes that are good until they are disabled", async () => {
  const codes = (await shown("codes", "create", "launch", "1.5", "--count", "2", "--prefix", "LAUNCH"))
    .trim()
    .split("\n");
  assert.equal(codes.length, 2);
  await ops.codes.redeem({ tenantId, userId, code: codes[0] ?? "" });
  const [batch] = (await json("codes", "list")).data;
  assert.deepEqual([batch.name, batch.count, batch.redemptions, batch.disabled_at], ["launch", 2, 1, null]);
  assert.match(await shown("codes", "disable", batch.id), /disabled_at +\d{4}-/);
  assert.match(await shown("codes", "list"), /launch +1.5 USD +2 +1/);
  await assert.rejects(ops.codes.redeem({ tenantId, userId, code: codes[1] ?? "" }));
  await refused(["codes", "create", "x", "1", "--count", "many"], /count: must be/);
  await refused(["codes", "create", "x", "-1"], /amount: must be a decimal number/);
  await refused(["codes", "disable", "cbt_none"], /\[BILLING_0\d\d/);
});

test("`lyss usage` lists calls, explains one to the nano, adds them up and exports them", async () => {
  await call("call_usage");
  assert.match(await shown("usage", "--limit", "1"), /completed +20 +40 +0.000000100 +5 +call_usage\n/);
  const receipt = await shown("usage", "show", "call_usage");
  assert.match(receipt, /^call_usage: 0.0000001 USD\n/);
  assert.match(receipt, /input +20 +1000000 +20\noutput +40 +2000000 +80\n/);
  assert.equal((await json("usage", "show", "call_usage")).cost_nanos, "100");
  const csv = (await shown("usage", "export", "--model", "m")).trim().split("\n");
  assert.ok(csv[0]?.includes("cost_nanos") && csv.some((line) => line.includes("call_usage")));
  const file = join(folder, "usage.jsonl");
  assert.equal(await shown("usage", "export", "--format", "jsonl", "--output", file), "");
  const rows = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.ok(rows.some((row) => row.cost_nanos === "100"));
  assert.ok(Array.isArray((await json("usage", "summary", "--by", "model")).data));
  await refused(["usage", "show", "call_none"], /\[BILLING_0\d\d/);
  await refused(["usage", "export", "--format", "xml"], /format: must be/);
  await refused(["usage", "export", "--output", join(folder, "none", "usage.csv")], /none\/usage\.csv/);
  await refused(["usage", "--from", "yesterday"], /from: must be/);
});

test("`lyss prices import` shows what it would put, and puts it once that is agreed to", async () => {
  const wanted = ["prices", "import", "--provider", "openai", "--model", "gpt-4o-mini", "o99"];
  assert.match(await shown(...wanted), /gpt-4o-mini +new/);
  assert.deepEqual((await json("prices", "list", "--provider", "openai")).data, []);
  const { data } = await json(...wanted, "--yes");
  assert.deepEqual(
    data.map((line: { model: string; state: string }) => [line.model, line.state]),
    [
      ["gpt-4o-mini", "new"],
      ["o99", "missing"],
    ],
  );
  assert.match(await shown("prices", "import", "--provider", "openai"), /gpt-4o-mini +same/);
});

test("`lyss budget` and `lyss quota` cap what a tenant and a person may use", async () => {
  const set = await json(
    "budget",
    "set",
    "user",
    userId,
    "--unit",
    "money",
    "--limit",
    "10",
    "--period",
    "month",
    "--alert",
    "50",
    "90",
  );
  assert.match(
    await shown("budget", "list", "--scope", "user"),
    new RegExp(`${set.id} +user +${userId} +money +month +10 +0`),
  );
  assert.match(await shown("budget", "show", set.id), /money +month +10/);
  assert.equal(await shown("budget", "delete", set.id), `${set.id} is deleted.\n`);
  assert.deepEqual((await json("budget", "list")).data, []);
  assert.match(
    await shown("quota", "set", userId, "calls:60/minute", "tokens:1000/day"),
    /calls +minute +60[\s\S]*tokens +day +1000/,
  );
  assert.equal((await json("quota", "show", userId)).limits.length, 2);
  assert.match(await shown("quota", "delete", userId), /no limits of their own/);
  await refused(
    ["budget", "set", "planet", "--unit", "money", "--limit", "1", "--period", "month"],
    /Allowed choices are tenant/,
  );
  await refused(
    ["budget", "set", "tenant", "--unit", "hope", "--limit", "1", "--period", "month"],
    /unit: must be money, tokens or calls/,
  );
  await refused(["budget", "show", "bud_none"], /\[BILLING_0\d\d/);
  await refused(["quota", "set", userId, "a lot"], /limits\.0\.unit: must be money, tokens or calls/);
});

test("`lyss billing rebuild` and `reconcile` say what differs, and what is wrong with a report", async () => {
  assert.equal(await shown("billing", "rebuild"), "0 of 1 wallets and 0 budgets differ from what they come to.\n");
  await refused(["billing", "rebuild", "--apply"], /Repeat the command with --yes/);
  const report = join(folder, "report.csv");
  writeFileSync(report, "day,model\n2026-01-01,m\n");
  await refused(["billing", "reconcile", "--provider", "p", "--file", report], /cost/);
  await refused(["billing", "reconcile", "--provider", "p", "--file", folder], /cannot be read/);
  await refused(["billing", "reconcile", "--file", report], /required option '--provider <name>'/);
  writeFileSync(report, "day,model,cost\n2020-01-01,m,1\n");
  await refused(
    ["billing", "reconcile", "--provider", "p", "--file", report, "--tolerance", "much"],
    /much: write dollars as a decimal/,
  );
});

test("each command of money explains itself, and a platform that is not there is said to be away", async () => {
  for (const words of [
    "wallet adjust",
    "wallet grant",
    "wallet refund",
    "orders list",
    "orders refund",
    "codes create",
  ]) {
    assert.match(await shown(...words.split(" "), "--help"), new RegExp(`^Usage: lyss ${words} `));
  }
  for (const words of ["usage show", "usage export", "prices import", "budget set", "quota set", "invoices close"]) {
    assert.match(await shown(...words.split(" "), "--help"), new RegExp(`^Usage: lyss ${words} `));
  }
  for (const words of ["billing verify", "billing rebuild", "billing reconcile"]) {
    assert.match(await shown(...words.split(" "), "--help"), new RegExp(`^Usage: lyss ${words} `));
  }
  await refused(["wallet", "show", "--url", "http://127.0.0.1:1"], /Nothing answers at http:\/\/127\.0\.0\.1:1/);
  await refused(["wallets"], /unknown command 'wallets'/);
});
