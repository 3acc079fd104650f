import { useQuery } from "@tanstack/react-query";
import { listKeys } from "../../api/gen/client.ts";
import { useCan } from "../session.ts";

/** What API keys are called, by their ids: the newest 200, and none for who may not see them. */
export function useKeyNames(): ReadonlyMap<string, string> {
  const { data } = useQuery({
    queryKey: ["list", "keys", "names"],
    queryFn: ({ signal }) => listKeys({ query: { limit: 200 } }, { signal }),
    enabled: useCan()("key:read"),
    staleTime: 60_000,
  });
  return new Map(data?.data.map(({ id, name }) => [id, name]));
}
