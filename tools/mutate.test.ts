import assert from "node:assert/strict";
import { test } from "node:test";
import { type Mutant, type Result, scorePercent, updateReport } from "./mutate.ts";

const place = { start: { line: 1, column: 8 }, end: { line: 1, column: 13 } };
const mutants = (...statuses: readonly Mutant["status"][]): readonly Mutant[] =>
  statuses.map((status) => ({ status, mutatorName: "", replacement: "true", location: place }));
const linesOf = (report: string, file: string) => report.split("\n").filter((line) => line.includes(`\`${file}`));

test("a mutant that hangs is noticed, one that no test reaches is not, and one that cannot run does not count", () => {
  assert.equal(scorePercent(mutants("Killed", "Timeout", "Survived", "NoCoverage")), 50);
  assert.equal(scorePercent(mutants("Killed", "CompileError", "RuntimeError", "Ignored")), 100);
});

test("a run over one file changes what the report says of that file, and keeps the rest", () => {
  const files = ["kit/b.ts", "kit/a.ts"];
  const result = (file: string, ...statuses: readonly Mutant["status"][]): Result => {
    return { file, source: "return a < b;\n", mutants: mutants(...statuses) };
  };
  const first = updateReport("", [result("kit/a.ts", "Killed"), result("kit/b.ts", "Survived", "Killed")], files);
  const second = updateReport(first, [result("kit/a.ts", "Killed", "NoCoverage", "Timeout", "Killed")], files);
  assert.deepEqual(linesOf(second, "kit/a.ts"), [
    "| `kit/a.ts` | 4 | 2 | 1 | 1 | 75.0 |",
    "- `kit/a.ts:1` `a < b` → `true`",
  ]);
  assert.deepEqual(linesOf(second, "kit/b.ts"), linesOf(first, "kit/b.ts"));
  assert.deepEqual(linesOf(updateReport(second, [], ["kit/a.ts"]), "kit/b.ts"), []);
});

test("the reason behind a survivor stays while the same change survives, wherever it has moved", () => {
  const survivor = (source: string, start: { line: number; column: number }): Result => {
    const end = { line: start.line, column: start.column + 5 };
    return { file: "kit/a.ts", source, mutants: [{ ...mutants("Survived")[0], location: { start, end } } as Mutant] };
  };
  const first = updateReport("", [survivor("return a < b;", place.start)], ["kit/a.ts"]);
  const explained = first.replace("→ `true`", "→ `true`: they are never equal; b comes later.");
  const moved = updateReport(explained, [survivor("\n\nreturn a < b;", { line: 3, column: 8 })], ["kit/a.ts"]);
  assert.match(moved, /^- `kit\/a.ts:3` `a < b` → `true`: they are never equal; b comes later.$/m);
  const other = updateReport(explained, [survivor("return a > b;", place.start)], ["kit/a.ts"]);
  assert.match(other, /^- `kit\/a.ts:1` `a > b` → `true`$/m);
});
