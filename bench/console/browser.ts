import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const executablePath = "/usr/bin/chromium";

/** What the page tells when it can be used. */
const usableMark = "lyss: usable";

/** A round trip and a line as a phone on a good mobile network has them. */
export interface Network {
  readonly roundTripMs: number;
  readonly megabitsPerSecond: number;
}

export interface Load {
  /** From the navigation until the page can be used. */
  readonly interactiveMs: number;
  /** How many files and answers of the API it took until then. */
  readonly requestCount: number;
  /** Paths of the files among them. */
  readonly files: readonly string[];
}

/** Throws where there is none. */
export async function openBrowser(): Promise<Browser> {
  if (!existsSync(executablePath)) throw new Error(`there is no ${executablePath}: apt-get install chromium`);
  const quiet = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update"];
  return chromium.launch({ executablePath, args: ["--no-sandbox", ...quiet] });
}

/**
 * Opens an address with nothing in the cache. It can be used when `selector` is in the page and the main thread has nothing left to do:
 * the page says when, by its own clock.
 */
export async function measureLoad(
  browser: Browser,
  {
    url,
    selector,
    network,
    ...options
  }: { readonly url: string; readonly selector: string; readonly network?: Network } & BrowserContextOptions,
): Promise<Load> {
  const context = await browser.newContext({ viewport: { width: 1_280, height: 800 }, locale: "en-US", ...options });
  try {
    const page = await context.newPage();
    if (network) await slowDown(page, network);
    await page.addInitScript(watchFor, { selector, mark: usableMark });
    const usable = page.waitForEvent("console", (message) => message.text() === usableMark);
    await page.goto(url);
    await usable;
    return await page.evaluate<Load>(
      `(() => {
        const before = performance.getEntriesByType("resource").filter((one) => one.startTime < lyssInteractiveMs);
        const files = [location.href, ...before.map((one) => one.name)].map((one) => new URL(one).pathname);
        return {
          interactiveMs: lyssInteractiveMs,
          requestCount: files.length,
          files: files.filter((path, at) => at === 0 || path.startsWith("/assets/") || /\\.(js|svg)$/.test(path)),
        };
      })()`,
    );
  } finally {
    await context.close();
  }
}

/** Runs in the page, before anything of it. */
function watchFor({ selector, mark }: { readonly selector: string; readonly mark: string }): void {
  const page = globalThis as unknown as {
    lyssInteractiveMs?: number;
    document: { querySelector(text: string): unknown };
    requestAnimationFrame(work: () => void): void;
    requestIdleCallback(work: () => void): void;
  };
  const look = () => {
    if (!page.document.querySelector(selector)) return page.requestAnimationFrame(look);
    page.requestIdleCallback(() => {
      page.lyssInteractiveMs ??= performance.now();
      console.debug(mark);
    });
  };
  look();
}

async function slowDown(page: Page, { roundTripMs, megabitsPerSecond }: Network): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  const throughput = (megabitsPerSecond * 1e6) / 8;
  await devtools.send("Network.emulateNetworkConditions", {
    ...{ offline: false, latency: roundTripMs, downloadThroughput: throughput, uploadThroughput: throughput },
  });
}
