import { useQuery } from "@tanstack/react-query";
import { listAllUsers } from "../../api/gen/client.ts";
import { useListNames } from "../../app/people/use-list-names.ts";
import { useNames } from "../../app/people/use-names.ts";
import { tenantQuery, useCan } from "../../app/session.ts";
import { useTenants } from "../../app/tenants/use-tenants.ts";

/**
 * What people, organisations, groups and keys are called, by their ids, as far as who looks may know it: an operator knows the newest 200
 * people of the platform, too.
 */
export function useSubjectNames(): (id: string) => string {
  const personOf = useNames([]);
  const tenants = useTenants();
  const keys = useListNames("key").names;
  const { data: tenant } = useQuery(tenantQuery);
  const groups = useListNames("group").names;
  const { data: everybody } = useQuery({
    queryKey: ["list", "people", "of all"],
    queryFn: ({ signal }) => listAllUsers({ query: { limit: 200 } }, { signal }),
    enabled: useCan()("platform:users"),
    staleTime: 60_000,
  });
  const strangers = new Map(everybody?.data.map(({ id, name, email }) => [id, name || email]));
  return (id) =>
    keys.get(id) ??
    groups.get(id) ??
    (id === tenant?.id ? tenant.name : tenants.nameOf(strangers.get(id) ?? personOf(id)));
}
