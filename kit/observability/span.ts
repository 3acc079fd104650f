/** As OpenTelemetry has them: who is on the other side of the span. */
export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

/** Facts of a span by their names in the semantic conventions. Never content, never a secret. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** One piece of work that takes time, while it is under way. */
export interface Span {
  set(attributes: SpanAttributes): void;
  /** Says that it failed, and keeps its trace. `errorType` is a code or a class, not a text. */
  fail(errorType: string): void;
}

/** A span and the context of what happens inside it. */
export interface OpenSpanOf<Context> extends Span {
  readonly context: Context;
  /** For one that had to be opened before it was known what it is. */
  rename(name: string, isStream: boolean): void;
  /** Ends it; a repeat does nothing. */
  end(): void;
}

export interface SpanOptions {
  readonly kind?: SpanKind;
  readonly attributes?: SpanAttributes;
}

export interface OpenOptions extends SpanOptions {
  /** The edge: the context's flag is what a client says, so whether to sample is decided here. */
  readonly isEdge?: boolean;
  /** True when the context's span id was drawn here because nobody sent one. */
  readonly isOrphan?: boolean | undefined;
  /** A stream is as long as its reader likes, so its length alone keeps no trace. */
  readonly isStream?: boolean;
}

/** Records spans. Absent wherever tracing is off, so that what is not wanted costs one look for it. */
export interface TracerOf<Context> {
  /** A child of the context's span. Whoever opens it ends it. */
  open(name: string, context: Context, options?: OpenOptions): OpenSpanOf<Context>;
  /** Sends what has ended; nothing is recorded after it. Never rejects. */
  close(): Promise<void>;
}
