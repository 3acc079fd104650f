import { useQuery } from "@tanstack/react-query";
import { listTenants } from "../../api/gen/client.ts";
import { useCan } from "../session.ts";

/** The platform's tenants, as far as an operator may know them and there are not too many to choose from. */
export function useTenants(): {
  readonly options: readonly (readonly [id: string, name: string])[];
  /** Whether `options` are all of them; false while that is not known. */
  readonly areAll: boolean;
  readonly nameOf: (id: string) => string;
} {
  const { data } = useQuery({
    queryKey: ["list", "tenants", "names"],
    queryFn: ({ signal }) => listTenants({ query: { limit: 200 } }, { signal }),
    enabled: useCan()("platform:tenants"),
    staleTime: 60_000,
  });
  const options = data?.data.map(({ id, name }) => [id, name] as const) ?? [];
  const names = new Map(options);
  return { options, areAll: data !== undefined && !data.next_cursor, nameOf: (id) => names.get(id) ?? id };
}
