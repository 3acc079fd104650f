import { type DurationCounts, durationBuckets } from "./durations.ts";

/** What is counted of calls, each in columns of its own with a number for each bucket: how long whole answers took, and the first of streamed ones. */
const kinds = { latency: "latency", firstToken: "first_token" } as const;
export type DurationKind = keyof typeof kinds;

function columnsOf(kind: DurationKind): readonly string[] {
  return Array.from({ length: durationBuckets }, (_, bucket) => `${kinds[kind]}_${bucket}`);
}

const everyKind = Object.keys(kinds) as DurationKind[];
const columns = everyKind.flatMap(columnsOf);

/** Parts of statements over all these columns, as SQL: they are names of our own, and nothing of them is asked for. */
export const durationSql = {
  names: columns.join(", "),
  typed: columns.map((column) => `${column} bigint`).join(", "),
  /** Sums by tag are not told apart by how long calls took. */
  keptSums: columns.map((column) => `sum(${column}) filter (where kind = '')`).join(", "),
  added: columns
    .map((column) => `${column} = coalesce(known.${column} + excluded.${column}, known.${column}, excluded.${column})`)
    .join(", "),
  totals: everyKind
    .map((kind) => `array[${columnsOf(kind).map((column) => `coalesce(sum(${column}), 0)`)}]::float8[] as "${kind}"`)
    .join(", "),
} as const;

/** Counts as columns that hold any. */
export function toDurationColumns(kind: DurationKind, counts: DurationCounts): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].map(([bucket, count]) => [`${kinds[kind]}_${bucket}`, count]));
}
