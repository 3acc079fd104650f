import { useQuery } from "@tanstack/react-query";
import { listPrices } from "../../api/gen/client.ts";

/** Names of the providers whose models have a price. */
export function useProviders(): readonly string[] {
  const { data } = useQuery({ queryKey: ["prices"], queryFn: ({ signal }) => listPrices({}, { signal }) });
  return [...new Set(data?.data.map(({ provider }) => provider))].sort();
}
