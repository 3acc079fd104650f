import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Mutant, type ReportGroup, type Result, readReport, scorePercent, updateReport } from "./mutate.ts";
import { reports } from "./mutation-targets.ts";
import { repositoryRoot } from "./source-tree.ts";

const place = { start: { line: 1, column: 8 }, end: { line: 1, column: 13 } };
const mutants = (...statuses: readonly Mutant["status"][]): readonly Mutant[] =>
  statuses.map((status) => ({ status, mutatorName: "", replacement: "true", location: place }));
const linesOf = (report: string, file: string) => report.split("\n").filter((line) => line.includes(`\`${file}`));

const groupOf = (...files: readonly string[]): readonly ReportGroup[] => [{ minScorePercent: 95, files }];
const resultOf = (file: string, ...statuses: readonly Mutant["status"][]): Result => {
  return { file, source: "return a < b;\n", mutants: mutants(...statuses) };
};

test("a mutant that hangs is noticed, one that no test reaches is not, and one that cannot run does not count", () => {
  const rowOf = (...statuses: readonly Mutant["status"][]) =>
    linesOf(updateReport("", [resultOf("kit/a.ts", ...statuses)], groupOf("kit/a.ts")), "kit/a.ts")[0];
  assert.equal(rowOf("Killed", "Timeout", "Survived", "NoCoverage"), "| `kit/a.ts` | 4 | 1 | 1 | 2 | 0 | 50.0 |");
  assert.equal(
    rowOf("Killed", "CompileError", "RuntimeError", "Ignored"),
    "| `kit/a.ts` | 4 | 1 | 0 | 0 | 0 | 100.0 |",
  );
});

test("a run over one file changes what the report says of that file, and keeps the rest", () => {
  const groups = groupOf("kit/b.ts", "kit/a.ts");
  const results = [resultOf("kit/a.ts", "Killed"), resultOf("kit/b.ts", "Survived", "Killed")];
  const first = updateReport("", results, groups);
  const second = updateReport(first, [resultOf("kit/a.ts", "Killed", "NoCoverage", "Timeout", "Killed")], groups);
  assert.deepEqual(linesOf(second, "kit/a.ts"), [
    "| `kit/a.ts` | 4 | 2 | 1 | 1 | 0 | 75.0 |",
    "- `kit/a.ts:1` `a < b` → `true`",
  ]);
  assert.deepEqual(linesOf(second, "kit/b.ts"), linesOf(first, "kit/b.ts"));
  assert.match(second, /^\| all \| 6 \| 3 \| 1 \| 2 \| 0 \| 66\.7 \|$/m);
  assert.deepEqual(linesOf(updateReport(second, [], groupOf("kit/a.ts")), "kit/b.ts"), []);
});

test("each group has its own table and its own total", () => {
  const groups: readonly ReportGroup[] = [
    { title: "Held", minScorePercent: 100, files: ["kit/a.ts"] },
    { title: "Other", minScorePercent: 95, files: ["kit/b.ts"] },
  ];
  const report = updateReport("", [resultOf("kit/a.ts", "Killed"), resultOf("kit/b.ts", "Survived")], groups);
  const headings = report.split("\n").filter((line) => /^## |^\| (all|`)/.test(line));
  assert.deepEqual(headings, [
    ...["## Held", "| `kit/a.ts` | 1 | 1 | 0 | 0 | 0 | 100.0 |", "| all | 1 | 1 | 0 | 0 | 0 | 100.0 |"],
    ...["## Other", "| `kit/b.ts` | 1 | 0 | 0 | 1 | 0 | 0.0 |", "| all | 1 | 0 | 0 | 1 | 0 | 0.0 |", "## Survivors"],
  ]);
});

test("a survivor that is argued to be the same program does not count, from the next writing on", () => {
  const groups = groupOf("kit/a.ts");
  const first = updateReport("", [resultOf("kit/a.ts", "Killed", "Survived")], groups);
  const argued = first.replace("→ `true`", "→ `true`: equivalent: both are the same.");
  const [row, line] = linesOf(updateReport(argued, [], groups), "kit/a.ts");
  assert.equal(row, "| `kit/a.ts` | 2 | 1 | 0 | 0 | 1 | 100.0 |");
  assert.equal(line, "- `kit/a.ts:1` `a < b` → `true`: equivalent: both are the same.");
});

test("the reason behind a survivor stays while the same change survives, wherever it has moved", () => {
  const survivor = (source: string, start: { line: number; column: number }): Result => {
    const end = { line: start.line, column: start.column + 5 };
    return { file: "kit/a.ts", source, mutants: [{ ...mutants("Survived")[0], location: { start, end } } as Mutant] };
  };
  const first = updateReport("", [survivor("return a < b;", place.start)], groupOf("kit/a.ts"));
  const explained = first.replace("→ `true`", "→ `true`: they are never equal; b comes later.");
  const moved = updateReport(explained, [survivor("\n\nreturn a < b;", { line: 3, column: 8 })], groupOf("kit/a.ts"));
  assert.match(moved, /^- `kit\/a.ts:3` `a < b` → `true`: they are never equal; b comes later.$/m);
  const other = updateReport(explained, [survivor("return a > b;", place.start)], groupOf("kit/a.ts"));
  assert.match(other, /^- `kit\/a.ts:1` `a > b` → `true`$/m);
});

test("B30: of what decides about money every file is in the report, each at its score, and behind each survivor stands why", () => {
  const page = "docs/billing/mutation.md";
  for (const { minScorePercent, targets } of reports[page] ?? []) {
    const files = Object.keys(targets);
    const entries = readReport(readFileSync(join(repositoryRoot, page), "utf8"), [{ minScorePercent, files }]);
    for (const file of files) {
      const entry = entries.get(file);
      assert.ok(entry, `${file} was not run`);
      assert.ok(scorePercent(entry) >= minScorePercent, `${file}: ${scorePercent(entry)} %`);
      for (const line of entry.survivors) assert.match(line, /→ `.*`: \w/);
    }
  }
});
