import type { ImportEdge } from "../imports.ts";
import { isTest, type Problem } from "../source-tree.ts";

/** What a file is to its service. A part is any file that the anatomy does not name. */
type Role = "service" | "edge" | "operation" | "store" | "model" | "part" | "test";

/** The roles that each role never imports. */
const refused: Readonly<Record<Role, readonly Role[]>> = {
  service: ["test"],
  edge: ["service", "store", "test"],
  operation: ["service", "edge", "test"],
  part: ["service", "edge", "test"],
  store: ["service", "edge", "operation", "test"],
  model: ["service", "edge", "operation", "store", "test"],
  test: [],
};

/**
 * Inside a service: `service.ts -> edges -> operations -> model`, operations -> store, store -> model.
 * A part belongs to the highest of its importers, so stores and models reach nothing more by way of a part.
 */
export function findServiceLayerProblems(imports: readonly ImportEdge[]): readonly Problem[] {
  const inside = imports.filter(({ from, to }) => serviceOf(from) !== undefined && serviceOf(from) === serviceOf(to));
  const byFrom = Map.groupBy(inside, ({ from }) => from);

  function findReached(from: string, role: Role, seen: Set<string>): readonly ImportEdge[] {
    return (byFrom.get(from) ?? []).flatMap((edge) => {
      if (seen.has(edge.to)) return [];
      seen.add(edge.to);
      if (refused[role].includes(roleOf(edge.to))) return [edge];
      const isThroughPart = roleOf(edge.to) === "part" && (role === "store" || role === "model");
      return isThroughPart ? findReached(edge.to, role, seen) : [];
    });
  }

  return [...byFrom.keys()].flatMap((path) => {
    const role = roleOf(path);
    return findReached(path, role, new Set()).map(({ from, to, line }) => {
      const way = from === path ? "" : ` (by way of ${from})`;
      const message = `${role}s never import ${roleOf(to)}s${way}: ${to}`;
      return { path, line: from === path ? line : 0, message };
    });
  });
}

function serviceOf(path: string): string | undefined {
  return /^services\/([^/]+)\//.exec(path)?.[1];
}

function roleOf(path: string): Role {
  if (isTest(path)) return "test";
  const inService = path.replace(/^services\/[^/]+\//, "");
  if (inService === "service.ts") return "service";
  if (/^([a-z-]+-)?(rpc|routes|events|jobs)(\.ts|\/.*)$/.test(inService)) return "edge";
  if (/^(ops\.ts|ops\/.*|sagas\/.*)$/.test(inService)) return "operation";
  if (/^(.*[/-])?store\.ts$/.test(inService)) return "store";
  if (/^(.*[/-])?model\.ts$/.test(inService)) return "model";
  return "part";
}
