import type { Provider, Target } from "../model.ts";
import { leavesOf, type RoutedNode, type RoutedRoute, type RoutedTarget } from "./order-targets.ts";
import type { Route, RouteTarget } from "./route.ts";

/** What names in a route are looked up in: what stands first goes first. */
export interface RouteLookup {
  readonly providers: readonly Provider[];
  readonly routes: readonly Route[];
}

export type UnresolvedRoute = Pick<Route, "name" | "strategy" | "targets"> & Partial<Pick<Route, "embedding">>;

/** Routes within routes. */
const maxDepth = 4;
/** Places in all of them; what is beyond is not there. */
const maxPlaces = 256;

interface Walk extends RouteLookup {
  placesLeft: number;
  /** The same model of the same provider is one object, wherever it stands. */
  readonly known: Target[];
}

/** A route with those that it names, as far as they are there. One that leads back to itself is not there. */
export function resolveRoute(
  route: UnresolvedRoute,
  lookup: RouteLookup,
): {
  readonly tree: RoutedRoute;
  readonly targets: readonly RoutedTarget[];
  readonly isPriced: boolean;
  readonly comparesMeaning: boolean;
} {
  const tree = resolve(route, { ...lookup, placesLeft: maxPlaces, known: [] }, []);
  return { tree, targets: leavesOf(tree.targets), isPriced: isPriced(tree), comparesMeaning: comparesMeaning(tree) };
}

function resolve(route: UnresolvedRoute, walk: Walk, above: readonly string[]): RoutedRoute {
  const { name, strategy, embedding = null, targets } = route;
  const within = [...above, name];
  return { name, strategy, embedding, targets: targets.flatMap((rule) => resolvePlace(rule, walk, within)) };
}

function resolvePlace(rule: RouteTarget, walk: Walk, within: readonly string[]): readonly RoutedNode[] {
  if (walk.placesLeft-- <= 0) return [];
  if (rule.route === undefined) {
    const target = findTarget(rule, walk);
    return target ? [{ target, rule }] : [];
  }
  const named = walk.routes.find(({ name }) => name === rule.route);
  if (!named || within.includes(rule.route) || within.length >= maxDepth) return [];
  const nested = resolve(named, walk, within);
  return leavesOf(nested.targets).length > 0 ? [{ rule, nested }] : [];
}

function findTarget(rule: RouteTarget, { providers, known }: Walk): Target | undefined {
  const provider = providers.find(({ name }) => name === rule.provider);
  const model = provider?.models.find(({ name }) => name === rule.model);
  if (!provider || !model) return undefined;
  const same = known.find((target) => target.provider === provider && target.model === model);
  if (same) return same;
  const target = { provider, model };
  known.push(target);
  return target;
}

function isPriced({ strategy, targets }: RoutedRoute): boolean {
  return (
    strategy === "cost" || strategy === "scored" || targets.some((node) => "nested" in node && isPriced(node.nested))
  );
}

function comparesMeaning({ targets }: RoutedRoute): boolean {
  return targets.some((node) => node.rule.when?.meaning || ("nested" in node && comparesMeaning(node.nested)));
}

/**
 * True for a route that can have another in it: one that is there, does not lead back to `name`, goes no deeper than four routes with
 * it, and brings no more than 256 places.
 */
export function canNest(name: string, nested: string, { routes }: Pick<RouteLookup, "routes">): boolean {
  let places = 0;
  const isSound = (at: string, depth: number): boolean => {
    const route = routes.find((it) => it.name === at);
    if (!route || at === name || depth > maxDepth) return false;
    places += route.targets.length;
    return (
      places <= maxPlaces && route.targets.every((rule) => rule.route === undefined || isSound(rule.route, depth + 1))
    );
  };
  return isSound(nested, 2);
}
