import type { Target } from "../model.ts";

/** How a model at a provider does, as this node sees it: plain numbers, kept up by every call. */
export interface Standing {
  /** Attempts under way. */
  inFlight: number;
  /** From sending to the head of the answer, averaged over about the last ten attempts; 0 before the first. */
  firstByteMs: number;
  /** Tokens of output in a second of a whole call, likewise; 0 before the first call that was long enough to tell. */
  tokensPerSecond: number;
  /** The share of attempts that the provider answered, likewise; 1 before the first. */
  availability: number;
  /** Monotonic milliseconds of the last attempt's begin. */
  begunMs: number;
  /** True from an attempt that begins after a long pause until one has ended: then what was before says nothing. */
  isRenewed: boolean;
}

export interface Standings {
  /** The same object for the same model of the same provider, however often providers are read again. */
  of(target: Target): Standing;
}

const share = 0.1;
/** With fewer tokens it is their first that takes the time. */
const fewestTokens = 16;
/** Beyond these the oldest begins anew when its providers are read again. */
const maxStandings = 20_000;
/** One that nobody has tried for so long is tried again: nothing else would show that it is well by now. */
export const staleAfterMs = 60_000;

export function createStandings(): Standings {
  const byName = new Map<string, Standing>();
  const byTarget = new WeakMap<Target, Standing>();
  return {
    of(target) {
      const known = byTarget.get(target);
      if (known) return known;
      const name = JSON.stringify([target.provider.providerId, target.model.name]);
      const standing = byName.get(name) ?? createStanding();
      const [oldest] = byName.keys();
      if (byName.size >= maxStandings && oldest !== undefined) byName.delete(oldest);
      byName.set(name, standing);
      byTarget.set(target, standing);
      return standing;
    },
  };
}

export function createStanding(): Standing {
  return { inFlight: 0, firstByteMs: 0, tokensPerSecond: 0, availability: 1, begunMs: 0, isRenewed: false };
}

/** True for one that was tried, and not for long. */
export function isStale({ firstByteMs, availability, begunMs }: Standing, nowMs: number): boolean {
  return (firstByteMs !== 0 || availability < 1) && nowMs - begunMs > staleAfterMs;
}

/** An attempt begins that `noteEnd` will end. */
export function noteBegin(standing: Standing, nowMs: number): void {
  if (isStale(standing, nowMs)) standing.isRenewed = true;
  standing.inFlight++;
  standing.begunMs = nowMs;
}

export function noteFirstByte(standing: Standing, ms: number): void {
  const { firstByteMs, isRenewed } = standing;
  standing.firstByteMs = firstByteMs === 0 || isRenewed ? ms : firstByteMs + share * (ms - firstByteMs);
}

/** However the attempt has ended. */
export function noteEnd(standing: Standing): void {
  standing.inFlight--;
}

/** The provider answered to the end, with so many tokens in so many milliseconds. */
export function noteAnswered(standing: Standing, outputTokens: number, durationMs: number): void {
  if (outputTokens >= fewestTokens && durationMs > 0) {
    const rate = (outputTokens / durationMs) * 1_000;
    const before = standing.tokensPerSecond;
    standing.tokensPerSecond = before === 0 || standing.isRenewed ? rate : before + share * (rate - before);
  }
  standing.availability = standing.isRenewed ? 1 : standing.availability + share * (1 - standing.availability);
  standing.isRenewed = false;
}

/** The provider did not answer. What it refused of a request, and what its caller ended, is not meant. */
export function noteUnanswered(standing: Standing): void {
  standing.availability -= share * standing.availability;
  standing.isRenewed = false;
}
