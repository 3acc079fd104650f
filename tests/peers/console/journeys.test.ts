import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { startEmbeddedPostgres } from "@lyss/kit/db/embedded-postgres.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { findFreePorts } from "@lyss/kit/testing/free-ports.ts";
import { silentLog } from "@lyss/kit/testing/test-cluster.ts";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { startStripeSimulator } from "@lyss/services/billing/payments/stripe/stripe-simulator.ts";
import { startTestDns } from "@lyss/services/tenant/dns-test-server.ts";
import type { Browser, Page } from "playwright-core";
import postgres from "postgres";
import { requestJson, runPlatform } from "../../run-platform.ts";
import { startOpenIdProvider } from "../../scenarios/sign-on/openid-provider.ts";
import { checkLook, missingBrowser, openBrowser, openPage, signIn } from "./browser.ts";
import { codeOf } from "./totp.ts";

const skip = missingBrowser ?? false;
const desk = { viewport: { width: 1_280, height: 800 } };
const checkoutPages = "https://checkout.stripe.com/**";

/** The platform at a name, as passkeys want it, with a bank, a directory and a name service that are not really there. */
async function startWorld() {
  const [port = 0] = await findFreePorts(1);
  const url = `http://localhost:${port}`;
  const random = createRandom(systemClock);
  const keys = { apiKey: "sk_test_simulated", webhookSecret: "whsec_simulated_secret" };
  const stripe = await startStripeSimulator({ ...keys, clock: systemClock, random });
  after(() => stripe.close());
  const records = new Map<string, readonly string[]>();
  const dns = await startTestDns(records);
  after(() => dns.close());
  const idp = await startOpenIdProvider({ after });
  const config = {
    http: { publicUrl: url },
    payments: { returnOrigins: [url], stripe: { ...keys, baseUrl: stripe.url } },
    sso: { allowPrivateProviders: true },
    tenant: { dnsServers: [dns.server] },
  };
  const env = { LYSS_HTTP_CONSOLE: "true", LYSS_HTTP_PORT: String(port) };
  const { dataDir } = await runPlatform({ after }, { config, env });
  const person = JSON.parse(readFileSync(join(dataDir, "first-run.json"), "utf8"));
  await waitUntil(async () => (await fetch(url, { headers: { accept: "text/html" } })).status === 200);
  const browser: Browser = await openBrowser();
  after(() => browser.close());
  return { url, stripe, records, idp, dataDir, person, browser };
}

const world = skip ? undefined : await startWorld();
const { url = "", person } = world ?? {};
const open = async (options: Parameters<typeof openPage>[1] = desk) => openPage(world?.browser as Browser, options);
const ask = async (path: string, init: Parameters<typeof requestJson>[2] = {}) =>
  (await requestJson(`${url}${path}`, person.apiKey, init)).body;
const inDialog = (page: Page, name: string) => page.getByRole("dialog").getByRole("button", { name, exact: true });

/** Stripe's page, where a payer pays: Stripe then tells the platform, and sends the payer back. */
async function serveCheckout(page: Page): Promise<void> {
  const stripe = world?.stripe;
  if (!stripe) return;
  await page.route(checkoutPages, async (route) => {
    const id = new URL(route.request().url()).pathname.split("/").at(-1) ?? "";
    if (route.request().method() === "GET") {
      return route.fulfill({ contentType: "text/html", body: "<form method=post><button>Pay</button></form>" });
    }
    const event = stripe.account.pay(id);
    const { body, signature } = stripe.sign(event);
    const headers = { "content-type": "application/json", "stripe-signature": signature };
    const told = await fetch(`${url}/webhooks/stripe`, { method: "POST", headers, body });
    assert.equal(told.status, 200);
    const back = String(stripe.account.sessionOf(id)["success_url"]).replaceAll("&", "&amp;");
    return route.fulfill({
      contentType: "text/html",
      body: `<meta http-equiv="refresh" content="0;url=${back}">`,
    });
  });
}

test("a payer pays at Stripe, comes back, and sees the payment and the money", { skip }, async () => {
  const { page, mistakes } = await open();
  await serveCheckout(page);
  const { balance_nanos: before } = await ask("/v1/billing/balance");
  await page.goto(`${url}/wallet`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Add money" }).click();
  await page.getByLabel("Amount in USD").fill("12.50");
  await inDialog(page, "Go to payment").click();
  await page.getByRole("button", { name: "Pay", exact: true }).click();
  await page.waitForURL(/\/wallet\?show=orders&paid=1/);
  await page.getByText(/Thank you/).waitFor();
  await page.getByRole("cell", { name: "Paid" }).waitFor();
  await page.getByRole("cell", { name: "$12.50" }).waitFor();
  const { balance_nanos: now } = await ask("/v1/billing/balance");
  assert.equal(BigInt(String(now)) - BigInt(String(before)), 12_500_000_000n);
  const shown = `$${(Number(BigInt(String(now)) / 10_000_000n) / 100).toFixed(2)}`;
  await page.getByRole("definition").filter({ hasText: shown }).first().waitFor();
  await checkLook(page, "wallet-paid");
  assert.deepEqual(mistakes, []);
});

test("a call that a budget refuses is shown with the reason, and goes through when the budget is lifted", {
  skip,
}, async () => {
  const { page } = await open();
  const budget = await ask("/v1/billing/budgets", {
    method: "POST",
    body: { scope: "tenant", unit: "money", period: "day", limit: "0" },
  });
  assert.ok(budget["id"], JSON.stringify(budget));
  await page.goto(`${url}/playground`);
  await signIn(page, person);
  await page.getByRole("textbox", { name: "Message" }).fill("hello");
  await page.getByRole("button", { name: "Run" }).click();
  const alert = page.getByRole("alert");
  await alert.getByText("BILLING_050").waitFor();
  assert.match((await alert.textContent()) ?? "", /budget/i);
  await checkLook(page, "budget-hit");
  await ask(`/v1/billing/budgets/${budget["id"]}`, { method: "DELETE" });
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByText("You wrote: “hello”").waitFor();
});

test("an organisation proves its domain and connects its directory; somebody of it signs in by e-mail alone", {
  skip,
}, async () => {
  if (!world) return;
  const { page, mistakes } = await open();
  await page.goto(`${url}/organisation`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Add domain" }).click();
  await page.getByRole("textbox", { name: "Domain" }).fill("example.com");
  await inDialog(page, "Add domain").click();
  const value = await page.getByText(/^lyss-verification=/).textContent();
  const [domain] = (await ask("/api/v1/tenants/me/domains"))["data"] as { txt_name: string }[];
  world.records.set(domain?.txt_name ?? "", [value ?? ""]);
  await page.getByRole("button", { name: /^Check now/ }).click();
  await page.getByText("Verified", { exact: true }).waitFor();

  await page.goto(`${url}/sso`);
  await page.getByRole("button", { name: "Connect a provider" }).first().click();
  await page.getByRole("textbox", { name: "Name" }).fill("Our directory");
  await page.getByLabel("Issuer").fill(world.idp.issuer);
  await page.getByLabel("Client id").fill("lyss");
  await page.getByLabel("Client secret").fill("a secret of the client");
  await page.getByLabel("E-mail domains").fill("example.com");
  await page.getByLabel("Create accounts for new people").check();
  await inDialog(page, "Connect a provider").click();
  const redirectUri = (await page.getByText(/\/api\/v1\/sso\/.*\/callback$/).textContent()) ?? "";
  await world.idp.open({ redirectUris: [redirectUri] });
  await page.getByRole("button", { name: "Test", exact: true }).click();
  await page.getByText("The provider responds correctly.").waitFor();
  await page.getByRole("button", { name: "Turn on" }).click();
  await page.getByText("People can now sign in with Our directory").waitFor();
  assert.deepEqual(mistakes, []);

  const ann = { email: "ann@example.com", email_verified: true, name: "Ann Example" };
  world.idp.signInAs({ sub: "ann", claims: ann });
  const theirs = await open();
  await theirs.page.goto(`${url}/keys`);
  await theirs.page.getByRole("button", { name: "Sign in with your organisation" }).click();
  await theirs.page.getByLabel("E-mail address").fill(ann.email);
  await theirs.page.getByRole("button", { name: "Continue" }).click();
  await theirs.page.waitForURL(/\/keys$/);
  await theirs.page.getByRole("button", { name: /^Account.*Ann Example/ }).waitFor();
  assert.deepEqual(theirs.mistakes, []);
});

/** Lets every session's last proof be eleven minutes old: longer than one counts. */
async function ageProofs(): Promise<void> {
  const dir = join(world?.dataDir ?? "", "postgres");
  const server = await startEmbeddedPostgres({ dir, log: silentLog, clock: systemClock });
  const sql = postgres(server.url, { max: 1 });
  try {
    await sql`update auth.session set proven_at = proven_at - interval '11 min', factor_at = factor_at - interval '11 min'`;
  } finally {
    await sql.end();
    await server.stop();
  }
}

/** What the browser itself says of a password that is not enough. */
const refused = "Failed to load resource: the server responded with a status of 403 (Forbidden)";

test("with a second factor a password is not enough; what matters asks for it again; a passkey does without a password", {
  skip,
}, async () => {
  const { page, context, mistakes } = await open();
  const enter = async () => {
    await page.locator("input[name=email]").fill(person.adminEmail);
    await page.locator("input[name=password]").fill(person.adminPassword);
    await page.locator("button[type=submit]").click();
  };
  const leave = async () => {
    await page.getByRole("button", { name: /^Account/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.waitForURL(/\/sign-in$/);
  };
  await page.goto(`${url}/settings`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Add an app" }).click();
  const secret = (await page.getByRole("dialog").locator("code").textContent()) ?? "";
  await page.getByRole("textbox", { name: "Code" }).fill(codeOf(secret));
  await inDialog(page, "Confirm").click();
  await page.getByTestId("codes").waitFor();
  const codes = await page.getByTestId("codes").locator("li").allTextContents();
  await inDialog(page, "I have saved them").click();
  await leave();

  await enter();
  await page.getByRole("heading", { name: "Second factor" }).waitFor();
  await checkLook(page, "second-factor");
  assert.deepEqual(await context.cookies(), []);
  assert.deepEqual(mistakes.splice(0), [refused]);
  await page.getByRole("textbox", { name: "Code" }).fill("000000");
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByRole("alert").waitFor();
  assert.equal(mistakes.splice(0).length, 1);
  // Between the sign-in and the first page, before any of the platform's memories know the session.
  await page.route(
    "**/api/v1/auth/browser-session",
    async (route) => {
      await ageProofs();
      await route.continue();
    },
    { times: 1 },
  );
  await page.getByRole("textbox", { name: "Code" }).fill(codeOf(secret, 1));
  await page.getByRole("button", { name: "Verify" }).click();
  await page.getByRole("button", { name: /^Account/ }).waitFor();

  await page.goto(`${url}/settings`);
  await page.getByRole("button", { name: "New codes" }).click();
  await inDialog(page, "New codes").click();
  await page.getByText("Confirm that it is you").waitFor();
  await checkLook(page, "step-up");
  await page.getByLabel("Code from your app, or a recovery code").fill(codes[0] ?? "");
  const answers: string[] = [];
  page.on("response", (answer) => answers.push(`${answer.status()} ${answer.request().method()} ${answer.url()}`));
  await inDialog(page, "Continue").click();
  await page
    .getByTestId("codes")
    .waitFor()
    .catch(async (err: Error) => {
      const shown = await page.getByRole("dialog").allInnerTexts();
      throw new Error(`${err.message}; shown: ${shown}; answered: ${answers.join(", ")}`, { cause: err });
    });
  const renewed = await page.getByTestId("codes").locator("li").allTextContents();
  assert.equal(new Set([...codes, ...renewed]).size, 20);
  await inDialog(page, "I have saved them").click();

  const devtools = await context.newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const device = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true } as const;
  const options = { ...device, isUserVerified: true, automaticPresenceSimulation: true };
  await devtools.send("WebAuthn.addVirtualAuthenticator", { options });
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByRole("dialog").getByLabel("Name").fill("work laptop");
  await inDialog(page, "Continue").click();
  await page.getByText("work laptop").first().waitFor();
  await checkLook(page, "passkey");
  await leave();
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.getByRole("button", { name: /^Account/ }).waitFor();
  assert.deepEqual(
    mistakes.filter((one) => !/status of (401|403)/.test(one)),
    [],
  );
});
