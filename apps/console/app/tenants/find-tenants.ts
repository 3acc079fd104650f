import { listTenants } from "../../api/gen/client.ts";
import type { FindIds } from "../../ui/search-by-name.ts";

/** Tenants with this text in their name. */
export const findTenants: FindIds = async (query, page, signal) => {
  const { data, next_cursor } = await listTenants({ query: { query, ...page } }, { signal });
  return { data: data.map(({ id }) => id), next_cursor };
};
