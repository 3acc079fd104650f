import type { Route } from "./route.ts";

/**
 * The routes, and after them each one again with the path prefix `prefix` replaced by `aliasPrefix`. The operation of a
 * copy ends in the alias, for operations are unique: `createKey` under `/api/v1` is `createKeyApiV1`.
 * Throws a TypeError for a route that lies elsewhere.
 */
export function withAlias<Ops>(routes: readonly Route<Ops>[], prefix: string, aliasPrefix: string): Route<Ops>[] {
  const suffix = aliasPrefix.replace(/\/(\w)/g, (_slash, letter: string) => letter.toUpperCase());
  const copies = routes.map((route) => {
    if (!route.path.startsWith(`${prefix}/`)) throw new TypeError(`${route.path} does not lie under ${prefix}`);
    const path = aliasPrefix + route.path.slice(prefix.length);
    return { ...route, path, operation: route.operation + suffix };
  });
  return [...routes, ...copies];
}
