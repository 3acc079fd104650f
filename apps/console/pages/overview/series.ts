import type { ChartSeries } from "../../ui/chart-props.ts";

/** What a group came to in one step. */
export interface Part {
  readonly start: string;
  /** Of the group. */
  readonly name: string;
  readonly value: number;
  readonly calls: number;
}

interface Series extends ChartSeries {
  readonly tone: number;
}

const maxSeries = 6;
/** The colour of all others together: the one after those. */
const othersTone = maxSeries;

/**
 * One series for each of the largest groups, and one for all others; `ordered` has all groups, the largest first. A group has the same colour
 * whatever is measured, where it can.
 */
export function toSeries(parts: readonly Part[], steps: readonly string[], others: string) {
  const ordered = order(parts, ({ value }) => value);
  const shown = namesOf(ordered);
  const tones = toTones(shown, namesOf(order(parts, ({ calls }) => calls)));
  const toneOf = (name: string) => tones.get(name) ?? othersTone;
  const places = new Map(steps.map((at, index) => [new Date(at).getTime(), index]));
  const values = new Map<string, number[]>();
  for (const part of parts) {
    const place = places.get(new Date(part.start).getTime());
    if (place === undefined) continue;
    const name = shown.includes(part.name) ? part.name : others;
    const line = values.get(name) ?? steps.map(() => 0);
    line[place] = (line[place] ?? 0) + part.value;
    values.set(name, line);
  }
  const names = [...shown, ...(ordered.length > maxSeries ? [others] : [])];
  const series = names.map(
    (name): Series => ({ name, values: values.get(name) ?? steps.map(() => 0), tone: toneOf(name) }),
  );
  return { ordered, series, toneOf };
}

/** The largest first. */
function order(parts: readonly Part[], of: (part: Part) => number): readonly (readonly [string, number])[] {
  const totals = new Map<string, number>();
  for (const part of parts) totals.set(part.name, (totals.get(part.name) ?? 0) + of(part));
  return [...totals].sort((a, b) => b[1] - a[1]);
}

function namesOf(ordered: readonly (readonly [string, number])[]): readonly string[] {
  return ordered.slice(0, maxSeries).map(([name]) => name);
}

/** Each has the colour of its place among `all`; one that has none there takes what is left. */
function toTones(shown: readonly string[], all: readonly string[]): ReadonlyMap<string, number> {
  const tones = new Map(all.flatMap((name, tone) => (shown.includes(name) ? [[name, tone] as const] : [])));
  const taken = new Set(tones.values());
  const left = shown.map((_, tone) => tone).filter((tone) => !taken.has(tone));
  for (const name of shown) if (!tones.has(name)) tones.set(name, left.shift() ?? othersTone);
  return tones;
}
