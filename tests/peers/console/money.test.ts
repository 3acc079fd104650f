import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { startStripeSimulator } from "@lyss/services/billing/payments/stripe/stripe-simulator.ts";
import type { Page } from "playwright-core";
import { requestJson } from "../../run-platform.ts";
import { type Console, checkLook, checkWidth, missingBrowser, signIn, startConsole } from "./browser.ts";
import { faultsAt, pagePaths } from "./look.ts";

const skip = missingBrowser ?? false;
const keys = { apiKey: "sk_test_simulated", webhookSecret: "whsec_simulated_secret" };
const returnOrigin = "https://console.example.com";
const stripe = skip
  ? undefined
  : await startStripeSimulator({ ...keys, clock: systemClock, random: createRandom(systemClock) });
after(() => stripe?.close());
const config = { payments: { returnOrigins: [returnOrigin], stripe: { ...keys, baseUrl: stripe?.url } } };
const { url, person, open } = skip ? ({} as Console) : await startConsole({ after }, { config });
const desk = { viewport: { width: 1_280, height: 800 } };
const ask = async (path: string) => (await requestJson(`${url}${path}`, person.apiKey)).body;
const inDialog = (page: Page, name: string) => page.getByRole("dialog").getByRole("button", { name, exact: true });

test("a code that an operator made is redeemed once into the wallet, and an address that payers may not come back to is told", {
  skip,
}, async () => {
  const { page, mistakes } = await open(desk);
  await page.goto(`${url}/codes`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Create codes" }).first().click();
  await page.getByLabel("Name").fill("spring");
  await page.getByLabel("Value of each in USD").fill("7.5");
  await inDialog(page, "Create codes").click();
  const code = (await page.getByTestId("codes").textContent()) ?? "";
  await inDialog(page, "I have saved them").click();
  await page.getByRole("cell", { name: "$7.50" }).waitFor();
  await checkLook(page, "codes");

  const { balance_nanos: before } = await ask("/v1/billing/balance");
  await page.goto(`${url}/wallet`);
  await page.getByRole("button", { name: "Add money" }).click();
  await page.getByLabel("Amount in USD").fill("10");
  await inDialog(page, "Go to payment").click();
  await page.getByRole("alert").getByText("must be a URL of one of the origins").waitFor();
  await checkLook(page, "top-up");
  await inDialog(page, "By code").click();
  await page.getByLabel("Code", { exact: true }).fill(code.toLowerCase());
  await inDialog(page, "Redeem").click();
  await page.getByText("$7.50 added").waitFor();
  await page.getByRole("cell", { name: "+$7.50" }).waitFor();
  const { balance_nanos: now } = await ask("/v1/billing/balance");
  assert.equal(BigInt(String(now)) - BigInt(String(before)), 7_500_000_000n);
  await checkLook(page, "wallet");
  // Browsers report every answer of 400.
  assert.deepEqual(
    mistakes.filter((one) => !one.includes("status of 400")),
    [],
  );
});

test("a budget is set, shown as a bar, changed, and lifted after its loss was named; a wrong limit is told at its field", {
  skip,
}, async () => {
  const { page } = await open({ ...desk, colorScheme: "dark" });
  const limits = async () => {
    const { data } = await ask("/v1/billing/budgets");
    return (data as { limit: string; period: string }[]).map(({ limit, period }) => `${limit}/${period}`);
  };
  await page.goto(`${url}/budgets`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Set a budget" }).first().click();
  await page.getByLabel("Limit in USD").fill("25 or so");
  await inDialog(page, "Save budget").click();
  await page.getByRole("alert").getByText("must be a decimal string").waitFor();
  await page.getByLabel("Limit in USD").fill("25");
  await checkLook(page, "budget-form-dark");
  await inDialog(page, "Save budget").click();
  await page.getByText("of $25.00").waitFor();
  assert.deepEqual(await limits(), ["25/month"]);
  await page.getByRole("button", { name: /^Actions for the budget of/ }).click();
  await page.getByRole("menuitem", { name: "Change" }).click();
  await page.getByLabel("Limit in USD").fill("40");
  await inDialog(page, "Save budget").click();
  await page.getByText("of $40.00").waitFor();
  assert.deepEqual(await limits(), ["40/month"]);
  const searched = page.getByRole("searchbox", { name: "Search" });
  await searched.fill("nobody");
  await page.getByText("Nothing matches").waitFor();
  await searched.fill(String((await ask("/api/v1/tenants/me"))["name"]));
  await page.getByText("of $40.00").waitFor();
  await checkLook(page, "budgets-dark");
  await searched.fill("");
  await page.getByRole("button", { name: /^Actions for the budget of/ }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByText(/Its limit of \$40\.00/).waitFor();
  await inDialog(page, "Remove").click();
  await page.getByText("No budgets yet").waitFor();
  assert.deepEqual(await limits(), []);
});

test("the running month is a document, also as a file; a price gets a new version, and what changed is told", {
  skip,
}, async () => {
  const { page, mistakes } = await open(desk);
  const body = { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] };
  assert.equal((await requestJson(`${url}/v1/chat/completions`, person.apiKey, { body })).status, 200);
  await page.goto(`${url}/invoices`);
  await signIn(page, person);
  await page.getByRole("link", { name: "Draft" }).click();
  await page.getByRole("heading", { name: "Draft invoice" }).waitFor();
  await page.getByRole("cell", { name: "Input tokens" }).first().waitFor();
  await checkLook(page, "invoice");
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: /^PDF/ }).click()]);
  assert.match(readFileSync(await file.path(), "latin1"), /^%PDF-/);
  assert.match(file.suggestedFilename(), /^draft-.*\.pdf$/);

  await page.goto(`${url}/prices`);
  await page.getByRole("link", { name: "simulated-small", exact: true }).click();
  await page.getByRole("button", { name: "New version" }).click();
  await page.getByLabel("Output tokens").fill("9.25");
  await inDialog(page, "Put into effect").click();
  await page.getByRole("heading", { name: "What changed" }).waitFor();
  await page.getByRole("cell", { name: "$9.25", exact: true }).waitFor();
  await checkLook(page, "price");
  const prices = (await ask("/v1/billing/prices"))["data"] as { model: string; output_nanos_per_million: string }[];
  assert.equal(prices.find(({ model }) => model === "simulated-small")?.output_nanos_per_million, "9250000000");
  assert.deepEqual(mistakes, []);
});

test("a payment is refunded in part after it was said where the money goes, and leaves the wallet once", {
  skip,
}, async () => {
  const urls = { success_url: `${returnOrigin}/paid`, cancel_url: returnOrigin };
  const body = { amount: "20", ...urls };
  const { body: order } = await requestJson(`${url}/v1/billing/top-up/orders`, person.apiKey, { body });
  const session = new URL(String(order["checkout_url"])).pathname.split("/").at(-1) ?? "";
  const { body: paid, signature } = stripe?.sign(stripe.account.pay(session)) ?? { body: "", signature: "" };
  const headers = { "content-type": "application/json", "stripe-signature": signature };
  assert.equal((await fetch(`${url}/webhooks/stripe`, { method: "POST", headers, body: paid })).status, 200);
  const { balance_nanos: before } = await ask("/v1/billing/balance");

  const { page, mistakes } = await open(desk);
  await page.goto(`${url}/payments`);
  await signIn(page, person);
  await page.getByRole("cell", { name: "Paid" }).waitFor();
  await checkLook(page, "payments");
  await page.getByRole("button", { name: /^Refund/ }).click();
  await page.getByText(/goes back to the card or account that paid/).waitFor();
  await page.getByLabel("Amount in USD").fill("7.50");
  await page.getByLabel("Reason").fill("ordered twice");
  await checkLook(page, "refund");
  await inDialog(page, "Refund").click();
  await page.getByText("$7.50 refunded").waitFor();
  const { balance_nanos: now } = await ask("/v1/billing/balance");
  assert.equal(BigInt(String(before)) - BigInt(String(now)), 7_500_000_000n);
  assert.deepEqual(mistakes, []);
});

test("a plan's mark-up reaches the prices of who is put on it; a cost stands beside its price, and tells a loss", {
  skip,
}, async () => {
  const { page, mistakes } = await open(desk);
  const markups = async () => {
    const prices = (await ask("/v1/billing/prices"))["data"] as { terms: { markup_ppm: number } }[];
    return [...new Set(prices.map(({ terms }) => terms.markup_ppm))];
  };
  assert.deepEqual(await markups(), [0]);
  const { name: tenantName } = await ask("/api/v1/tenants/me");
  await page.goto(`${url}/plans`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Create plan" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("friends");
  await page.getByLabel("Mark-up in percent").fill("-10");
  await checkLook(page, "plan-form");
  await inDialog(page, "Create plan").click();
  await page.getByRole("link", { name: "friends" }).click();
  await page.getByRole("button", { name: "Add organisation" }).click();
  await page.getByRole("combobox", { name: "Organisation" }).selectOption({ label: String(tenantName) });
  await inDialog(page, "Add organisation").click();
  await page.getByRole("button", { name: /^Remove / }).waitFor();
  await checkLook(page, "plan");
  assert.deepEqual(await markups(), [-100_000]);

  await page.goto(`${url}/cost-prices?name=simulated-chat`);
  await page.getByRole("button", { name: "Change the cost of simulated-chat" }).click();
  await page.getByRole("textbox", { name: "Output" }).fill("999");
  await inDialog(page, "Save").click();
  await page.getByRole("cell", { name: "Sold at a loss" }).waitFor();
  await page.getByRole("cell", { name: "$999.00 → $0.54" }).waitFor();
  await checkLook(page, "cost-prices");
  const costs = await operatorAsk(page, "/admin/billing/cost-prices");
  assert.deepEqual(
    costs.map(({ model, output_nanos_per_million }) => [model, output_nanos_per_million]),
    [["simulated-chat", "999000000000"]],
  );
  await page.goto(`${url}/plans/friends`);
  await page.getByRole("button", { name: /^Remove / }).click();
  await inDialog(page, "Remove").click();
  await page.getByText("No organisations yet").waitFor();
  assert.deepEqual(await markups(), [0]);
  assert.deepEqual(mistakes, []);
});

/** What an operator's session is answered; keys are no operators. */
function operatorAsk(page: Page, path: string): Promise<Record<string, unknown>[]> {
  return page.evaluate(`fetch(${JSON.stringify(path)}).then((answer) => answer.json()).then(({ data }) => data)`);
}

test("the pages of money fit a phone, in Chinese and dark", { skip }, async () => {
  const { page, mistakes } = await open({
    ...{ viewport: { width: 390, height: 844 }, locale: "zh-CN", colorScheme: "dark", hasTouch: true },
  });
  await page.goto(`${url}/wallet`);
  await signIn(page, person);
  const [draft] = (await ask("/v1/billing/invoices"))["data"] as { id: string }[];
  const pages = {
    ...{
      wallet: "钱包",
      budgets: "预算",
      invoices: "账单",
      [`invoices/${draft?.id}`]: "账单草稿",
      "invoices/statement": "对账单",
    },
    ...{
      prices: "价目表",
      plans: "价格方案",
      "plans/friends": "friends",
      payments: "付款",
      "cost-prices": "成本与毛利",
      codes: "兑换码",
      reconciliation: "对账",
      integrity: "账本检查",
    },
  };
  for (const [path, name] of Object.entries(pages)) {
    await page.goto(`${url}/${path}`);
    await page.getByRole("heading", { level: 1, name }).waitFor();
    await page.getByText("加载中…").first().waitFor({ state: "detached" });
    await checkWidth(page);
    await checkLook(page, `${path.replace(/\W+/g, "-")}-phone-dark`);
  }
  assert.deepEqual(mistakes, []);
});

test("on every page of a phone, and in the dialog it grows by, nothing stands out or is cut off, and people read words of their language, not values of the API", {
  skip,
}, async () => {
  const faults: string[] = [];
  for (const locale of ["en-US", "zh-CN"]) {
    const { page, mistakes } = await open({ viewport: { width: 390, height: 844 }, locale });
    await page.goto(`${url}/start`);
    await signIn(page, person);
    for (const path of pagePaths) faults.push(...(await faultsAt(page, path)));
    faults.push(...mistakes);
  }
  assert.ok(pagePaths.length > 25, `${pagePaths.length} pages`);
  assert.deepEqual(faults, []);
});
