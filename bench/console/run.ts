import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import { delay, systemClock } from "@lyss/kit/service/clock.ts";
import type { Browser, Page } from "playwright-core";
import { medianOf } from "../gateway/report.ts";
import { repositoryRoot, startLyssWithConsole } from "../gateway/systems.ts";
import { type Load, measureLoad, type Network, openBrowser } from "./browser.ts";
import { type Frames, measureScroll } from "./scroll.ts";

const rowCount = 10_000;
const goals = { gzipKb: 250, interactiveMs: 1_500, framesPerSecond: 60 };
const mobile: Network = { roundTripMs: 40, megabitsPerSecond: 10 };
const scroll = { distancePx: 30_000, pxPerSecond: 6_000 };
const buildLimitMs = 120_000;

/** What a visitor waits for, by name: whether signed in, and what has to be there. */
const visits = {
  "sign-in, cold": { path: "/sign-in", selector: "input[name=email]", isSignedIn: false },
  "get started, cold": { path: "/start", selector: "main ol button", isSignedIn: true },
  "requests, cold": { path: "/requests", selector: "main h1", isSignedIn: true },
} as const;
/** Frames of the list and of a page without anything, round by round. */
type Scrolled = Readonly<Record<"console" | "plain", Frames[]>>;

type Visit = keyof typeof visits;

/** How soon the console can be used, and how smoothly a long list scrolls. Writes `results/console.md` unless --quick. */
export async function runConsoleBench(args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const rounds = isQuick ? 1 : 7;
  const loadBefore = loadavg()[0] ?? 0;
  const folder = mkdtempSync(join(tmpdir(), "lyss-bench-console-"));
  // No call comes to its provider.
  const lyss = await startLyssWithConsole(9);
  const browser = await openBrowser();
  try {
    const url = `http://127.0.0.1:${lyss.port}`;
    await untilBuilt(url);
    const storageState = join(folder, "session.json");
    const page = await signIn(browser, url, lyss.adminPassword ?? "");
    await page.context().storageState({ path: storageState });
    const loads = new Map<string, Load[]>();
    for (let round = 0; round < rounds; round++) {
      for (const [name, network] of [
        ["here", undefined],
        ["mobile", mobile],
      ] as const) {
        for (const visit of Object.keys(visits) as Visit[]) {
          const { path, selector, isSignedIn } = visits[visit];
          const load = await measureLoad(browser, {
            ...{ url: url + path, selector, ...(network && { network }), ...(isSignedIn && { storageState }) },
          });
          const key = `${visit} ${name}`;
          loads.set(key, [...(loads.get(key) ?? []), load]);
          console.log(key, Math.round(load.interactiveMs), "ms", load.requestCount, "requests");
        }
      }
    }
    await showLongList(page, url);
    const frames: Scrolled = { console: [], plain: [] };
    for (const name of ["console", "plain"] as const) {
      // One after the other: a page that another one has covered gets no frames for as long.
      const one = name === "console" ? page : await openPlainPage(browser);
      for (let round = 0; round < Math.min(rounds, 5); round++) {
        await one.evaluate("scrollTo(0, 0)");
        const row = name === "console" ? "tbody tr:not([aria-hidden])" : "p";
        frames[name].push(await measureScroll(browser, one, { ...scroll, row }));
        console.log("scroll", name, JSON.stringify(frames[name].at(-1)));
      }
    }
    const gzipBytes = await sizeOf(url, loads.get("sign-in, cold here")?.[0]?.files ?? []);
    const command = ["npm run bench -- console", ...args].join(" ");
    const markdown = writeReport({ command, rounds, loadBefore, gzipBytes, loads, frames });
    if (!isQuick) writeFileSync(join(repositoryRoot, "bench/results/console.md"), markdown);
    console.log(`\n${markdown}`);
  } finally {
    await browser.close();
    await lyss.stop();
    rmSync(folder, { recursive: true });
  }
}

/** The first start builds the console. */
async function untilBuilt(url: string): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 200) {
    const { status } = await fetch(url, { headers: { accept: "text/html" } });
    if (status === 200) return;
    if (waitedMs > buildLimitMs) throw new Error(`the console is not there: ${status}`);
    await delay(systemClock, 200);
  }
}

async function signIn(browser: Browser, url: string, password: string): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 800 }, locale: "en-US" });
  await page.goto(url);
  await page.locator("input[name=email]").fill("admin@lyss.local");
  await page.locator("input[name=password]").fill(password);
  await page.locator("button[type=submit]").click();
  await page.locator("nav").first().waitFor();
  return page;
}

/** The list of models, where the API's answer has as many as no provider has. */
async function showLongList(page: Page, url: string): Promise<void> {
  const path = "/api/v1/ai/providers";
  const known = await page.evaluate<{ data: { models: object[] }[] }>(
    `fetch(${JSON.stringify(path)}).then((answer) => answer.json())`,
  );
  const [provider] = known.data;
  const [model] = provider?.models ?? [];
  if (!model) throw new Error(`${path} lists no model`);
  const models = Array.from({ length: rowCount }, (_, at) => ({ ...model, name: `model-${at + 1}` }));
  await page.route(`**${path}`, (route) => route.fulfill({ json: { ...known, data: [{ ...provider, models }] } }));
  await page.goto(`${url}/models`);
  await page.getByText("model-1", { exact: true }).waitFor();
}

/** As many rows of a few words, and no script: what this browser can do on this machine. */
async function openPlainPage(browser: Browser): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: 1_280, height: 800 } });
  const rows = Array.from(
    { length: rowCount },
    (_, at) => `<p style="height:47px;margin:0">model-${at + 1} a row of words`,
  );
  await page.setContent(rows.join(""));
  return page;
}

/** What a first visit loads, as gzip has it. */
async function sizeOf(url: string, paths: readonly string[]): Promise<number> {
  const sizes = await Promise.all(
    paths.map(async (path) => {
      const accept = path.includes(".") ? "*/*" : "text/html";
      const answer = await fetch(url + path, { headers: { "accept-encoding": "gzip", accept } });
      await answer.body?.cancel();
      return Number(answer.headers.get("content-length") ?? 0);
    }),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

function writeReport({
  command,
  rounds,
  loadBefore,
  gzipBytes,
  loads,
  frames,
}: {
  readonly command: string;
  readonly rounds: number;
  readonly loadBefore: number;
  readonly gzipBytes: number;
  readonly loads: ReadonlyMap<string, readonly Load[]>;
  readonly frames: Scrolled;
}): string {
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`;
  const median = (visit: Visit, name: string, pick: (load: Load) => number) =>
    medianOf((loads.get(`${visit} ${name}`) ?? []).map(pick));
  const rows = (Object.keys(visits) as Visit[]).map((visit) => {
    const times = (["here", "mobile"] as const).map((name) =>
      median(visit, name, (load) => load.interactiveMs).toFixed(0),
    );
    return `| ${[visit, ...times, median(visit, "here", (load) => load.requestCount)].join(" | ")} |`;
  });
  const scrolled = (["console", "plain"] as const).map((name) => {
    const of = (pick: (one: Frames) => number) => medianOf(frames[name].map(pick)).toFixed(1);
    const gaps = [of((one) => one.p95Ms), of((one) => one.longestMs), `${of((one) => one.unpaintedShare * 100)} %`];
    const leastSparePx = Math.min(...frames[name].map((one) => one.leastSparePx));
    const rows = [of((one) => one.turnsPerSecond), name === "console" ? leastSparePx.toFixed(0) : ""];
    return `| ${[name, of((one) => one.framesPerSecond), ...gaps, ...rows].join(" | ")} |`;
  });
  return `# The console

Written by \`${command}\` on ${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC. Machine: ${machine}, node ${process.version}, headless
Chromium without a graphics card on the same two cores as the platform and its database. Load of the machine before: ${loadBefore.toFixed(1)}.

**First load**: ${(gzipBytes / 1_000).toFixed(0)} KB as gzip, all files until the sign-in can be written into (goal: at most ${goals.gzipKb} KB).

**Until it can be used**, with an empty cache, medians of ${rounds} (goal: under ${goals.interactiveMs} ms on this machine): what one came for is in the page
and the main thread is idle. The second figure is for a line of ${mobile.megabitsPerSecond} Mbit/s with a round trip of ${mobile.roundTripMs} ms.

| visit | ms | ms, slow line | requests |
| --- | ---: | ---: | ---: |
${rows.join("\n")}

**A list of ${rowCount.toLocaleString("en-US")} rows**, scrolled ${scroll.distancePx.toLocaleString("en-US")} px at ${scroll.pxPerSecond.toLocaleString("en-US")} px/s, medians of ${frames.console.length} (goal: ${goals.framesPerSecond} frames a second). \`plain\` is
as many rows of a few words without style or script: what this browser draws on this machine at most. A frame is a picture in which the
page had moved, by the trace of the browser's compositor. New rows are drawn when the script has its turn, ahead of what is seen; \`rows ahead\`
is the least of all rounds, less what the page moves until they are painted.

| | frames/s | p95 between frames, ms | longest, ms | frames with an unpainted spot | turns of the script/s | rows ahead, px |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
${scrolled.join("\n")}
`;
}
