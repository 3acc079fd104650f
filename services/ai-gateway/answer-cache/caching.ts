import { type AnswerCacheDeps, createAnswerCache } from "./answer-cache.ts";
import { type CachePoliciesDeps, createCachePolicies } from "./cache-policies.ts";
import { createCacheStore } from "./cache-store.ts";

/** What gives answers again, and who wants that. */
export function createCaching(deps: Omit<AnswerCacheDeps & CachePoliciesDeps, "store" | "policies">) {
  const store = createCacheStore(deps.db);
  const cachePolicies = createCachePolicies({ ...deps, store });
  return { cachePolicies, answerCache: createAnswerCache({ ...deps, store, policies: cachePolicies }) };
}
