import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { createTraceRecorder } from "@lyss/kit/observability/trace-recorder.ts";
import { inSpan } from "@lyss/kit/observability/tracing.ts";
import { runInContext } from "@lyss/kit/rpc/call-context.ts";
import { fromContextHeaders } from "@lyss/kit/rpc/context-headers.ts";
import { systemClock } from "@lyss/kit/service/clock.ts";

/** What a span costs where tracing is off, where it is on and nothing is kept, and what the same work costs without one. */
export async function runTracingBench(args: readonly string[]): Promise<void> {
  const isQuick = args.includes("--quick");
  const rounds = isQuick ? 3 : 15;
  const count = isQuick ? 50_000 : 300_000;
  const off = fromContextHeaders(() => undefined, systemClock);
  const send = () => {
    throw new Error("nothing should be kept");
  };
  const recorder = { clock: systemClock, sampleRatio: 0, slowMs: 3_600_000, send, close: async () => {} };
  const on = { ...off, tracer: createTraceRecorder(recorder) };
  let done = 0;
  const work = () => ++done;
  const contestants = [
    { name: "the work alone", context: off, run: work },
    { name: "in a span, tracing off", context: off, run: () => inSpan("work", work) },
    { name: "in a span, recorded and dropped", context: on, run: () => inSpan("work", work) },
  ];
  const times = new Map(contestants.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, context, run } of contestants) {
      times.get(name)?.push(runInContext(context, () => measureNs(run, count)));
    }
  }
  const rows = [...times].map(([name, samples]) => {
    const median = samples.toSorted((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
    return `| ${name} | ${median.toFixed(1)} |`;
  });
  const report = `# A span

Node ${process.versions.node}, ${cpus()[0]?.model ?? "unknown processor"}; median of ${rounds} rounds of ${count}.

| | ns |
|---|---|
${rows.join("\n")}

\`npm run bench -- kit-tracing\`. A request has one \`inSpan\` at most; the other places ask once whether there is a tracer.
`;
  console.log(report);
  writeFileSync(new URL(`../results/kit-tracing${isQuick ? "-quick" : ""}.md`, import.meta.url), report);
}

function measureNs(run: () => unknown, count: number): number {
  const startMs = performance.now();
  for (let i = 0; i < count; i++) run();
  return ((performance.now() - startMs) * 1e6) / count;
}
