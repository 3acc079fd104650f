/**
 * Puts in place of each text of a parsed JSON value what `replace` gives for it; undefined leaves it. Not by recursion: a value may be nested
 * deeper than the stack is. Changes `parsed`, and gives it, or what stands in its place.
 */
export function replaceTexts(parsed: unknown, replace: (text: string) => unknown): unknown {
  const root = { value: parsed };
  const open: object[] = [root];
  for (let holder = open.pop(); holder; holder = open.pop()) {
    if (Array.isArray(holder)) for (let at = 0; at < holder.length; at++) lookAt(holder, at, holder[at]);
    else for (const key of Object.keys(holder)) lookAt(holder, key, (holder as Record<string, unknown>)[key]);
  }
  return root.value;

  function lookAt(holder: object, key: PropertyKey, value: unknown): void {
    if (typeof value === "object" && value !== null) open.push(value);
    const put = typeof value === "string" ? replace(value) : undefined;
    if (put === undefined) return;
    // As JSON.parse would: a field may be called `__proto__`.
    if (key === "__proto__") Object.defineProperty(holder, key, { value: put });
    else (holder as Record<PropertyKey, unknown>)[key] = put;
  }
}
