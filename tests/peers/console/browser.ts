import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitUntil } from "@lyss/kit/testing/wait-until.ts";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { runPlatform } from "../../run-platform.ts";

const executablePath = "/usr/bin/chromium";
/** Where a person looks at what the tests saw. */
const shots = join(tmpdir(), "lyss-console-screenshots");
const stepLimitMs = 10_000;
const axeOptions = {
  runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
};
/** Resolves when what moves once has come to rest; what pulses never does. */
const settled = `Promise.all(document.getAnimations()
  .filter((one) => one.effect.getComputedTiming().iterations === 1)
  .map((one) => one.finished.catch(() => undefined))).then(() => undefined)`;
const axePath = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** Why nothing can be looked at here; undefined where it can. */
export const missingBrowser = existsSync(executablePath)
  ? undefined
  : `there is no ${executablePath}: apt-get install chromium`;

export function openBrowser(): Promise<Browser> {
  const quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
  return chromium.launch({
    executablePath,
    args: ["--no-sandbox", ...quiet, "--disable-component-update", "--disable-sync"],
  });
}

/** A page whose console must stay silent. `mistakes` is what it said. */
export async function openPage(browser: Browser, options: BrowserContextOptions) {
  const context = await browser.newContext({ locale: "en-US", ...options });
  context.setDefaultTimeout(stepLimitMs);
  const page = await context.newPage();
  const mistakes: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) mistakes.push(message.text());
  });
  page.on("pageerror", (err) => mistakes.push(err.message));
  return { page, context, mistakes };
}

/** A platform with its console, its first person, and a browser before it, until `t` ends. */
export async function startConsole(
  t: Parameters<typeof runPlatform>[0],
  options: Parameters<typeof runPlatform>[1] = {},
) {
  const env = { ...options.env, LYSS_HTTP_CONSOLE: "true" };
  const { url, dataDir } = await runPlatform(t, { ...options, env });
  const person = JSON.parse(readFileSync(join(dataDir, "first-run.json"), "utf8"));
  await waitUntil(async () => (await fetch(url, { headers: { accept: "text/html" } })).status === 200);
  const browser = await openBrowser();
  t.after(() => browser.close());
  return { url, person, open: (page: BrowserContextOptions) => openPage(browser, page) };
}

export type Console = Awaited<ReturnType<typeof startConsole>>;

/** Signs in as the first run's administrator, from whatever address asks for it. */
export async function signIn(page: Page, person: { readonly adminEmail: string; readonly adminPassword: string }) {
  await page.locator("input[name=email]").fill(person.adminEmail);
  await page.locator("input[name=password]").fill(person.adminPassword);
  await page.locator("button[type=submit]").click();
  await page.locator("nav").first().waitFor({ state: "attached" });
}

/** Asserts that axe finds nothing against WCAG 2.2 A and AA, and keeps a picture. */
export async function checkLook(page: Page, name: string): Promise<void> {
  // Colours on their way from one to another have no contrast to measure.
  await page.evaluate(settled);
  mkdirSync(shots, { recursive: true });
  await page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
  if (!(await page.evaluate('"axe" in window'))) {
    // By the debugger, not as a script of the page's: that is refused.
    const session = await page.context().newCDPSession(page);
    await session.send("Runtime.evaluate", { expression: readFileSync(axePath, "utf8") });
    await session.detach();
  }
  const { violations } = await page.evaluate<AxeResult>(`axe.run(document, ${JSON.stringify(axeOptions)})`);
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(" | ")}`);
  assert.deepEqual(found, [], name);
}

interface AxeResult {
  readonly violations: readonly { readonly id: string; readonly nodes: readonly { readonly html: string }[] }[];
}

/** Asserts that nothing stands out to the right. */
export async function checkWidth(page: Page): Promise<void> {
  const [wide, seen] = await page.evaluate<[number, number]>("[document.documentElement.scrollWidth, innerWidth]");
  assert.ok(wide <= seen, `${wide} px on a screen of ${seen}`);
}

/** Asserts that the page's tables are read without scrolling sideways. */
export async function checkTables(page: Page): Promise<void> {
  const tables = await page.evaluate<readonly (readonly [number, number])[]>(
    `[...document.querySelectorAll("main section:has(> table)")].map((one) => [one.scrollWidth, one.clientWidth])`,
  );
  assert.ok(tables.length > 0);
  for (const [wide, seen] of tables) assert.ok(wide <= seen, `a table of ${wide} px in ${seen}`);
}
