import { listUsers } from "../../api/gen/client.ts";
import type { FindIds } from "../../ui/search-by-name.ts";

/** People of the tenant with these words in their name or address. */
export const findPeople: FindIds = async (search, page, signal) => {
  const { data, next_cursor } = await listUsers({ query: { search, ...page } }, { signal });
  return { data: data.map(({ id }) => id), next_cursor };
};
