import { Counter, Gauge, type Registry } from "prom-client";

/** How a look-up was answered: from memory, from the second tier, after its time because a load failed, or by a load. */
export type CacheResult = "hit" | "remote_hit" | "stale" | "miss";

/** What one cache counts. Plain numbers, because a hit is counted in the time of a look-up. */
export interface CacheCounts {
  readonly results: Record<CacheResult, number>;
  /** Calls to the second tier or to the bus that failed or took too long. */
  driverErrors: number;
  entries(): number;
  sizeBytes(): number;
}

const watched = new WeakMap<Registry, Map<string, CacheCounts>>();

/**
 * Shows a cache's numbers as `cache_requests_total{cache,result}`, `cache_driver_errors_total{cache}`,
 * `cache_entries{cache}` and `cache_bytes{cache}`. One of the same name takes the place of the earlier.
 */
export function watchCache(registry: Registry, name: string, counts: CacheCounts): void {
  const known = watched.get(registry);
  if (known) {
    known.set(name, counts);
    return;
  }
  const caches = new Map([[name, counts]]);
  watched.set(registry, caches);
  const registers = [registry];
  new Counter({
    name: "cache_requests_total",
    help: "Look-ups by how they were answered.",
    labelNames: ["cache", "result"],
    registers,
    collect() {
      this.reset();
      for (const [cache, { results }] of caches) {
        for (const [result, count] of Object.entries(results)) this.inc({ cache, result }, count);
      }
    },
  });
  new Counter({
    name: "cache_driver_errors_total",
    help: "Calls to the second tier or the bus that failed or took too long.",
    labelNames: ["cache"],
    registers,
    collect() {
      this.reset();
      for (const [cache, { driverErrors }] of caches) this.inc({ cache }, driverErrors);
    },
  });
  new Gauge({
    name: "cache_entries",
    help: "Entries in memory.",
    labelNames: ["cache"],
    registers,
    collect() {
      for (const [cache, { entries }] of caches) this.set({ cache }, entries());
    },
  });
  new Gauge({
    name: "cache_bytes",
    help: "Size of what is in memory, as the cache's owner counts it.",
    labelNames: ["cache"],
    registers,
    collect() {
      for (const [cache, { sizeBytes }] of caches) this.set({ cache }, sizeBytes());
    },
  });
}
