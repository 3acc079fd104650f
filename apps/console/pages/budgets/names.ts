import { useQuery } from "@tanstack/react-query";
import { useListNames } from "../../app/people/use-list-names.ts";
import { tenantQuery } from "../../app/session.ts";
import type { Scope } from "./budget.ts";

/** What tenants, groups, people and keys are called, as far as the person may know. */
export function useScopeNames(): Readonly<Record<Scope, ReadonlyMap<string, string>>> {
  const { data: tenant } = useQuery(tenantQuery);
  return {
    tenant: new Map(tenant ? [[tenant.id, tenant.name]] : []),
    group: useListNames("group").names,
    user: useListNames("user").names,
    key: useListNames("key").names,
  };
}
