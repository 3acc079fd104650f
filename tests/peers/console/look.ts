import { readdirSync, readFileSync } from "node:fs";
import type { Page } from "playwright-core";

const root = new URL("../../../", import.meta.url);

/** Addresses of all pages but those of one thing, which need an id: `/keys`. */
export const pagePaths: readonly string[] = readdirSync(new URL("apps/console/pages/", root)).flatMap((folder) => {
  const text = readFileSync(new URL(`apps/console/pages/${folder}/page.ts`, root), "utf8");
  const path = /path: "([^"]+)"/.exec(text)?.[1] ?? "";
  return path.includes("$") || !text.includes("nav:") ? [] : [path];
});

/** What the API calls its values: `completed`, `rate_limited`. People read words in their place. */
function valuesOfApi(): readonly string[] {
  const found = new Set<string>();
  const walk = (part: unknown): void => {
    if (typeof part !== "object" || part === null) return;
    for (const [name, value] of Object.entries(part)) {
      if (name === "enum" && Array.isArray(value)) for (const one of value) found.add(String(one));
      else walk(value);
    }
  };
  walk(JSON.parse(readFileSync(new URL("contracts/openapi.json", root), "utf8")));
  return [...found].filter((one) => /^[a-z][a-z_]+$/.test(one));
}

const values = JSON.stringify(valuesOfApi());

/** What is wrong with a page as it stands on the screen; runs in the page. */
const look = `(() => {
  const faults = new Set();
  const { scrollWidth } = document.documentElement;
  if (scrollWidth > innerWidth) faults.add("stands out to the right: " + scrollWidth + " px");
  const isSeen = (one) => one.checkVisibility() && one.clientWidth > 1 && one.closest(".sr-only") === null;
  for (const one of document.querySelectorAll("body *")) {
    const { overflowX, textOverflow } = getComputedStyle(one);
    const hides = overflowX === "hidden" || overflowX === "clip" || textOverflow === "ellipsis";
    if (hides && isSeen(one) && one.scrollWidth > one.clientWidth + 1)
      faults.add("cut off: " + one.textContent.slice(0, 60));
  }
  const values = new Set(${values});
  const isChinese = document.documentElement.lang === "zh-CN";
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const holder = walker.currentNode.parentElement;
    if (text === "" || !isSeen(holder)) continue;
    const range = document.createRange();
    range.selectNodeContents(walker.currentNode);
    const lines = new Set([...range.getClientRects()].map(({ top }) => Math.round(top))).size;
    if (lines > 2 && text.length < 5 * lines) faults.add("squeezed into " + lines + " lines: " + text);
    if (holder.closest("code, pre, option, .font-mono")) continue;
    if (/\\d{4}-\\d\\d-\\d\\dT\\d/.test(text)) faults.add("a time as the API has it: " + text);
    // What has no name has its id for one, and as title.
    if (/\\b[a-z]{2,8}_[0-9a-z]{20,}/.test(text) && holder.title !== text) faults.add("an id: " + text);
    // In English a value may be the very word for it.
    if (values.has(text) && (isChinese || text.includes("_"))) faults.add("a value of the API: " + text);
    if (!isChinese && /[\\u4e00-\\u9fff]/.test(text)) faults.add("Chinese: " + text);
  }
  return [...faults];
})()`;

/** Goes to a page as a link does, without loading the console anew, and gives what is wrong with it there. */
export async function faultsAt(page: Page, path: string): Promise<readonly string[]> {
  await page.evaluate(
    `history.pushState({}, "", ${JSON.stringify(path)}); dispatchEvent(new PopStateEvent("popstate"))`,
  );
  await page.locator("main h1").waitFor();
  await page.locator("main .animate-spin").first().waitFor({ state: "detached" });
  const faults = await page.evaluate<readonly string[]>(look);
  const inDialog = await faultsOfDialog(page);
  return [...faults, ...inDialog.map((fault) => `dialog, ${fault}`)].map((fault) => `${path}: ${fault}`);
}

/** What is wrong with the dialog by which the list of this page grows; nothing where there is none. */
async function faultsOfDialog(page: Page): Promise<readonly string[]> {
  const add = page.locator("main button:has(svg.lucide-plus)").first();
  if (!(await add.isVisible())) return [];
  await add.click();
  const dialog = page.getByRole("dialog");
  // It stands there as soon as it is asked for; a route is made on a page of its own.
  if (!(await dialog.isVisible())) return [];
  await dialog.locator(".animate-spin").first().waitFor({ state: "detached" });
  const faults = await page.evaluate<readonly string[]>(look);
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  return faults;
}
