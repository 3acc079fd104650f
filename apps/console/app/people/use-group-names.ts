import { useQuery } from "@tanstack/react-query";
import { listGroups } from "../../api/gen/client.ts";
import { useCan } from "../session.ts";

/** What groups are called, by their ids: the first 200, and none for who may not see them. */
export function useGroupNames(): ReadonlyMap<string, string> {
  const { data } = useQuery({
    queryKey: ["list", "groups", "names"],
    queryFn: ({ signal }) => listGroups({ query: { limit: 200 } }, { signal }),
    enabled: useCan()("group:read"),
    staleTime: 60_000,
  });
  return new Map(data?.data.map(({ id, name }) => [id, name]));
}
