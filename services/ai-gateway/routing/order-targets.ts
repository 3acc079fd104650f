import { hash } from "node:crypto";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import type { Target } from "../model.ts";
import type { RouteStrategy, RouteTarget } from "./route.ts";
import { type Candidate, rankByScore, type ScoreWeights, scoreTargets } from "./score-targets.ts";

/** A route's target that is there. */
export interface RoutedTarget {
  readonly target: Target;
  readonly rule: RouteTarget;
}

/** What of a call its conditions ask for. */
export interface AskedBy {
  readonly tenantId: string;
  readonly userId: string;
  readonly keyId: string;
  readonly tags: TagsText;
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
  {
    name,
    strategy,
    targets,
  }: { readonly name: string; readonly strategy: RouteStrategy; readonly targets: readonly RoutedTarget[] },
  asked: AskedBy,
  given: OrderDeps,
): readonly Target[] {
  const deps = strategy === "experiment" ? { ...given, draw: drawFor(name, unitOf(asked)) } : given;
  const open = targets.filter(({ rule }) => isFor(rule, asked));
  const byPriority = Map.groupBy(open, ({ rule }) => rule.priority);
  const groups = [...byPriority].sort(([a], [b]) => a - b);
  return groups.flatMap(([, group]) => orderGroup(strategy, group, asked.tenantId, deps)).map(({ target }) => target);
}

function isFor({ tags, users, keys }: RouteTarget, asked: AskedBy): boolean {
  if (users.length > 0 && !users.includes(asked.userId)) return false;
  if (keys.length > 0 && !keys.includes(asked.keyId)) return false;
  const wanted = Object.entries(tags);
  if (wanted.length === 0) return true;
  const has = new Set(asked.tags.split(","));
  return wanted.every(([name, value]) => has.has(`${name}=${value}`));
}

function orderGroup(
  strategy: RouteStrategy,
  group: readonly RoutedTarget[],
  tenantId: string,
  deps: OrderDeps,
): readonly RoutedTarget[] {
  if (group.length < 2 || strategy === "fallback") return group;
  if (strategy === "weighted" || strategy === "experiment") return orderByWeight(group, deps.draw);
  const candidates = group.map((routed) => deps.candidateOf(tenantId, routed));
  if (strategy === "scored") {
    const places = rankByScore(candidates, scoreTargets(candidates, deps.weights), deps.draw);
    return places.flatMap((at) => group[at] ?? []);
  }
  // A latency that is not known yet is 0: it is tried, and then known. What has no price cannot be called.
  const measures = candidates.map(({ standing, costNanos }) =>
    strategy === "latency" ? standing.firstByteMs : (costNanos ?? Number.POSITIVE_INFINITY),
  );
  const places = group.map((_routed, at) => at);
  places.sort((a, b) => compare(measures[a] ?? 0, measures[b] ?? 0));
  return places.flatMap((at) => group[at] ?? []);
}

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
function orderByWeight(group: readonly RoutedTarget[], draw: (n: number) => number): readonly RoutedTarget[] {
  const left = group.filter(({ rule }) => rule.weight > 0);
  const ordered: RoutedTarget[] = [];
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
