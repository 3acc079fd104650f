/** Who shares answers: everybody of the tenant, only calls of one person, or of one key. */
export const cacheScopes = ["tenant", "user", "key"] as const;
export type CacheScope = (typeof cacheScopes)[number];

/** How questions are compared in meaning. */
export interface SemanticPolicy {
  /** A name that the tenant may call, whose targets make vectors. */
  readonly embeddingModel: string;
  /** The least cosine at which an answer is given again, up to 1. */
  readonly minSimilarity: number;
  /** A vector that is not there by then is not waited for. */
  readonly timeoutMs: number;
}

/** A tenant whose calls are answered from the cache. */
export interface CachePolicy {
  readonly tenantId: string;
  readonly maxAgeSeconds: number;
  /** All when empty. */
  readonly keys: readonly string[];
  readonly scope: CacheScope;
  /** Null where an answer is only given again for the same. */
  readonly semantic: SemanticPolicy | null;
  readonly version: number;
  readonly updatedAt: Date;
}

/** What a tenant says of it. */
export type CachePolicySpec = Omit<CachePolicy, "version" | "updatedAt">;

/** What a tenant has in the cache. */
export interface CacheSize {
  readonly answers: number;
  readonly bytes: number;
}
