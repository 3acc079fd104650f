import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { requestJson } from "../../run-platform.ts";
import { type Console, checkLook, missingBrowser, signIn, startConsole } from "./browser.ts";

const skip = missingBrowser ?? false;
const { url, person, open } = skip ? ({} as Console) : await startConsole({ after });
const desk = { viewport: { width: 1_280, height: 800 } };

interface Provider {
  readonly models: readonly object[];
}

test("of a list of ten thousand rows those in sight are drawn, down to its end, and a later answer as it comes", {
  skip,
}, async () => {
  const { page, mistakes } = await open(desk);
  await page.goto(`${url}/models`);
  await signIn(page, person);
  await page.getByRole("cell", { name: "simulated-chat", exact: true }).waitFor();
  const known = (await requestJson(`${url}/api/v1/ai/providers`, person.apiKey)).body["data"] as Provider[];
  const [provider] = known;
  const models = Array.from({ length: 10_000 }, (_, at) => ({ ...provider?.models[0], name: `model-${at + 1}` }));
  const answer = () => ({ object: "list", data: [{ ...provider, models }] });
  await page.route("**/api/v1/ai/providers", (route) => route.fulfill({ json: answer() }));
  await page.clock.install();
  await page.reload();
  await page.getByRole("cell", { name: "model-1", exact: true }).waitFor();
  const last = page.getByRole("cell", { name: "model-10000", exact: true });
  assert.equal(await last.count(), 0);
  await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)");
  await last.waitFor();
  assert.ok((await page.locator("tbody tr").count()) < 150);
  assert.equal(await page.locator("tr", { has: last }).getAttribute("aria-rowindex"), "10001");
  models.push({ ...provider?.models[0], name: "newest" });
  await page.clock.fastForward(20_000);
  await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)");
  await page.getByRole("cell", { name: "newest", exact: true }).waitFor();
  assert.deepEqual(mistakes, []);
});

test("where a model works and how exactly it computes is told where a provider says so", { skip }, async () => {
  const { page, mistakes } = await open(desk);
  await page.goto(`${url}/models`);
  await signIn(page, person);
  const region = page.getByRole("columnheader", { name: "Region" });
  await page.getByRole("cell", { name: "simulated-chat", exact: true }).waitFor();
  assert.equal(await region.count(), 0);
  const known = (await requestJson(`${url}/api/v1/ai/providers`, person.apiKey)).body["data"] as Provider[];
  const exact = { ...known[0]?.models[0], name: "exact", quantization: "fp8" };
  const nearby = { ...known[0], name: "nearby", region: "eu-central-1", models: [exact] };
  await page.route("**/api/v1/ai/providers", (route) =>
    route.fulfill({ json: { object: "list", data: [...known, nearby] } }),
  );
  await page.reload();
  await region.waitFor();
  const row = page.getByRole("row").filter({ hasText: "nearby" });
  await row.getByRole("cell", { name: "eu-central-1" }).waitFor();
  await row.getByRole("cell", { name: "fp8" }).waitFor();
  await page.getByRole("button", { name: "Sort by Region" }).click();
  await checkLook(page, "models-regions");
  assert.deepEqual(mistakes, []);
});

test("a list is saved page by page: how far it is can be seen, it can be canceled, and what is left out is said", {
  skip,
}, async () => {
  const body = { email: "ann@example.com", role: "member" };
  const { body: made } = await requestJson(`${url}/api/v1/invitations`, person.apiKey, { body });
  const rows = Array.from({ length: 60_000 }, (_, at) => ({ ...made, id: `${at}`, email: `${at}@example.com` }));
  const { page, mistakes } = await open(desk);
  await page.goto(`${url}/people?view=invitations`);
  await signIn(page, person);
  await page.getByRole("button", { name: "Export CSV" }).waitFor();
  const pageOf = (from: number, to: number, next: string | null) => ({
    json: { object: "list", data: rows.slice(from, to), next_cursor: next },
  });
  let release = () => {};
  const held = () => new Promise<void>((resolve) => (release = resolve));
  let last: string | null = null;
  await page.route("**/api/v1/invitations?*", async (route) => {
    const cursor = new URL(route.request().url()).searchParams.get("cursor");
    if (cursor === null) return route.fulfill(pageOf(0, 50, "second"));
    if (cursor === "second") await held();
    // Who asked for it may have gone.
    return route.fulfill(cursor === "second" ? pageOf(50, 60_000, last) : pageOf(0, 60_000, "more")).catch(() => {});
  });

  await page.getByRole("button", { name: "Export CSV" }).click();
  await page.getByRole("status").filter({ hasText: "50 rows read" }).waitFor();
  await checkLook(page, "export");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("button", { name: "Export CSV" }).click();
  await page.getByRole("status").filter({ hasText: "50 rows read" }).waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), release()]);
  assert.equal(file.suggestedFilename(), "invitations.csv");
  assert.equal(
    readFileSync(await file.path(), "utf8")
      .trimEnd()
      .split("\r\n").length,
    60_001,
  );
  await page.getByText("60,000 rows exported").waitFor();

  last = "third";
  await page.getByRole("button", { name: "Export CSV" }).click();
  await page.getByRole("status").filter({ hasText: "50 rows read" }).waitFor();
  release();
  await page.getByText("The first 120,000 rows were exported. Narrow the list").waitFor();
  assert.deepEqual(mistakes, []);
});
