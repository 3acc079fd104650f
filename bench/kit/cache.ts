import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { createCache } from "@lyss/kit/cache/cache.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { createRandom } from "@lyss/kit/service/ids.ts";
import { BentoCache, bentostore } from "bentocache";
import { memoryDriver } from "bentocache/drivers/memory";

/** One look-up of a key, called with numbers from 0 to `keyCount` - 1. */
interface Contestant {
  readonly name: string;
  readonly lookUp: (i: number) => unknown;
}

const keyCount = 10_000;
const keys = Array.from({ length: keyCount }, (_, i) => `lyss_${i.toString(36).padStart(32, "0")}`);
const ttlMs = 3_600_000;

/** Hits in memory, beside bentocache and a bare Map: what a look-up costs when the value is there and fresh. */
export async function runCacheBench(args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const rounds = isQuick ? 3 : 15;
  const count = isQuick ? 50_000 : 300_000;
  const contestants = await createContestants();
  const times = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    // The order changes each round, so that nobody always runs on a warm or a throttled machine.
    const turn = round % contestants.length;
    for (const contestant of [...contestants.slice(turn), ...contestants.slice(0, turn)]) {
      times.get(contestant.name)?.push(await measureNs(contestant, count));
    }
  }
  const rows = [...times].map(([name, samples]) => `| ${name} | ${medianOf(samples).toFixed(0)} |`);
  const report = `# A hit in memory

Node ${process.versions.node}, ${cpus()[0]?.model ?? "unknown processor"}; ${keyCount} keys of 37 characters in turn; median of ${rounds} rounds of ${count} look-ups.

| look-up | ns |
|---|---|
${rows.join("\n")}

\`npm run bench -- kit-cache\`. A value that is fresh in memory comes without a promise; where it is awaited all the same, the
await is in the figure. The aim of the kit is 300 ns.
`;
  console.log(report);
  writeFileSync(new URL(`../results/kit-cache${isQuick ? "-quick" : ""}.md`, import.meta.url), report);
}

async function createContestants(): Promise<readonly Contestant[]> {
  const map = new Map(keys.map((key) => [key, { key }]));
  const random = createRandom(systemClock);
  const cache = createCache<{ key: string }>({
    name: "bench",
    clock: systemClock,
    random,
    ttlMs,
    maxEntries: keyCount,
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
  const keyAt = (i: number) => keys[i] ?? "";
  return [
    { name: "Map.get, the floor", lookUp: (i) => map.get(keyAt(i)) },
    { name: "kit/cache, as it answers", lookUp: (i) => cache.get(keyAt(i), load) },
    { name: "kit/cache, awaited", lookUp: async (i) => await cache.get(keyAt(i), load) },
    { name: "bentocache 1.6, `get`", lookUp: (i) => bento.get({ key: keyAt(i) }) },
    { name: "bentocache 1.6, `getOrSet`", lookUp: (i) => bento.getOrSet({ key: keyAt(i), factory: load, ttl: ttlMs }) },
  ];
}

async function measureNs({ name, lookUp }: Contestant, count: number): Promise<number> {
  let found: unknown;
  const startMs = performance.now();
  for (let i = 0; i < count; i++) {
    const answer = lookUp(i % keyCount);
    found = answer instanceof Promise ? await answer : answer;
  }
  const ns = ((performance.now() - startMs) * 1e6) / count;
  if (found === undefined) throw new Error(`${name} lost a key`);
  return ns;
}

function medianOf(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}
