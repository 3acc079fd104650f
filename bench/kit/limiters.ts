import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { createLimiter } from "@lyss/kit/resilience/limiter-in-memory.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";
import { RateLimiterMemory } from "rate-limiter-flexible";

/** One way to take a unit for a key, and what is measured of it. */
interface Contestant {
  readonly name: string;
  /** Takes `count` times, walking through the keys. */
  run(keys: readonly string[], count: number): Promise<void> | void;
}

const resultPath = new URL("../results/kit-limiters.md", import.meta.url);

/** A limit that nobody reaches: the way of an allowed take. */
const rate = { limit: 1_000_000_000, windowMs: 3_600_000 } as const;

function createContestants(): readonly Contestant[] {
  const ours = (["token_bucket", "sliding_window"] as const).map((kind): Contestant => {
    const limiter = createLimiter({ kind, ...rate }, { clock: systemClock, maxKeys: 200_000 });
    return {
      name: `lyss ${kind}`,
      run(keys, count) {
        for (let i = 0; i < count; i++) limiter.take(keys[i % keys.length] ?? "");
      },
    };
  });
  const peer = new RateLimiterMemory({ points: rate.limit, duration: rate.windowMs / 1_000 });
  return [
    ...ours,
    {
      name: "rate-limiter-flexible memory",
      async run(keys, count) {
        for (let i = 0; i < count; i++) await peer.consume(keys[i % keys.length] ?? "");
      },
    },
  ];
}

async function measureNs(contestant: Contestant, keys: readonly string[], takes: number): Promise<number> {
  const startMs = performance.now();
  await contestant.run(keys, takes);
  return ((performance.now() - startMs) * 1e6) / takes;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** Time of one take in memory beside rate-limiter-flexible; `--quick` measures a tenth and writes nothing. */
export async function runLimiterBench(args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const takes = isQuick ? 100_000 : 1_000_000;
  const contestants = createContestants();
  const lines = ["| keys | limiter | ns a take, median of 5 | fastest |", "|---|---|---|---|"];
  for (const size of [1, 1_000, 100_000]) {
    const keys = Array.from({ length: size }, (_, index) => `tenant-${index % 100}/key-${index}`);
    const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
    for (const contestant of contestants) await contestant.run(keys, Math.max(size, takes / 10));
    // Rounds, so that a drift of the machine hits all of them.
    for (let round = 0; round < 5; round++) {
      for (const contestant of contestants) {
        times.get(contestant.name)?.push(await measureNs(contestant, keys, takes));
      }
    }
    for (const [name, values] of times) {
      lines.push(`| ${size} | ${name} | ${median(values).toFixed(0)} | ${Math.min(...values).toFixed(0)} |`);
    }
  }
  const table = lines.join("\n");
  console.log(table);
  if (isQuick) return;
  const machine = `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Node ${process.version}, ${process.platform}`;
  writeFileSync(resultPath, toReport(machine, table));
}

function toReport(machine: string, table: string): string {
  return `# Limiters in memory

One allowed take, all in one process and one run, in turns. rate-limiter-flexible counts fixed windows and answers with a
promise; ours are a token bucket and a sliding window, answer at once, and forget the stalest key when there are too many.
Needed: at most 500 ns.

${table}

Machine: ${machine}. Command: \`npm run bench -- kit-limiters\`.
`;
}
