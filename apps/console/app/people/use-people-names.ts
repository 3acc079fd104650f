import { useQuery } from "@tanstack/react-query";
import { listUsers } from "../../api/gen/client.ts";
import { useCan } from "../session.ts";

/** What people are called, by their ids: the first 200, and none for who may not list them. `isWhole` tells whether these are all. */
export function usePeopleNames(): { readonly names: ReadonlyMap<string, string>; readonly isWhole: boolean } {
  const { data } = useQuery({
    queryKey: ["list", "people", "names"],
    queryFn: ({ signal }) => listUsers({ query: { limit: 200 } }, { signal }),
    enabled: useCan()("user:list"),
    staleTime: 60_000,
  });
  const names = new Map(data?.data.map(({ id, name, email }) => [id, name || email]));
  return { names, isWhole: !data?.next_cursor };
}
