import { useQuery } from "@tanstack/react-query";
import { useGroupNames } from "../../app/people/use-group-names.ts";
import { useKeyNames } from "../../app/people/use-key-names.ts";
import { usePeopleNames } from "../../app/people/use-people-names.ts";
import { tenantQuery } from "../../app/session.ts";
import type { Scope } from "./budget.ts";

/** What tenants, groups, people and keys are called, as far as the person may know. */
export function useScopeNames(): Readonly<Record<Scope, ReadonlyMap<string, string>>> {
  const { data: tenant } = useQuery(tenantQuery);
  return {
    tenant: new Map(tenant ? [[tenant.id, tenant.name]] : []),
    group: useGroupNames(),
    user: usePeopleNames().names,
    key: useKeyNames(),
  };
}
