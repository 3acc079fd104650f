import { isCanonicalPath } from "./request-head.ts";
import type { PathParams } from "./route.ts";
import { paramNamesOf } from "./route-schemas.ts";

/** A parameter may hold slashes, as names of models do; encoded ones are refused before, but where a route takes them. */
const maxParamLength = 256;

/** What stands in a template before its parameter. */
export function startOf(template: string): string {
  return template.slice(0, template.indexOf("{"));
}

/**
 * True for a path that begins with one of `starts` and is canonical, but that slashes and colons behind it may be encoded, as clients do with names:
 * whoever decodes them sees the same place with the same name.
 */
export function isEncodedName(path: string, starts: readonly string[]): boolean {
  return starts.some((start) => {
    if (!path.startsWith(start)) return false;
    const name = path.slice(start.length).replace(/%2f/gi, "/").replace(/%3a/gi, ":");
    return isCanonicalPath(start + name);
  });
}

/**
 * Finds the parameters of a raw route's path, by its template; undefined for another path. A template may have one, which takes
 * everything up to what follows it. Throws a TypeError for one that has more.
 */
export function createPathReader(template: string): (path: string) => PathParams | undefined {
  const [name, other] = paramNamesOf(template);
  if (name === undefined || other !== undefined) throw new TypeError(`${template} must have one parameter`);
  const [before = "", after = ""] = template.split(`{${name}}`);
  return (path) => {
    if (!path.startsWith(before) || !path.endsWith(after)) return undefined;
    const text = path.slice(before.length, path.length - after.length);
    if (text === "" || text.length > maxParamLength || path.length < before.length + after.length) return undefined;
    try {
      return { [name]: decodeURIComponent(text) };
    } catch {
      return undefined;
    }
  };
}
