import { useQuery } from "@tanstack/react-query";
import { listGroups, listKeys, listUsers } from "../../api/gen/client.ts";
import { useCan } from "../session.ts";

/** What things are called, by their ids. */
export interface ListNames {
  readonly names: ReadonlyMap<string, string>;
  /** False where there are more of them. */
  readonly isWhole: boolean;
  /** True until they are there; who may not list them waits for nothing. */
  readonly isLoading: boolean;
}

interface NamedPage {
  readonly data: readonly { readonly id: string; readonly name: string; readonly email?: string }[];
  readonly next_cursor: string | null;
}

interface NamedList {
  readonly list: string;
  readonly permission: string;
  readonly load: (query: { readonly limit: number }, signal: AbortSignal) => Promise<NamedPage>;
}

const lists: Readonly<Record<string, NamedList>> = {
  group: { list: "groups", permission: "group:read", load: (query, signal) => listGroups({ query }, { signal }) },
  key: { list: "keys", permission: "key:read", load: (query, signal) => listKeys({ query }, { signal }) },
  user: { list: "people", permission: "user:list", load: (query, signal) => listUsers({ query }, { signal }) },
};
const none: Omit<ListNames, "isLoading"> = { names: new Map(), isWhole: true };

/** Names of the first 200 of a kind: `group`, `key` or `user`. None of another kind, and none for who may not list them. */
export function useListNames(kind: string): ListNames {
  const can = useCan();
  const named = lists[kind];
  const { data, isLoading } = useQuery({
    queryKey: ["list", named?.list, "names"],
    queryFn: async ({ signal }) => named?.load({ limit: 200 }, signal),
    select: toNames,
    enabled: named !== undefined && can(named.permission),
    staleTime: 60_000,
  });
  return { ...(data ?? none), isLoading };
}

function toNames(page: NamedPage | undefined): Omit<ListNames, "isLoading"> {
  if (!page) return none;
  return {
    names: new Map(page.data.map(({ id, name, email = "" }) => [id, name || email])),
    isWhole: page.next_cursor === null,
  };
}
