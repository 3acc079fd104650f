import { useQuery } from "@tanstack/react-query";
import { listBudgets, listGroups, listKeys } from "../../api/gen/client.ts";
import { findPeople } from "../../app/people/find-people.ts";
import { tenantQuery, useCan } from "../../app/session.ts";
import { has } from "../../ui/narrow-here.ts";
import { type FindIds, searchByName } from "../../ui/search-by-name.ts";
import type { Budget } from "./budget.ts";

const findGroups: FindIds = async (name, page, signal) => {
  const { data, next_cursor } = await listGroups({ query: { name, ...page } }, { signal });
  return { data: data.map(({ id }) => id), next_cursor };
};

const findKeys: FindIds = async (name_prefix, page, signal) => {
  const { data, next_cursor } = await listKeys({ query: { name_prefix, ...page } }, { signal });
  return { data: data.map(({ id }) => id), next_cursor };
};

/** Budgets, found by what the tenant, its groups, people and keys are called, as far as the person may know. */
export function useLoad() {
  const can = useCan();
  const { data: tenant } = useQuery(tenantQuery);
  const findTenant: FindIds = async (text) => ({
    data: tenant && has([tenant.name], text) ? [tenant.id] : [],
    next_cursor: null,
  });
  const places = [
    findTenant,
    ...(can("group:read") ? [findGroups] : []),
    ...(can("user:list") ? [findPeople] : []),
    ...(can("key:read") ? [findKeys] : []),
  ];
  return searchByName<Budget>(places, (query, scope_id, signal) =>
    listBudgets({ query: { ...query, scope_id, limit: 50 } as never }, { signal }),
  );
}
