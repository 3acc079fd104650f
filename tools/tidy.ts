import { formatProblem, type Problem, readSourceTree, type SourceFile } from "./source-tree.ts";
import { findAmbient } from "./tidy/ambient.ts";
import { findLayoutProblems } from "./tidy/layout.ts";
import { findLengths } from "./tidy/lengths.ts";
import { findStraySql } from "./tidy/sql.ts";

/** The house rules that neither the type checker nor the linter knows. Which files there are is judged as a whole. */
export function findTidyProblems(files: readonly SourceFile[]): readonly Problem[] {
  const perFile = files.flatMap((file) => [...findLengths(file), ...findAmbient(file), ...findStraySql(file)]);
  return [...findLayoutProblems(files), ...perFile];
}

if (import.meta.main) {
  const problems = findTidyProblems(readSourceTree());
  for (const problem of problems) console.log(formatProblem(problem));
  process.exitCode = problems.length === 0 ? 0 : 1;
}
