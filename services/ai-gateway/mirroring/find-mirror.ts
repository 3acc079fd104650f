import type { Catalog } from "../catalog.ts";
import type { Target } from "../model.ts";
import type { Mirror } from "./mirror.ts";

/** As a tenant would have it; undefined where it is not there. */
export function findMirror(
  catalog: Pick<Catalog, "findProvider">,
  tenantId: string,
  { provider: name, model }: Pick<Mirror, "provider" | "model">,
): Target | undefined {
  const provider = catalog.findProvider(tenantId, name);
  const found = provider?.models.find((it) => it.name === model);
  return provider && found && { provider, model: found };
}
