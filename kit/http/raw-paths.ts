import type { PathParams } from "./route.ts";
import { paramNamesOf } from "./route-schemas.ts";

/** A parameter may hold slashes, as names of models do; an encoded one is refused before (request-head.ts). */
const maxParamLength = 256;

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
