import { createCache } from "@lyss/kit/cache/cache.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";
import type { Contestant } from "./contest.ts";

const ttlMs = 3_600_000;
const goalNs = 300;

/** Hits in memory, beside bentocache and a bare Map: what a look-up costs when the value is there and fresh. */
export async function createCacheContestants(keyCount: number): Promise<readonly Contestant[]> {
  const keys = Array.from({ length: keyCount }, (_, i) => `lyss_${i.toString(36).padStart(32, "0")}`);
  const map = new Map(keys.map((key) => [key, { key }]));
  const cache = createCache<{ key: string }>({
    ...{ name: "bench", clock: systemClock, random: createRandom(systemClock), ttlMs, maxEntries: keyCount },
  });
  const bento = new BentoCache({
    default: "memory",
    stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: keyCount, serialize: false })) },
  });
  const load = async () => ({ key: "loaded" });
  for (const key of keys) {
    await cache.get(key, load);
    await bento.set({ key, value: { key }, ttl: ttlMs });
  }
  const lookUp = (name: string, once: (key: string) => unknown): Contestant => ({
    name,
    async run(count) {
      let found: unknown;
      for (let i = 0; i < count; i++) {
        const answer = once(keys[i % keyCount] ?? "");
        found = answer instanceof Promise ? await answer : answer;
      }
      if (found === undefined) throw new Error(`${name} lost a key`);
    },
  });
  return [
    lookUp("Map.get, the floor", (key) => map.get(key)),
    { ...lookUp("kit: as it answers", (key) => cache.get(key, load)), goalNs },
    { ...lookUp("kit: awaited all the same", async (key) => await cache.get(key, load)), goalNs },
    lookUp("bentocache: `get`", (key) => bento.get({ key })),
    lookUp("bentocache: `getOrSet`", (key) => bento.getOrSet({ key, factory: load, ttl: ttlMs })),
  ];
}
