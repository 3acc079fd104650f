import { useQueries } from "@tanstack/react-query";
import { getUser } from "../../api/gen/client.ts";
import { useListNames } from "./use-list-names.ts";

/** What people are called, by their ids, `…` while that is asked; who is gone, or may not be known, keeps the id. */
export function useNames(ids: readonly string[]): (id: string) => string {
  const { names: listed, isWhole, isLoading } = useListNames("user");
  const names = new Map(listed);
  // A tenant of up to 200 is known by now; of a larger one, those who are shown are asked for one by one.
  const others = isWhole ? [] : [...new Set(ids)].filter((id) => id.startsWith("usr_") && !names.has(id));
  const found = useQueries({
    queries: others.map((id) => ({
      queryKey: ["user", id],
      queryFn: ({ signal }: { readonly signal: AbortSignal }) => getUser({ path: { id } }, { signal }),
      staleTime: 300_000,
      retry: false,
    })),
  });
  for (const { data } of found) if (data) names.set(data.id, data.name || data.email);
  return (id) => names.get(id) ?? (isLoading && id.startsWith("usr_") ? "…" : id);
}
