/** A directed graph: each node and the nodes it points to. */
export type Graph = ReadonlyMap<string, Iterable<string>>;

/**
 * The first cycle met from each node that is not yet on one, each as its nodes in order, the first repeated at the end.
 * Empty exactly when the graph is acyclic. The order of nodes and arrows decides which cycle is shown.
 */
export function findCycles(graph: Graph): readonly (readonly string[])[] {
  const cycles: string[][] = [];
  const finished = new Set<string>();
  const path: string[] = [];

  function visit(node: string): void {
    const start = path.indexOf(node);
    if (start !== -1) cycles.push([...path.slice(start), node]);
    if (start !== -1 || finished.has(node)) return;
    path.push(node);
    for (const next of graph.get(node) ?? []) visit(next);
    path.pop();
    finished.add(node);
  }

  for (const node of graph.keys()) visit(node);
  return cycles;
}
