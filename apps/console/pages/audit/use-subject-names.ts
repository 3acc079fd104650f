import { useQuery } from "@tanstack/react-query";
import { listAllUsers } from "../../api/gen/client.ts";
import { useListNames } from "../../app/people/use-list-names.ts";
import { useNames } from "../../app/people/use-names.ts";
import { tenantQuery, useCan } from "../../app/session.ts";
import { useTenants } from "../../app/tenants/use-tenants.ts";
import { useAuditTexts } from "./texts.ts";

/**
 * What people, organisations, groups and keys are called, by their ids, as far as who looks may know it: an operator knows the newest 200
 * people of the platform, too. To others an operator is somebody of the platform.
 */
export function useSubjectNames(): (id: string) => string {
  const t = useAuditTexts();
  const isOperator = useCan()("platform:users");
  const personOf = useNames([]);
  const people = useListNames("user");
  const tenants = useTenants();
  const keys = useListNames("key").names;
  const { data: tenant } = useQuery(tenantQuery);
  const groups = useListNames("group").names;
  const { data: everybody } = useQuery({
    queryKey: ["list", "people", "of all"],
    queryFn: ({ signal }) => listAllUsers({ query: { limit: 200 } }, { signal }),
    enabled: isOperator,
    staleTime: 60_000,
  });
  const strangers = new Map(everybody?.data.map(({ id, name, email }) => [id, name || email]));
  const areAllKnown = !isOperator && people.isWhole && people.names.size > 0;
  return (id) =>
    (areAllKnown && id.startsWith("usr_") && !people.names.has(id) ? t("stranger") : undefined) ??
    keys.get(id) ??
    groups.get(id) ??
    (id === tenant?.id ? tenant.name : tenants.nameOf(strangers.get(id) ?? personOf(id)));
}
