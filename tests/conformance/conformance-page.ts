import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import type { Client } from "./clients/client.ts";

const page = new URL("../../docs/conformance.md", import.meta.url);

/** What can be done, by the letter that stands for it. */
export type Letters<Feature extends string> = Readonly<Record<Feature, readonly [letter: string, what: string]>>;

/** A client, and for each column what it did there. */
export interface Row<Feature extends string> {
  readonly client: Pick<Client, "name" | "package">;
  readonly version: string;
  readonly cells: readonly (readonly Feature[])[];
}

/** A table of what clients did. */
export function toTable<Feature extends string>(
  features: Letters<Feature>,
  columns: readonly string[],
  rows: readonly Row<Feature>[],
): string {
  const lines = rows.map(({ client, version, cells }) => {
    const all = Object.keys(features) as Feature[];
    const letters = cells.map(
      (cell) =>
        all
          .filter((feature) => cell.includes(feature))
          .map((feature) => features[feature][0])
          .join(" ") || "–",
    );
    return `| \`${client.package}\` ${version} | ${client.name} | ${letters.join(" | ")} |`;
  });
  const head = [`| client | surface | ${columns.join(" | ")} |`, `|---|---|${"---|".repeat(columns.length)}`];
  return [...head, ...lines].join("\n");
}

/** The letters of the tables. */
export function toLegend(features: Letters<string>): string {
  const lines = Object.values(features).map(([letter, what]) => `| ${letter} | ${what} |`);
  return ["| letter | what was done |", "|---|---|", ...lines].join("\n");
}

/**
 * Holds a part of docs/conformance.md, which stands between two comments with its name, against what a run found. Fails where they
 * differ; with `UPDATE_CONFORMANCE=1` writes it instead.
 */
export function holdPart(name: string, found: string): void {
  const [begin, end] = [`<!-- ${name}: written by the tests -->\n`, `\n<!-- end of ${name} -->`];
  const text = readFileSync(page, "utf8");
  const [start, stop] = [text.indexOf(begin) + begin.length, text.indexOf(end)];
  assert.ok(start >= begin.length && stop >= start, `docs/conformance.md has no part named ${name}`);
  if (process.env["UPDATE_CONFORMANCE"] === "1") {
    writeFileSync(page, text.slice(0, start) + found + text.slice(stop));
    return;
  }
  const hint =
    "docs/conformance.md is not what was found: see what changed, then run this again with UPDATE_CONFORMANCE=1";
  assert.equal(text.slice(start, stop), found, hint);
}
