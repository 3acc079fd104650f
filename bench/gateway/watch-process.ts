/**
 * Loaded into the process that is watched (`node --import`). Each second it adds a line of JSON to the file that BENCH_WATCH_FILE
 * names: how late its event loop was, and its memory.
 */
import { appendFileSync } from "node:fs";
import { monitorEventLoopDelay } from "node:perf_hooks";

/** What a process was like in one second. */
export interface Second {
  /** Microseconds by which a timer of a millisecond was late. */
  readonly loopDelayP50: number;
  readonly loopDelayP99: number;
  readonly loopDelayMax: number;
  readonly residentBytes: number;
  readonly heapBytes: number;
  /** Buffers, outside of the heap. */
  readonly externalBytes: number;
}

const resolutionMs = 1;
const file = process.env["BENCH_WATCH_FILE"];
if (file !== undefined) {
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs });
  histogram.enable();
  // The histogram has the whole time between two ticks, the wanted one included.
  const lateMicros = (nanos: number) => Math.max(0, Math.round(nanos / 1_000 - resolutionMs * 1_000));
  setInterval(() => {
    const { rss, heapUsed, external } = process.memoryUsage();
    const second: Second = {
      loopDelayP50: lateMicros(histogram.percentile(50)),
      loopDelayP99: lateMicros(histogram.percentile(99)),
      loopDelayMax: lateMicros(histogram.max),
      residentBytes: rss,
      heapBytes: heapUsed,
      externalBytes: external,
    };
    histogram.reset();
    appendFileSync(file, `${JSON.stringify(second)}\n`);
  }, 1_000).unref();
}
