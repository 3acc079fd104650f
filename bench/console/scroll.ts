import type { Browser, Page } from "playwright-core";

/** What a scrolling page showed. */
export interface Frames {
  /** Pictures a second in which the page had moved on, as the compositor of the browser drew them. */
  readonly framesPerSecond: number;
  /** Between two of them. */
  readonly p95Ms: number;
  readonly longestMs: number;
  /** Pictures with a spot that was not painted yet, of all. */
  readonly unpaintedShare: number;
  /** How often a second the script of the page had its turn: new rows come with one. */
  readonly turnsPerSecond: number;
  /** How far the drawn rows reached beyond what was seen when their follower was painted at the earliest: below 0 somebody saw a gap. */
  readonly leastSparePx: number;
}

interface TraceEvent {
  readonly name: string;
  /** In microseconds. */
  readonly ts: number;
  readonly args?: { readonly y?: number };
}

interface Turn {
  readonly atMs: number;
  readonly seenToPx: number;
  readonly drawnToPx: number;
}

/** From a turn of the page's script until its picture can be seen: it is painted during the next one and drawn with the one after. */
const turnsUntilSeen = 2;

/**
 * Scrolls down as a finger does. The pictures are counted where the browser's own compositor says that it drew one with another scroll
 * offset, from its trace: it moves what is painted already without the page's script, so the turns of that tell of new rows and not
 * of what is seen moving. `row` selects the rows.
 */
export async function measureScroll(
  browser: Browser,
  page: Page,
  { distancePx, pxPerSecond, row }: { readonly distancePx: number; readonly pxPerSecond: number; readonly row: string },
): Promise<Frames> {
  const devtools = await page.context().newCDPSession(page);
  await page.evaluate(
    `window.lyssTurns = [];
    (function keep(atMs) {
      const rows = document.querySelectorAll(${JSON.stringify(row)});
      const drawnToPx = scrollY + rows[rows.length - 1].getBoundingClientRect().bottom;
      lyssTurns.push({ atMs, seenToPx: scrollY + innerHeight, drawnToPx });
      window.lyssTurn = requestAnimationFrame(keep);
    })(performance.now())`,
  );
  await browser.startTracing(page, { categories: ["cc"] });
  await devtools.send("Input.synthesizeScrollGesture", {
    ...{ x: 700, y: 500, yDistance: -distancePx, speed: pxPerSecond, gestureSourceType: "mouse" },
  });
  const trace: { traceEvents: TraceEvent[] } = JSON.parse((await browser.stopTracing()).toString());
  const [turns, scrolledPx] = await page.evaluate<[Turn[], number]>(
    "(cancelAnimationFrame(lyssTurn), [lyssTurns, scrollY])",
  );
  if (scrolledPx < distancePx / 2) throw new Error(`the page has scrolled ${scrolledPx} px of ${distancePx}`);
  return { ...fromTrace(trace.traceEvents), ...fromTurns(turns) };
}

function fromTrace(events: readonly TraceEvent[]): Omit<Frames, "turnsPerSecond" | "leastSparePx"> {
  const sorted = events.toSorted((a, b) => a.ts - b.ts);
  const moved = sorted.filter(({ name, args }) => name === "Scroll Delta This Frame" && args?.y);
  const [first, last] = [moved[0], moved.at(-1)];
  if (!first || !last || first === last)
    throw new Error("the browser's trace tells of no frame in which the page moved");
  const gaps = moved.slice(1).map(({ ts }, at) => (ts - (moved[at]?.ts ?? ts)) / 1_000);
  const byLength = gaps.toSorted((a, b) => a - b);
  const unpainted = sorted.filter(
    ({ name, ts }) => name === "TileBasedLayerImpl::AppendQuads checkerboard" && ts >= first.ts && ts <= last.ts,
  );
  return {
    framesPerSecond: (gaps.length * 1_000) / gaps.reduce((sum, gap) => sum + gap, 0),
    p95Ms: byLength[Math.floor(byLength.length * 0.95)] ?? 0,
    longestMs: byLength.at(-1) ?? 0,
    unpaintedShare: unpainted.length / moved.length,
  };
}

function fromTurns(turns: readonly Turn[]): Pick<Frames, "turnsPerSecond" | "leastSparePx"> {
  const moving = turns.filter(({ seenToPx }, at) => seenToPx !== turns[at - 1]?.seenToPx).slice(1);
  const spans = moving.slice(turnsUntilSeen).map(({ seenToPx }, at) => (moving[at]?.drawnToPx ?? 0) - seenToPx);
  const tookMs = (moving.at(-1)?.atMs ?? 0) - (moving[0]?.atMs ?? 0);
  return { turnsPerSecond: ((moving.length - 1) * 1_000) / tookMs, leastSparePx: Math.min(...spans) };
}
