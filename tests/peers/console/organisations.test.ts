import assert from "node:assert/strict";
import { after, test } from "node:test";
import { startMailServer } from "@lyss/kit/testing/mail-server.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import type { Page } from "playwright-core";
import { requestJson } from "../../run-platform.ts";
import { type Console, checkLook, checkTables, checkWidth, missingBrowser, signIn, startConsole } from "./browser.ts";

const skip = missingBrowser ?? false;
const mails = skip ? undefined : await startMailServer({ after });
const { url, person, open } = skip
  ? ({} as Console)
  : await startConsole({ after }, { config: { mail: { url: mails?.url } } });
const desk = { viewport: { width: 1_280, height: 800 } };
const inDialog = (page: Page, name: string) => page.getByRole("dialog").getByRole("button", { name, exact: true });

/** As the operator's session: keys are no operators. */
const read = (page: Page, path: string) =>
  page.evaluate<{ data: Record<string, unknown>[] }>(`fetch(${JSON.stringify(path)}).then((answer) => answer.json())`);

async function suspendAndReactivate(page: Page, access: string): Promise<void> {
  await page.getByRole("button", { name: "Suspend" }).click();
  await page.getByLabel("Reason").fill("unpaid");
  await checkLook(page, "organisation-suspend");
  await inDialog(page, "Suspend").click();
  await page.getByRole("button", { name: "Reactivate" }).waitFor();
  await page.getByText("unpaid", { exact: true }).waitFor();
  await waitUntil(async () => (await requestJson(`${url}/v1/billing/balance`, access)).status !== 200);
  await page.getByRole("button", { name: "Reactivate" }).click();
  await page.getByRole("button", { name: "Suspend" }).waitFor();
  const { data } = await read(page, "/api/v1/tenants?query=blue");
  assert.deepEqual(
    data.map(({ slug, status }) => [slug, status]),
    [["blue-works", "active"]],
  );
}

async function changePlan(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Settings", exact: true }).click();
  await page.getByLabel("Plan").fill("gold");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText("gold", { exact: true }).first().waitFor();
  await page.getByRole("link", { name: "All organisations" }).click();
  await page.getByRole("searchbox").fill("blue");
  await page.getByRole("link", { name: "Default", exact: true }).waitFor({ state: "detached" });
  await page.waitForFunction("getComputedStyle(document.querySelector('table')).opacity === '1'");
  await page.getByRole("row").filter({ hasText: "Blue Works" }).getByText("gold").waitFor();
  await checkLook(page, "organisations");
}

test("an operator creates an organisation, invites its owner, grants it credit, suspends it for a reason and lets it work again", {
  skip,
}, async () => {
  const { page, mistakes } = await open(desk);
  await page.goto(`${url}/organisations`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Create organisation" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Blue Works");
  await page.getByLabel("Short name").fill("default");
  await inDialog(page, "Create organisation").click();
  await page.getByRole("dialog").getByText("Another organisation has this short name").waitFor();
  await page.getByLabel("Short name").fill("blue-works");
  await inDialog(page, "Create organisation").click();
  await page.getByRole("heading", { level: 1, name: "Blue Works" }).waitFor();
  await page.getByText("Invite an owner, who can then invite everybody else.").waitFor();
  await checkLook(page, "organisation-new");

  await page.getByRole("button", { name: "Invite" }).click();
  await page.getByLabel("E-mail address").fill("bo@blue.example");
  await inDialog(page, "Invite").click();
  await page.getByRole("list", { name: "Invited, not yet accepted" }).getByText("bo@blue.example").waitFor();
  await waitUntil(() => mails?.received.some(({ to }) => to.includes("bo@blue.example")) === true);
  const mail = mails?.received.find(({ to }) => to.includes("bo@blue.example"))?.text ?? "";
  const [, token] = /#accept=([\w-]{43})/.exec(mail) ?? [];
  const joined = await requestJson(`${url}/api/v1/invitations/accept`, "", {
    body: { token, name: "Bo", password: "a horse that eats staples" },
  });
  assert.equal(joined.status, 201, JSON.stringify(joined.body));
  await page.reload();
  await page.getByRole("cell", { name: "Bo bo@blue.example" }).waitFor();

  await page.getByRole("button", { name: "Money", exact: true }).click();
  await page.getByRole("button", { name: "Grant credit" }).click();
  await page.getByLabel("Amount (USD)").fill("12.5");
  await page.getByLabel("Reason").fill("to try it");
  await inDialog(page, "Grant credit").click();
  await page.getByRole("row").filter({ hasText: "to try it" }).getByText("$12.50").first().waitFor();
  await page.getByRole("searchbox").fill("welcome");
  await page.getByRole("button", { name: "Clear filters" }).last().click();
  await page.getByRole("row").filter({ hasText: "to try it" }).waitFor();
  await page.getByRole("button", { name: "Credit line" }).click();
  await page.getByLabel("Amount (USD)").fill("3");
  await page.getByLabel("Reason").fill("known for years");
  await inDialog(page, "Save").click();
  // It is on no price plan yet, and those say how much credit there may be.
  await page.getByRole("alert").getByText("more than the tenant's plan allows: 0").waitFor();
  await page.getByLabel("Amount (USD)").fill("0");
  await inDialog(page, "Save").click();
  await page.getByText("The credit line is $0.00 now; it was $0.00").waitFor();
  const { access_token: access } = joined.body as { access_token: string };
  const balance = await requestJson(`${url}/v1/billing/balance`, access);
  assert.equal(balance.body["balance"], "12.5");
  await checkLook(page, "organisation-of-another");

  await suspendAndReactivate(page, access);
  await changePlan(page);
  // Browsers report every refusal.
  assert.deepEqual(
    mistakes.filter((one) => !/status of 4\d\d/.test(one)),
    [],
  );
});

test("a call is refunded to whoever paid for it, and somebody is disabled for a reason, on a phone and in Chinese", {
  skip,
}, async () => {
  const call = await requestJson(`${url}/v1/chat/completions`, person.apiKey, {
    body: { model: "simulated-chat", messages: [{ role: "user", content: "hello" }] },
  });
  assert.equal(call.status, 200);
  const usage = () => requestJson(`${url}/v1/billing/usage?limit=1`, person.apiKey);
  await waitUntil(async () => ((await usage()).body["data"] as unknown[]).length === 1);
  const [row] = (await usage()).body["data"] as { id: string; cost_nanos: string }[];
  const { page, mistakes } = await open({
    ...{ viewport: { width: 390, height: 844 }, locale: "zh-CN", colorScheme: "dark", hasTouch: true },
  });
  await page.goto(`${url}/organisations`);
  await signIn(page, person);
  await page.getByRole("heading", { level: 1, name: "全部组织" }).waitFor();
  await page.getByRole("link", { name: "Default", exact: true }).waitFor();
  await checkWidth(page);
  await checkTables(page);
  await checkLook(page, "organisations-phone-dark");
  await page.getByRole("link", { name: "Default", exact: true }).click();
  await page.getByRole("cell", { name: /^Admin / }).waitFor();
  await checkLook(page, "organisation-phone-dark");
  await page.getByRole("button", { name: "资金", exact: true }).click();
  await page.getByRole("button", { name: "退还调用费用" }).click();
  await page.getByLabel("调用 ID").fill(row?.id ?? "");
  await page.getByLabel("原因").fill("答非所问");
  await checkLook(page, "organisation-refund-phone-dark");
  await inDialog(page, "退还调用费用").click();
  await page.getByText(/^已向 Default 退还/).waitFor();
  const receipt = await requestJson(`${url}/v1/billing/usage/${row?.id}`, person.apiKey);
  const [refund] = receipt.body["refunds"] as { amount_nanos: string; reason: string }[];
  assert.deepEqual([refund?.amount_nanos, refund?.reason], [row?.cost_nanos, "答非所问"]);
  await checkWidth(page);
  await checkLook(page, "organisation-money-phone-dark");
  assert.deepEqual(mistakes, []);
});
