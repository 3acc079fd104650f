import { findDomainWords } from "./boundaries/kit-words.ts";
import { findLayerMessage } from "./boundaries/layers.ts";
import { findServiceLayerProblems } from "./boundaries/service-layers.ts";
import { findCycles } from "./graph.ts";
import { type ImportEdge, listImports } from "./imports.ts";
import { formatProblem, type Problem, readSourceTree, type SourceFile } from "./source-tree.ts";

/** Every import that points the wrong way: between layers, between services, inside a service, or in a circle. */
export function findBoundaryProblems(files: readonly SourceFile[]): readonly Problem[] {
  const imports = files.flatMap(listImports);
  const layerProblems = imports.flatMap((edge): Problem[] => {
    const message = findLayerMessage(edge);
    return message === undefined ? [] : [{ path: edge.from, line: edge.line, message }];
  });
  return [
    ...layerProblems,
    ...findServiceLayerProblems(imports),
    ...findImportCycles(imports),
    ...files.flatMap(findDomainWords),
  ];
}

function findImportCycles(imports: readonly ImportEdge[]): readonly Problem[] {
  const graph = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    const targets = graph.get(from) ?? new Set();
    graph.set(from, targets.add(to));
  }
  return findCycles(graph).map((cycle) => ({
    path: cycle[0] ?? "",
    line: 0,
    message: `imports itself: ${cycle.join(" -> ")}; move what both need into a file below`,
  }));
}

if (import.meta.main) {
  const problems = findBoundaryProblems(readSourceTree());
  for (const problem of problems) console.log(formatProblem(problem));
  process.exitCode = problems.length === 0 ? 0 : 1;
}
