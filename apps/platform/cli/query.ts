/** A query string; what is undefined is left out, and a list is given item by item. */
export function toQuery(fields: Readonly<Record<string, string | readonly string[] | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    for (const item of typeof value === "string" ? [value] : (value ?? [])) query.append(name, item);
  }
  return query.size > 0 ? `?${query}` : "";
}
