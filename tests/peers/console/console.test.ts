import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { requestJson } from "../../run-platform.ts";
import { type Console, checkLook, checkTables, checkWidth, missingBrowser, signIn, startConsole } from "./browser.ts";

const skip = missingBrowser ?? false;
const dataDir = mkdtempSync(join(tmpdir(), "lyss-console-"));
after(() => rmSync(dataDir, { recursive: true, force: true }));
const { url, person, open } = skip ? ({} as Console) : await startConsole({ after }, { dataDir });
const desk = { viewport: { width: 1_280, height: 800 } };
const small = { viewport: { width: 390, height: 844 }, locale: "zh-CN", colorScheme: "dark" } as const;
/** A PNG of one pixel. */
const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

test("somebody new signs in, makes a key, runs the snippet and sees the call arrive", { skip }, async () => {
  const { page, mistakes } = await open(desk);
  await page.goto(url);
  await checkLook(page, "sign-in");
  await signIn(page, person);
  await page.getByRole("heading", { level: 1, name: "Get started" }).waitFor();
  await page.getByRole("button", { name: "Create a key" }).click();
  const secret = (await page.getByTestId("secret").textContent()) ?? "";
  assert.match(secret, /^lyss_/);
  const snippet = (await page.getByRole("tabpanel").textContent()) ?? "";
  assert.ok(snippet.includes(`Bearer ${secret}`) && snippet.includes(`${url}/v1/chat/completions`), snippet);
  const body = JSON.parse(/-d '(.*)'/s.exec(snippet)?.[1] ?? "");
  const { status } = await requestJson(`${url}/v1/chat/completions`, secret, { body });
  assert.equal(status, 200);
  await page.getByText("It arrived.").waitFor();
  await page.getByRole("cell", { name: "simulated-chat" }).first().waitFor();
  await checkLook(page, "start");
  assert.deepEqual(mistakes, []);
});

test("a key is made with limits, shown once, and revoked after its loss was named; its list is in the address", {
  skip,
}, async () => {
  const { page, mistakes } = await open({ ...desk, colorScheme: "dark" });
  await page.goto(`${url}/keys`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Create key" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("batch job");
  await page.getByLabel("Requests / minute").fill("30");
  await checkLook(page, "key-form-dark");
  await page.getByRole("dialog").getByRole("button", { name: "Create key" }).click();
  assert.match((await page.getByTestId("secret").textContent()) ?? "", /^lyss_/);
  await page.getByRole("button", { name: "I have copied it" }).click();
  await page.getByRole("cell", { name: "30 req/min" }).waitFor();
  await page.getByRole("searchbox").fill("batch");
  await page.waitForURL(/name_prefix=batch/);
  await page.getByRole("button", { name: "Actions for batch job" }).click();
  await page.getByRole("menuitem", { name: "Revoke" }).click();
  await page.getByText(/is refused within a second/).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByRole("cell", { name: "Revoked" }).waitFor();
  await checkLook(page, "keys-dark");
  assert.deepEqual(mistakes, []);
});

test("a wrong password says so with a trace id, and what the server finds wrong stands at its field", {
  skip,
}, async () => {
  const { page } = await open({ ...desk, locale: "zh-CN" });
  await page.goto(url);
  await page.locator("input[name=email]").fill(person.adminEmail);
  await page.locator("input[name=password]").fill("not the password");
  await page.locator("button[type=submit]").click();
  const alert = page.getByRole("alert");
  await alert.waitFor();
  assert.match((await alert.textContent()) ?? "", /密码[\s\S]*追踪 ID [0-9a-f]{32}/);
});

test("no script can read the session; it ends with a sign-out, and the way back leads to where one was", {
  skip,
}, async () => {
  const { page, context } = await open(desk);
  await page.goto(`${url}/keys?status=active`);
  await signIn(page, person);
  await page.waitForURL(/\/keys\?status=active$/);
  assert.equal(await page.evaluate("document.cookie"), "");
  const stored = await page.evaluate<string>("JSON.stringify({ ...localStorage, ...sessionStorage })");
  assert.doesNotMatch(stored, /eyJ|lyr_/);
  const kept = await context.cookies();
  assert.deepEqual(
    kept.map(({ name, httpOnly, secure, sameSite }) => [name, httpOnly, secure, sameSite]).sort(),
    ["__Host-lyss-refresh", "__Host-lyss-session"].map((name) => [name, true, true, "Strict"]),
  );
  // The access token has run out: the page goes on by the refresh token, and nobody notices.
  await context.clearCookies({ name: "__Host-lyss-session" });
  await page.reload();
  await page.getByRole("cell", { name: "first key", exact: true }).waitFor();
  await context.clearCookies();
  await page.reload();
  await page.waitForURL(/\/sign-in\?next=/);
  await signIn(page, person);
  await page.waitForURL(/\/keys\?status=active$/);
  await page.getByRole("button", { name: /^Account/ }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(/\/sign-in$/);
  assert.deepEqual(await context.cookies(), []);
});

test("language and theme are chosen by keyboard, and stay", { skip }, async () => {
  const { page, mistakes } = await open(desk);
  await page.goto(url);
  await signIn(page, person);
  await page.getByRole("heading", { level: 1, name: "Get started" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").waitFor();
  await checkLook(page, "palette");
  await page.keyboard.type("简体");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "快速开始" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.keyboard.type("深色");
  await page.keyboard.press("Enter");
  await page.reload();
  await page.getByRole("heading", { level: 1, name: "快速开始" }).waitFor();
  assert.deepEqual(await page.evaluate("[document.documentElement.lang, document.documentElement.dataset.theme]"), [
    "zh-CN",
    "dark",
  ]);
  await checkLook(page, "start-zh-dark");
  assert.deepEqual(mistakes, []);
});

test("a model answers in the playground, and what that cost is drawn in the overview", { skip }, async () => {
  const { page, mistakes } = await open({ ...desk, colorScheme: "dark" });
  await page.goto(`${url}/playground`);
  await signIn(page, person);
  await page.getByRole("textbox", { name: "Message" }).fill("Say hello.");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByText("You wrote: “Say hello.”").waitFor();
  await page.getByText(/^\$0\.0000/).waitFor();
  await checkLook(page, "playground-dark");
  await page.goto(`${url}/overview?range=hour`);
  await page.getByRole("img", { name: /^Spend: \$0\.0000/ }).waitFor();
  await page.locator("canvas").first().waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByRole("rowheader", { name: "simulated-chat" }).waitFor();
  await page.getByRole("img", { name: "Time to first token" }).waitFor();
  await checkLook(page, "overview-dark");
  assert.deepEqual(mistakes, []);
});

test("a model calls a tool in the playground and goes on with what it returned; the set-up is shared by a link and kept as a prompt", {
  skip,
}, async () => {
  const { page, context, mistakes } = await open(desk);
  await page.goto(`${url}/playground`);
  await signIn(page, person);
  await page.getByRole("textbox", { name: "Message" }).fill("Please get weather in {{city}}.");
  await page.getByLabel("{{city}}").fill("Paris");
  await page.getByRole("button", { name: "Add model" }).click();
  await page.getByLabel("Model 2").selectOption("simulated-small");
  await page.getByRole("button", { name: "Add tool" }).click();
  const schema = page.getByLabel("Arguments, as JSON Schema");
  await schema.fill("{");
  await page.getByRole("button", { name: "Save tool" }).click();
  await page.getByRole("alert").getByText("must be JSON").waitFor();
  await schema.fill('{"type":"object","properties":{"place":{"type":"string"}},"required":["place"]}');
  await page.getByRole("button", { name: "Save tool" }).click();
  await page.getByRole("button", { name: "Run" }).click();
  const returned = page.getByLabel("What get_weather returns");
  await returned.nth(1).waitFor();
  await returned.first().fill('{"celsius": 21}');
  await page.getByRole("button", { name: "Send to the model" }).first().click();
  await page.getByText('The tool get_weather returned: “{"celsius": 21}”').waitFor();
  await checkLook(page, "playground-tools");

  await page.getByRole("button", { name: "Save as prompt" }).click();
  await page.getByLabel("Prompt name").fill("weather");
  await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved as version 1 of “weather”").waitFor();
  const prompt = (await requestJson(`${url}/api/v1/ai/prompts/weather`, person.apiKey)).body;
  const { messages, model, variables } = prompt["content"] as Record<string, unknown>;
  const said = [{ role: "user", content: "Please get weather in {{city}}." }];
  assert.deepEqual([messages, model, variables], [said, "simulated-chat", ["city"]]);

  await page.getByRole("button", { name: "Share" }).click();
  const link = (await page.getByRole("dialog").locator("code").textContent()) ?? "";
  assert.deepEqual(mistakes, []);
  const phone = await open({ ...small, storageState: await context.storageState() });
  await phone.page.goto(link);
  await phone.page.getByLabel("模型 2").waitFor();
  assert.equal(await phone.page.getByLabel("模型 2").inputValue(), "simulated-small");
  await phone.page.getByText("get_weather", { exact: true }).waitFor();
  await phone.page.getByRole("button", { name: "打开提示词" }).click();
  await phone.page.getByRole("button", { name: "打开", exact: true }).click();
  await phone.page.getByLabel("模型 2").waitFor({ state: "detached" });
  assert.equal(await phone.page.getByLabel("消息").inputValue(), "Please get weather in {{city}}.");
  await checkWidth(phone.page);
  await checkLook(phone.page, "playground-phone-dark");
  assert.deepEqual(phone.mistakes, []);
});

test("images go with a message to a model in the playground, and an image model draws what is described", {
  skip,
}, async () => {
  const { page, mistakes } = await open(desk);
  await page.goto(`${url}/playground`);
  await signIn(page, person);
  await page.getByRole("textbox", { name: "Message" }).fill("What is this?");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByText("Attach images").click()]);
  await chooser.setFiles({ name: "dot.png", mimeType: "image/png", buffer: Buffer.from(dot, "base64") });
  await page.getByRole("img", { name: "dot.png" }).waitFor();
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByText("1 × image_url").waitFor();
  await page.getByRole("textbox", { name: "Message" }).fill("And then?");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByText("2 × user, 2 × image_url, 1 × assistant").waitFor();
  await page.getByRole("button", { name: "Images", exact: true }).click();
  await page.getByLabel("Description of the image").fill("A red square");
  await page.getByLabel("How many").fill("2");
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByRole("img", { name: "Image 2" }).waitFor();
  await checkLook(page, "playground-images");
  assert.deepEqual(mistakes, []);
});

test("on a phone nothing stands out, and the navigation opens", { skip }, async () => {
  const { page, mistakes } = await open({ viewport: { width: 390, height: 844 }, locale: "zh-CN", hasTouch: true });
  await page.goto(url);
  await checkWidth(page);
  await signIn(page, person);
  await page.getByRole("heading", { level: 1, name: "快速开始" }).waitFor();
  await checkWidth(page);
  await page.getByRole("button", { name: "打开导航" }).click();
  await page.getByRole("link", { name: "API 密钥" }).click();
  await page.getByRole("cell", { name: "first key", exact: true }).waitFor();
  await checkWidth(page);
  await checkLook(page, "keys-phone-zh");
  for (const place of ["start", "overview?range=hour", "requests"]) {
    await page.goto(`${url}/${place}`);
    await page.locator("main table").first().waitFor();
    await checkTables(page);
  }
  assert.deepEqual(mistakes, []);
});

test("the first load is small and of this site alone; files are kept for good, the page is not", {
  skip,
}, async (t) => {
  const { page } = await open(desk);
  let bytes = 0;
  const asked: string[] = [];
  page.on("response", async (answer) => {
    asked.push(answer.url());
    bytes += Number(answer.headers()["content-length"] ?? 0);
  });
  await page.goto(url);
  await page.locator("input[name=email]").waitFor();
  const interactiveMs = await page.evaluate<number>("performance.now()");
  assert.ok(bytes < 250_000, `${bytes} bytes`);
  // A time is a matter of the machine: it is told, beside the goal of 1.5 s, and not judged.
  t.diagnostic(`${bytes} bytes, a form to write into after ${Math.round(interactiveMs)} ms`);
  assert.deepEqual(
    asked.filter((one) => !one.startsWith(url)),
    [],
  );
  const script = asked.find((one) => /\/assets\/.*\.js$/.test(one)) ?? "";
  const file = await fetch(script, { headers: { "accept-encoding": "gzip" } });
  assert.deepEqual(
    [file.headers.get("cache-control"), file.headers.get("content-encoding")],
    ["public, max-age=31536000, immutable", "gzip"],
  );
  const shown = await fetch(url);
  assert.equal(shown.headers.get("cache-control"), "no-cache");
  assert.match(
    shown.headers.get("content-security-policy") ?? "",
    /default-src 'none'; script-src 'self'; style-src 'self'/,
  );
});

test("a request stands in the list as it ends, and its page says what became of it and what it cost, on a phone and in Chinese too", {
  skip,
}, async () => {
  const { page, context, mistakes } = await open(desk);
  await page.goto(`${url}/requests?range=24h`);
  await signIn(page, person);
  await page.getByText("Live", { exact: true }).waitFor();
  const body = { model: "simulated-small", messages: [{ role: "user", content: "hello" }] };
  assert.equal((await requestJson(`${url}/v1/chat/completions`, person.apiKey, { body })).status, 200);
  const row = page.getByRole("row", { name: /simulated-small/ });
  await row.first().waitFor();
  await checkLook(page, "requests");
  await page.getByRole("button", { name: "Sort by Cost" }).click();
  await page.waitForURL(/sort=-cost/);
  await row.first().waitFor();
  await row.first().click();
  await page.getByRole("heading", { name: "Attempts" }).waitFor();
  await page.getByRole("cell", { name: "Paid from the organisation’s wallet" }).waitFor();
  await page.getByRole("button", { name: "Refund" }).click();
  await page.getByText(/The amount comes back to the wallet/).waitFor();
  await page.getByLabel("Reason").fill("cut off");
  await checkLook(page, "request-refund");
  await page.getByRole("dialog").getByRole("button", { name: "Refund" }).click();
  await page.getByRole("heading", { name: "Given back" }).waitFor();
  await page.getByText("cut off").waitFor();
  assert.equal(await page.getByRole("button", { name: "Refund" }).count(), 0);
  await page.getByRole("button", { name: "Good answer" }).click();
  await page.getByLabel("Why").fill("It said hello.");
  await page.getByRole("button", { name: "Give score" }).click();
  await page.getByText("helpful: yes").waitFor();
  await checkLook(page, "request");
  assert.deepEqual(mistakes, []);

  const phone = await open({
    ...{ viewport: { width: 390, height: 844 }, locale: "zh-CN", colorScheme: "dark" },
    storageState: await context.storageState(),
  });
  await phone.page.goto(page.url());
  await phone.page.getByRole("heading", { name: "各次尝试" }).waitFor();
  await checkWidth(phone.page);
  await checkLook(phone.page, "request-phone-dark");
  await phone.page.getByRole("link", { name: "全部请求" }).click();
  await phone.page.getByText("实时", { exact: true }).waitFor();
  await checkWidth(phone.page);
  await checkLook(phone.page, "requests-phone-dark");
  assert.deepEqual(phone.mistakes, []);
});

test("a route is drawn while it is made, tried on recorded calls, saved, changed, and put back to what it was", {
  skip,
}, async () => {
  const { page, mistakes } = await open(desk);
  await page.goto(`${url}/models`);
  await signIn(page, person);
  await page.getByRole("cell", { name: "simulated-chat", exact: true }).waitFor();
  await checkLook(page, "models");
  await page.goto(`${url}/routes`);
  await page.getByRole("button", { name: "Create route" }).first().click();
  await page.getByLabel("Name").fill("smart");
  await page.getByLabel("Strategy").selectOption("weighted");
  await page.getByRole("button", { name: "Add target" }).click();
  await page.getByLabel("Weight").first().fill("3");
  await page.getByText("75%").waitFor();
  await page.getByRole("button", { name: "Try on recorded calls" }).click();
  await page.getByText(/calls examined|no recorded calls/).waitFor();
  await checkLook(page, "route-new");
  await page.getByRole("button", { name: "Create route" }).click();
  await page.getByText("Version 1").waitFor();
  const stored = async () => (await requestJson(`${url}/api/v1/ai/routes/smart`, person.apiKey)).body;
  assert.deepEqual([(await stored())["strategy"], (await stored())["version"]], ["weighted", 1]);

  await page.getByLabel("Strategy").selectOption("fallback");
  await page.getByText("Only for some calls").first().click();
  await page.getByLabel("Minimum difficulty, 0 to 100").first().fill("60");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Version 2").waitFor();
  const [first] = (await stored())["targets"] as { when?: object }[];
  assert.deepEqual([(await stored())["strategy"], first?.when], ["fallback", { complexity: { min: 60 } }]);
  await page.getByRole("button", { name: "Restore" }).click();
  await page.getByText("Version 3").waitFor();
  assert.equal((await stored())["strategy"], "weighted");
  await page.setViewportSize({ width: 390, height: 844 });
  await checkWidth(page);
  await checkLook(page, "route-phone");
  await page.goto(`${url}/routes`);
  await page.getByRole("button", { name: "Actions for smart" }).click();
  await page.getByRole("menuitem", { name: "Remove" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
  await page.getByText("“smart” was removed").waitFor();
  assert.deepEqual(mistakes, []);
});
