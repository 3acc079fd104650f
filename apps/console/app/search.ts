import { useNavigate, useSearch } from "@tanstack/react-router";

/** What stands behind `?`: texts by name. */
export type Search = Readonly<Record<string, string | undefined>>;

export function parseSearch(text: string): Record<string, string> {
  return Object.fromEntries(new URLSearchParams(text));
}

export function stringifySearch(search: Record<string, unknown>): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(search)) {
    if (value !== undefined && value !== null && value !== "") params.set(name, String(value));
  }
  return params.size === 0 ? "" : `?${params}`;
}

/**
 * The state of a page that stands in its address, so that it can be shared and gone back to. A change replaces what it names and keeps
 * the rest; `undefined` removes. `replaces` leaves no step in the history: for what changes while somebody types.
 */
export function useSearchState(): readonly [
  Search,
  (change: Search, options?: { readonly replaces?: boolean }) => void,
] {
  const search = useSearch({ strict: false }) as Search;
  const navigate = useNavigate();
  const set = (change: Search, { replaces = false } = {}) => {
    void navigate({ to: ".", search: (before: Search) => ({ ...before, ...change }), replace: replaces } as never);
  };
  return [search, set];
}
