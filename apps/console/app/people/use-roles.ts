import { useQuery } from "@tanstack/react-query";
import { type ListRolesResponse, listRoles } from "../../api/gen/client.ts";
import { useCan } from "../session.ts";
import { usePeopleTexts } from "./texts.ts";

export type Role = ListRolesResponse["data"][number];

const builtIn = ["owner", "admin", "member", "viewer"] as const;

export interface Roles {
  /** Every role that somebody may have, by name and what it is called. */
  readonly options: readonly (readonly [name: string, title: string])[];
  readonly titleOf: (name: string) => string;
}

/** The roles of the tenant: those that every tenant has, and its own. */
export function useRoles(): Roles {
  const t = usePeopleTexts();
  const { data } = useQuery({
    queryKey: ["list", "roles", "titles"],
    queryFn: ({ signal }) => listRoles({ path: { id: "me" } }, { signal }),
    enabled: useCan()("tenant:read"),
    staleTime: 60_000,
  });
  const own = data?.data.filter((role) => !role.built_in) ?? [];
  const options = [
    ...builtIn.map((name) => [name, t(`role.${name}`)] as const),
    ...own.map(({ name, title }) => [name, title || name] as const),
  ];
  const titles = new Map<string, string>(options);
  return { options, titleOf: (name) => titles.get(name) ?? name };
}
