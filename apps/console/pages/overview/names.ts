import { useQuery } from "@tanstack/react-query";
import { listGroups, listKeys, listUsers } from "../../api/gen/client.ts";
import { useCan } from "../../app/session.ts";

/** What keys, groups and people are called: of what may not be seen, and of what is no more, the id. */
export function useNames(by: string): ReadonlyMap<string, string> {
  const can = useCan();
  const permission = { key: "key:read", group: "group:read", user: "user:list" }[by];
  const { data } = useQuery({
    queryKey: ["list", "names", by],
    queryFn: async ({ signal }): Promise<ReadonlyMap<string, string>> => {
      const query = { limit: 200 };
      if (by === "key") return new Map((await listKeys({ query }, { signal })).data.map(({ id, name }) => [id, name]));
      if (by === "group")
        return new Map((await listGroups({ query }, { signal })).data.map(({ id, name }) => [id, name]));
      const { data: people } = await listUsers({ query }, { signal });
      return new Map(people.map(({ id, name, email }) => [id, name || email]));
    },
    enabled: permission !== undefined && can(permission),
    staleTime: 60_000,
  });
  return data ?? new Map();
}
