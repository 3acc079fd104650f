/** A tenant whose calls are answered from the cache. */
export interface CachePolicy {
  readonly tenantId: string;
  readonly maxAgeSeconds: number;
  /** All when empty. */
  readonly keys: readonly string[];
  readonly version: number;
  readonly updatedAt: Date;
}

/** What a tenant has in the cache. */
export interface CacheSize {
  readonly answers: number;
  readonly bytes: number;
}
