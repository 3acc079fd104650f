import { useQuery } from "@tanstack/react-query";
import { listProviders, listRoutes } from "../../api/gen/client.ts";
import { nameOfPlace, toModelPlace, toRoutePlace } from "./draft.ts";

/** Where a target may go. */
export interface Place {
  readonly place: string;
  readonly text: string;
}

/** The models of all providers, then the other routes; undefined while they are not known. */
export function usePlaces(own: string | undefined): readonly Place[] | undefined {
  const { data: providers } = useQuery({
    ...{ queryKey: ["providers"], queryFn: ({ signal }) => listProviders({}, { signal }) },
  });
  const { data: routes } = useQuery({
    ...{ queryKey: ["routes"], queryFn: ({ signal }) => listRoutes({ query: { limit: 200 } }, { signal }) },
  });
  if (!providers || !routes) return undefined;
  const models = providers.data.flatMap(({ name, models }) => models.map((model) => toModelPlace(name, model.name)));
  const others = routes.data.filter(({ name }) => name !== own).map(({ name }) => toRoutePlace(name));
  return [...new Set([...models, ...others])].map((place) => ({ place, text: nameOfPlace(place) }));
}
