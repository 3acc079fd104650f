/** Percentiles in microseconds. */
export interface Latency {
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly mean: number;
}

/** What `load` prints. */
export interface LoadResult {
  readonly connections: number;
  /** The time that was counted, without the warm-up. */
  readonly seconds: number;
  readonly started: number;
  /** Good answers in the time that was counted. */
  readonly completed: number;
  readonly perSecond: number;
  /** Bytes of the bodies. */
  readonly bytes: number;
  /** Server-sent events in good streams, the `[DONE]` of each included. */
  readonly events: number;
  readonly latencyUs: Latency;
  /** Until the first byte of the body. */
  readonly firstByteUs: Latency;
  /** Answers that turned a call away and said when to come again, and how long after it was due they were there; see `--rejects`. */
  readonly rejected: number;
  readonly rejectionUs: Latency;
  readonly errorCount: number;
  readonly errors: Readonly<
    Record<"connect" | "broken" | "malformed" | "status" | "length" | "incomplete" | "timeout", number>
  >;
}
