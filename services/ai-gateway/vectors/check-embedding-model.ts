import { cacheFailures } from "@lyss/contracts/failures/ai-gateway-cache.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Catalog } from "../catalog.ts";
import { wireOf } from "../providers/wires.ts";

/** Throws `embedding_model_unknown` for a name that the tenant cannot call, or whose providers make no vectors. */
export function checkEmbeddingModel(catalog: Pick<Catalog, "findOffer">, tenantId: string, model: string): void {
  const targets = catalog.findOffer(tenantId, model)?.targets ?? [];
  if (targets.some(({ provider, model: at }) => wireOf(provider, at).surfaces.includes("embeddings"))) return;
  throw new Failure(cacheFailures.embedding_model_unknown, { model });
}
