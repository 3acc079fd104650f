import type { Registry } from "prom-client";
import { Failure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { type CallContext, currentContext, runDetached, runInContext } from "../rpc/call-context.ts";
import type { Clock } from "../service/clock.ts";
import type { Random } from "../service/ids.ts";
import type { CacheDriver, InvalidationBus } from "./cache-driver.ts";
import { type CacheCounts, watchCache } from "./cache-metrics.ts";
import { createLru } from "./lru.ts";
import { allMark, createSecondTier } from "./second-tier.ts";
import { withTimeLimit } from "./time-limit.ts";

export interface CacheOptions<T> {
  /** Namespace of keys, tags and metrics; unique among the caches that share a driver. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  /** How long a value is fresh. Each entry's time is up to `jitter` of it shorter, so that they do not end together. */
  readonly ttlMs: number;
  /** 0 to 1; 0.1 unless given. */
  readonly jitter?: number;
  /** How long it is remembered that there is nothing; 5 s unless given, at most `ttlMs`. */
  readonly absentTtlMs?: number;
  readonly maxEntries: number;
  /** Bound of all entries together, as `sizeOf` counts them. */
  readonly maxBytes?: number;
  readonly sizeOf?: (value: T) => number;
  /**
   * How long after its time a value may still be served while a load fails, or takes longer than `softTimeoutMs`. 0 unless
   * given; never for what decides on access.
   */
  readonly graceMs?: number;
  /** How long callers wait for a load when there is a value within its grace; 0 unless given. */
  readonly softTimeoutMs?: number;
  /** When a load is given up; 10 s unless given. */
  readonly hardTimeoutMs?: number;
  /** The tier that nodes share. Values must then be JSON, and must not be secret. */
  readonly driver?: CacheDriver;
  /** How long the driver and the bus may take; 50 ms unless given. */
  readonly driverTimeoutMs?: number;
  readonly bus?: InvalidationBus;
  readonly metrics?: Registry;
}

/** Finds a value anew; undefined when there is none. Of the call that came first it has the trace, and nothing else. */
export type Load<T> = (signal: AbortSignal) => Promise<T | undefined>;

export interface EntryOptions {
  readonly ttlMs?: number;
  /** Names under which the entry can be forgotten with others. */
  readonly tags?: readonly string[];
}

/** Values by key, loaded when they are asked for. Frozen by agreement: every caller gets the same one. */
export interface Cache<T extends NonNullable<unknown>> {
  /**
   * The value, at once when it is fresh in memory. Callers that come while it is loaded share one load. Rejects with what
   * the load rejects with, or `kit.deadline_exceeded`; failures are not remembered. Throws a RangeError for a key, or a
   * tag, of more than 4,096 characters.
   */
  get(key: string, load: Load<T>, options?: EntryOptions): T | undefined | Promise<T | undefined>;
  /** The value if it is fresh in memory, else undefined: for who asks so often that what `get` needs to load it counts. */
  fresh(key: string): T | undefined;
  /**
   * Afterwards no call on this node gets what was read before, nor does one on another node as soon as it has heard. Resolves
   * when the others are told, or cannot be; never rejects.
   */
  forget(...keys: readonly string[]): Promise<void>;
  forgetTags(...tags: readonly string[]): Promise<void>;
  forgetAll(): Promise<void>;
  /** Ends the subscription to the bus. */
  close(): void;
}

interface Entry<T> {
  readonly value: T | undefined;
  readonly marks: readonly string[];
  readonly staleUntilMs: number;
  freshUntilMs: number;
}

/** One load and everyone who waits for it. */
interface Flight<T> {
  readonly marks: readonly string[];
  readonly promise: Promise<T | undefined>;
  /** Something it may have read was forgotten: its value goes to those who wait, and is not remembered. */
  isOutdated: boolean;
}

const maxNameLength = 4_096;
/** A value in its grace is not loaded again for this long after a load failed. */
const retryAfterMs = 1_000;
const keyMark = (key: string) => `k:${key}`;
const tagMark = (tag: string) => `t:${tag}`;

/** An empty cache. */
export function createCache<T extends NonNullable<unknown>>(options: CacheOptions<T>): Cache<T> {
  const { name, clock, random, jitter = 0.1, graceMs = 0, softTimeoutMs = 0, hardTimeoutMs = 10_000, sizeOf } = options;
  const absentTtlMs = Math.min(options.absentTtlMs ?? 5_000, options.ttlMs);
  const entries = createLru<Entry<T>>(options);
  const flights = new Map<string, Flight<T>>();
  const counts: CacheCounts = {
    results: { hit: 0, remote_hit: 0, stale: 0, miss: 0 },
    driverErrors: 0,
    entries: () => entries.size,
    sizeBytes: () => entries.sizeBytes,
  };
  const { results } = counts;
  if (options.metrics) watchCache(options.metrics, name, counts);
  const onError = () => void counts.driverErrors++;
  const { driver, bus, driverTimeoutMs: timeoutMs = 50 } = options;
  const remote = createSecondTier({ clock, driver, bus, namespace: name, timeoutMs, onError });

  function remember(key: string, value: T | undefined, marks: readonly string[], freshMs: number): void {
    const freshUntilMs = clock.monotonicMs() + freshMs;
    const staleUntilMs = value === undefined ? freshUntilMs : freshUntilMs + graceMs;
    const sizeBytes = value === undefined || !sizeOf ? 0 : sizeOf(value);
    entries.set(key, { value, marks, freshUntilMs, staleUntilMs }, sizeBytes);
  }

  function fly(key: string, load: Load<T>, { ttlMs = options.ttlMs, tags = [] }: EntryOptions): Flight<T> {
    for (const text of [key, ...tags]) {
      if (text.length > maxNameLength)
        throw new RangeError(`a key of cache ${name} exceeds ${maxNameLength} characters`);
    }
    const marks = [allMark, keyMark(key), ...tags.map(tagMark)];
    const jittered = (ms: number) => ms * (1 - (jitter * (random.bytes(1)[0] ?? 0)) / 255);

    async function find(): Promise<T | undefined> {
      const stored = driver && (await remote.read(key, marks));
      const known = stored?.text === undefined ? undefined : parseStored<T>(stored.text, clock);
      if (known) {
        results.remote_hit++;
        if (!flight.isOutdated) remember(key, known.value, marks, Math.min(known.freshMs, ttlMs));
        return known.value;
      }
      results.miss++;
      const value = await loadWithin(load);
      const freshMs = jittered(value === undefined ? Math.min(absentTtlMs, ttlMs) : ttlMs);
      if (!flight.isOutdated) remember(key, value, marks, freshMs);
      const storedMs = Math.floor(freshMs);
      if (stored && storedMs > 0) remote.write(key, toStored(value, storedMs, clock), storedMs, stored.stamp);
      return value;
    }

    const { promise, resolve } = Promise.withResolvers<T | undefined>();
    const flight: Flight<T> = { marks, promise, isOutdated: false };
    flights.set(key, flight);
    const context = traceOnly(currentContext());
    resolve(
      runDetached(() => runInContext(context, find)).finally(() => {
        if (flights.get(key) === flight) flights.delete(key);
      }),
    );
    return flight;
  }

  async function loadWithin(load: Load<T>): Promise<T | undefined> {
    const controller = new AbortController();
    return withTimeLimit(clock, hardTimeoutMs, load(controller.signal), () => {
      const failure = new Failure(kitFailures.deadline_exceeded, { timeoutMs: hardTimeoutMs });
      controller.abort(failure);
      throw failure;
    });
  }

  async function serveStale(entry: Entry<T>, promise: Promise<T | undefined>): Promise<T | undefined> {
    let isStale = false;
    const stale = () => {
      isStale = true;
      return entry.value;
    };
    const fresh = promise.catch(() => {
      entry.freshUntilMs = Math.min(clock.monotonicMs() + retryAfterMs, entry.staleUntilMs);
      return stale();
    });
    const value = await withTimeLimit(clock, softTimeoutMs, fresh, stale);
    if (isStale) results.stale++;
    return value;
  }

  /** What holds on this node alone. */
  function drop(marks: readonly string[]): void {
    const dropped = new Set(marks);
    const isHit = (held: readonly string[]) => held.some((mark) => dropped.has(mark));
    for (const [key, flight] of flights) {
      if (!isHit(flight.marks)) continue;
      flight.isOutdated = true;
      flights.delete(key);
    }
    const keys = marks.flatMap((mark) => (mark.startsWith("k:") ? [mark.slice(2)] : []));
    for (const key of keys) entries.delete(key);
    if (dropped.has(allMark)) entries.clear();
    else if (keys.length < marks.length) {
      for (const [key, entry] of entries.entries()) if (isHit(entry.marks)) entries.delete(key);
    }
  }

  async function withdraw(marks: readonly string[]): Promise<void> {
    drop(marks);
    await remote.withdraw(marks);
  }

  const prefix = `${name}:`;
  const unsubscribe = bus?.subscribe(
    (marks) => drop(marks.flatMap((mark) => (mark.startsWith(prefix) ? [mark.slice(prefix.length)] : []))),
    () => drop([allMark]),
  );

  return {
    fresh(key) {
      const entry = entries.get(key);
      if (entry === undefined || clock.monotonicMs() >= entry.freshUntilMs) return undefined;
      results.hit++;
      return entry.value;
    },
    get(key, load, entryOptions = {}) {
      const entry = entries.get(key);
      const nowMs = clock.monotonicMs();
      if (entry !== undefined && nowMs < entry.freshUntilMs) {
        results.hit++;
        return entry.value;
      }
      const { promise } = flights.get(key) ?? fly(key, load, entryOptions);
      return entry !== undefined && nowMs < entry.staleUntilMs ? serveStale(entry, promise) : promise;
    },
    forget: (...keys) => withdraw(keys.map(keyMark)),
    forgetTags: (...tags) => withdraw(tags.map(tagMark)),
    forgetAll: () => withdraw([allMark]),
    close: () => unsubscribe?.(),
  };
}

/** Who the first caller is, and how long it would wait, must not reach what others get. */
function traceOnly(context: CallContext | undefined): CallContext | undefined {
  return context && { ...context, caller: undefined, deadlineMs: undefined, requestId: undefined, locale: "en_US" };
}

/** `v` is absent for what is not there. Wall clock, because the reader may be another node. */
function toStored(value: unknown, freshMs: number, clock: Clock): string {
  return JSON.stringify({ v: value, untilMs: clock.nowMs() + freshMs });
}

function parseStored<T>(text: string, clock: Clock): { value: T | undefined; freshMs: number } | undefined {
  try {
    const { v, untilMs } = JSON.parse(text);
    const freshMs = untilMs - clock.nowMs();
    return freshMs > 0 ? { value: v, freshMs } : undefined;
  } catch {
    return undefined;
  }
}
