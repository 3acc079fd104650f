import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { runEventFlood } from "./event-flood.ts";

/** Scenario D1 at its full size: 1,000,000 events of 200 writers with commits up to 5 s late. Fails when one is missing. */
export async function runEventOrder(args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const events = isQuick ? 50_000 : 1_000_000;
  const plan = { seed: 1, events, writers: 200, maxCommitDelayMs: 5_000, maxPerTransaction: 100 };
  const works: (() => Promise<void>)[] = [];
  try {
    const result = await runEventFlood({ after: (work) => works.push(work) }, plan);
    const { seconds, consumed, lost, doubled, outOfOrder, reversed } = result;
    const report = `# D1: the log under 200 writers

Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}; seed ${plan.seed}; ${plan.writers} writers, commits drawn from 0 to
${plan.maxCommitDelayMs / 1_000} s after the append, up to ${plan.maxPerTransaction} events a transaction, every event with the same stamp.

| events | consumed | lost | doubled | out of order | reversed within a key | seconds |
|---|---|---|---|---|---|---|
| ${events} | ${consumed} | ${lost} | ${doubled} | ${outOfOrder} | ${reversed} | ${Math.round(seconds)} |

\`npm run bench -- scenario-d1\`. Writers and the one subscription share the machine with PostgreSQL; the seconds are no measure
of speed, the zeros are the result.
`;
    console.log(report);
    writeFileSync(new URL(`../results/scenario-d1${isQuick ? "-quick" : ""}.md`, import.meta.url), report);
    if (consumed !== events || lost + doubled + outOfOrder + reversed > 0) throw new Error("the log broke its promise");
  } finally {
    for (const work of works.toReversed()) await work();
  }
}
