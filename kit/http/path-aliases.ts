/** Beginnings of paths that stand for others: `{ "/other/v1": "/v1" }`. */
export type PathAliases = Readonly<Record<string, string>>;

/** A request target with its place in one spelling; any other as it is. What follows the beginning is looked at as ever. */
export function resolveAlias(target: string, aliases: PathAliases): string {
  for (const alias in aliases)
    if (target.startsWith(`${alias}/`)) return `${aliases[alias]}${target.slice(alias.length)}`;
  return target;
}

/** A path as it may be spelt otherwise. */
export function spellingsOf(path: string, aliases: PathAliases): string[] {
  return Object.entries(aliases).flatMap(([alias, own]) =>
    path.startsWith(`${own}/`) ? [alias + path.slice(own.length)] : [],
  );
}
