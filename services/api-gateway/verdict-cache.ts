import { createLru } from "@lyss/kit/cache/lru.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";

/** What auth says of a credential. */
export interface Verdict {
  /** Undefined when it is refused. */
  readonly caller: Caller | undefined;
  /** Wall clock; when the credential itself ends. */
  readonly expiresAtMs: number;
}

/** Who a credential is, without asking auth for every call. */
export interface VerdictCache {
  /**
   * Its caller, or undefined when it is refused. At once for one that is known and fresh. With `sinceMs` (monotonic) no
   * answer counts that auth was asked for before. Rejects when auth is away.
   */
  callerOf(credential: string, sinceMs?: number): Caller | undefined | Promise<Caller | undefined>;
  /** Drops what is known of these callers, and every refusal; what is being asked for is not remembered either. */
  forget(isMeant: (caller: Caller) => boolean): void;
  forgetAll(): void;
}

interface Entry extends Verdict {
  readonly askedMs: number;
  refreshing: boolean;
}

interface Question {
  readonly askedMs: number;
  readonly caller: Promise<Caller | undefined>;
}

/** Changes arrive as events within a second; with the events away a verdict is trusted no longer than this. */
const maxAgeMs = 5_000;
/** From this age on one that is in use is asked for in the background, so that no call waits for it. */
const refreshAfterMs = 2_500;
const maxEntries = 100_000;

/** Remembers what `ask` answers, for each whole credential: a shortened one could be another's. */
export function createVerdictCache(ask: (credential: string) => Promise<Verdict>, clock: Clock): VerdictCache {
  const entries = createLru<Entry>({ maxEntries });
  const asking = new Map<string, Question>();
  let generation = 0;

  async function askFor(credential: string, askedMs: number): Promise<Caller | undefined> {
    const startedIn = generation;
    const { caller, expiresAtMs } = await ask(credential);
    // What was read before a change may be what the change ended; and of two answers the one asked for last is the newer.
    const isNewest = askedMs >= (entries.get(credential)?.askedMs ?? askedMs);
    if (startedIn === generation && isNewest)
      entries.set(credential, { caller, expiresAtMs, askedMs, refreshing: false });
    return caller;
  }

  function askOnce(credential: string, sinceMs: number): Promise<Caller | undefined> {
    const running = asking.get(credential);
    if (running && running.askedMs >= sinceMs) return running.caller;
    const askedMs = clock.monotonicMs();
    const caller = askFor(credential, askedMs).finally(() => {
      if (asking.get(credential)?.caller === caller) asking.delete(credential);
    });
    asking.set(credential, { askedMs, caller });
    return caller;
  }

  function dropGeneration(): void {
    generation++;
    asking.clear();
  }

  return {
    callerOf(credential, sinceMs = Number.NEGATIVE_INFINITY) {
      const entry = entries.get(credential);
      if (!entry || entry.askedMs < sinceMs) return askOnce(credential, sinceMs);
      const ageMs = clock.monotonicMs() - entry.askedMs;
      if (ageMs >= maxAgeMs) return askOnce(credential, sinceMs);
      if (ageMs >= refreshAfterMs && !entry.refreshing && entry.caller) {
        entry.refreshing = true;
        // A failure here shows up for the caller when the entry has run out.
        askOnce(credential, sinceMs).catch(() => undefined);
      }
      return entry.expiresAtMs > clock.nowMs() ? entry.caller : undefined;
    },
    forget(isMeant) {
      dropGeneration();
      // Of a refusal nobody knows whose it was: it may be let in again by the same change.
      for (const [credential, { caller }] of entries.entries())
        if (!caller || isMeant(caller)) entries.delete(credential);
    },
    forgetAll() {
      dropGeneration();
      entries.clear();
    },
  };
}
