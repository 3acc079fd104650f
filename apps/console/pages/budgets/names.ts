import { useQuery } from "@tanstack/react-query";
import { listGroups, listKeys, listUsers } from "../../api/gen/client.ts";
import { tenantQuery, useCan } from "../../app/session.ts";
import type { Scope } from "./budget.ts";

const names = { staleTime: 60_000 } as const;
const query = { limit: 200 } as const;

/** What tenants, groups, people and keys are called, as far as the person may know. */
export function useScopeNames(): Readonly<Record<Scope, ReadonlyMap<string, string>>> {
  const can = useCan();
  const tenant = useQuery(tenantQuery);
  const groups = useQuery({
    ...names,
    queryKey: ["list", "groups", "names"],
    queryFn: ({ signal }) => listGroups({ query }, { signal }),
    enabled: can("group:read"),
  });
  const users = useQuery({
    ...names,
    queryKey: ["list", "users", "names"],
    queryFn: ({ signal }) => listUsers({ query }, { signal }),
    enabled: can("user:list"),
  });
  const keys = useQuery({
    ...names,
    queryKey: ["list", "keys", "names"],
    queryFn: ({ signal }) => listKeys({ query }, { signal }),
    enabled: can("key:read"),
  });
  return {
    tenant: new Map(tenant.data ? [[tenant.data.id, tenant.data.name]] : []),
    group: new Map(groups.data?.data.map(({ id, name }) => [id, name])),
    user: new Map(users.data?.data.map(({ id, name, email }) => [id, name || email])),
    key: new Map(keys.data?.data.map(({ id, name }) => [id, name])),
  };
}
