import { hash } from "node:crypto";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Target } from "../model.ts";
import type { Meaning, RouteStrategy, RouteTarget, When } from "./route.ts";
import { type Candidate, rankByScore, type ScoreWeights, scoreTargets } from "./score-targets.ts";

/** A route's target that is there. */
export interface RoutedTarget {
  readonly target: Target;
  readonly rule: RouteTarget;
}

/** A route, as far as its targets are there. */
export interface RoutedRoute {
  readonly name: string;
  readonly strategy: RouteStrategy;
  /** The model by which calls are compared with examples; nothing for a route that has none. */
  readonly embedding?: string | null;
  readonly targets: readonly RoutedNode[];
}

/** One of its places: a target, or all those of a route that it names. */
export type RoutedNode = RoutedTarget | { readonly rule: RouteTarget; readonly nested: RoutedRoute };

/** Every target within, once, in the order in which they are written. */
export function leavesOf(nodes: readonly RoutedNode[]): readonly RoutedTarget[] {
  return distinct(
    nodes.flatMap((node) => ("nested" in node ? leavesOf(node.nested.targets) : [node])),
    ({ target }) => target,
  );
}

/** A place that is open to a call: its first target stands for it among the others, the rest come right behind. */
interface Open extends RoutedTarget {
  readonly rest?: readonly Target[];
}

/** What of a call its conditions ask for. */
export interface AskedBy {
  readonly tenantId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly tags: TagsText;
  /** Whether the request meets a condition; without one it meets none. */
  readonly isLike?: ((when: When) => boolean) | undefined;
  /** The cosine to the nearest example of a place; undefined where that is not known: then it is not near. */
  readonly similarityTo?: ((rule: RouteTarget) => number | undefined) | undefined;
}

export interface OrderDeps {
  readonly weights: ScoreWeights;
  candidateOf(tenantId: string, routed: RoutedTarget): Candidate;
  /** One of 0 … n-1. */
  draw(n: number): number;
}

const unitTag = "unit=";

/** The targets that a call may go to, the one that is to serve it first. */
export function orderTargets(
  { name, strategy, targets }: RoutedRoute,
  asked: AskedBy,
  given: OrderDeps,
): readonly Target[] {
  const deps = strategy === "experiment" ? { ...given, draw: drawFor(name, unitOf(asked)) } : given;
  const fit = targets.filter(({ rule }) => isFor(rule, asked));
  const open = nearestOf(fit, asked).flatMap((node) => openAt(node, asked, given));
  const byPriority = Map.groupBy(open, ({ rule }) => rule.priority);
  const groups = [...byPriority].sort(([a], [b]) => a - b);
  const ordered = groups.flatMap(([, group]) => orderGroup(strategy, group, asked.tenantId, deps));
  if (!ordered.some(({ rest, rule }) => rest || rule.when)) return ordered.map(({ target }) => target);
  // By two ways the same target is one: it is not asked again what it has just failed at.
  return distinct(
    ordered.flatMap(({ target, rest = [] }) => [target, ...rest]),
    (target) => target,
  );
}

/** A place of a route that a call has to be compared with before its targets are in order. */
export interface ComparedPlace {
  readonly route: string;
  readonly embedding: string;
  readonly rule: RouteTarget;
  readonly meaning: Meaning;
}

/** Those that are open to the call in all else, of the route and of those within. */
export function placesToCompare(
  { name: route, embedding, targets }: RoutedRoute,
  asked: AskedBy,
): readonly ComparedPlace[] {
  return targets.flatMap((node) => {
    const { rule } = node;
    const meaning = rule.when?.meaning;
    if (!isFor(rule, asked)) return [];
    const own = meaning && embedding ? [{ route, embedding, rule, meaning }] : [];
    return "nested" in node ? [...own, ...placesToCompare(node.nested, asked)] : own;
  });
}

/** Of places with a meaning only the nearest, if it is near enough; all others. */
function nearestOf(nodes: readonly RoutedNode[], { similarityTo }: AskedBy): readonly RoutedNode[] {
  if (!nodes.some(({ rule }) => rule.when?.meaning)) return nodes;
  const similarities = nodes.map(({ rule }) => {
    const similarity = rule.when?.meaning && similarityTo?.(rule);
    return similarity !== undefined && similarity >= (rule.when?.meaning?.similarity ?? 1) ? similarity : undefined;
  });
  const most = Math.max(...similarities.flatMap((similarity) => similarity ?? []));
  return nodes.filter(({ rule }, at) => !rule.when?.meaning || similarities[at] === most);
}

function openAt(node: RoutedNode, asked: AskedBy, deps: OrderDeps): readonly Open[] {
  if (!("nested" in node)) return [node];
  const [target, ...rest] = orderTargets(node.nested, asked, deps);
  return target ? [{ target, rule: node.rule, rest }] : [];
}

/** Of those that are the same target, the first. */
function distinct<One>(all: readonly One[], targetOf: (one: One) => Target): readonly One[] {
  const seen = new Set<Target>();
  return all.filter((one) => !seen.has(targetOf(one)) && seen.add(targetOf(one)));
}

function isFor({ tags, users, keys, when }: RouteTarget, asked: AskedBy): boolean {
  if (users.length > 0 && !users.includes(asked.userId)) return false;
  if (keys.length > 0 && !keys.includes(asked.keyId)) return false;
  if (when && !asked.isLike?.(when)) return false;
  const wanted = Object.entries(tags);
  if (wanted.length === 0) return true;
  const has = new Set(asked.tags.split(","));
  return wanted.every(([name, value]) => has.has(`${name}=${value}`));
}

function orderGroup(
  strategy: RouteStrategy,
  group: readonly Open[],
  tenantId: string,
  deps: OrderDeps,
): readonly Open[] {
  if (group.length < 2 || strategy === "fallback") return group;
  if (strategy === "weighted" || strategy === "experiment") return orderByWeight(group, deps.draw);
  const candidates = group.map((routed) => deps.candidateOf(tenantId, routed));
  if (strategy === "scored") {
    const places = rankByScore(candidates, scoreTargets(candidates, deps.weights), deps.draw);
    return places.flatMap((at) => group[at] ?? []);
  }
  const measures = candidates.map(measureOf[strategy]);
  const places = group.map((_routed, at) => at);
  places.sort((a, b) => compare(measures[a] ?? 0, measures[b] ?? 0));
  return places.flatMap((at) => group[at] ?? []);
}

/** What is least comes first. What is not known yet is tried, and then known; what has no price cannot be called. */
const measureOf: Readonly<Record<"cost" | "latency" | "throughput" | "quality", (candidate: Candidate) => number>> = {
  cost: ({ costNanos }) => costNanos ?? Number.POSITIVE_INFINITY,
  latency: ({ standing }) => standing.firstByteMs,
  throughput: ({ standing }) => -(standing.tokensPerSecond || Number.POSITIVE_INFINITY),
  quality: ({ quality }) => -quality,
};

/** Who is in an experiment: whom a program calls for, as it says itself, or else who calls. */
function unitOf({ tenantId, userId, keyId, tags }: AskedBy): string {
  const said = tags.split(",").find((tag) => tag.startsWith(unitTag));
  return said === undefined ? `${tenantId} ${userId || keyId}` : `${tenantId} ${said}`;
}

/** The same for the same unit each time, and as good as chance over all of them; of another route it is another. */
function drawFor(route: string, unit: string): (n: number) => number {
  let drawn = 0;
  return (n) => {
    const digest = hash("sha256", [route, unit, drawn++].join("\0"), "buffer");
    // A share that grows keeps those who are in it: the point stays where it is.
    return Math.floor((digest.readUInt32BE() / 2 ** 32) * n);
  };
}

function compare(a: number, b: number): number {
  return a === b ? 0 : a < b ? -1 : 1;
}

/** Each place is drawn among those that are left, by their weights; those without a weight come last, in their order. */
function orderByWeight(group: readonly Open[], draw: (n: number) => number): readonly Open[] {
  const left = group.filter(({ rule }) => rule.weight > 0);
  const ordered: Open[] = [];
  while (left.length > 0) {
    let rest = draw(left.reduce((sum, { rule }) => sum + rule.weight, 0));
    const at = left.findIndex(({ rule }) => {
      rest -= rule.weight;
      return rest < 0;
    });
    ordered.push(...left.splice(Math.max(0, at), 1));
  }
  return [...ordered, ...group.filter(({ rule }) => rule.weight === 0)];
}
