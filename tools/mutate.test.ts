import assert from "node:assert/strict";
import { test } from "node:test";
import { type Mutant, scorePercent } from "./mutate.ts";

const mutants = (...statuses: readonly Mutant["status"][]): readonly Mutant[] =>
  statuses.map((status) => ({ status, mutatorName: "", replacement: "", location: { start: { line: 1 } } }));

test("a mutant that hangs is noticed, one that no test reaches is not, and one that cannot run does not count", () => {
  assert.equal(scorePercent(mutants("Killed", "Timeout", "Survived", "NoCoverage")), 50);
  assert.equal(scorePercent(mutants("Killed", "CompileError", "RuntimeError", "Ignored")), 100);
});
