import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Target } from "../model.ts";

/** How it stands with a target, as this node has seen it. */
export interface TargetState {
  /** `parked`: the account refuses our key, or has no money left; `held`: it asked us to wait; `ejected`: it kept failing. */
  readonly reason: "parked" | "held" | "ejected";
  /** Unix milliseconds. */
  readonly untilMs: number;
}

/** What calls have shown of each model at each provider. One that is out is tried last, never refused. */
export interface TargetHealth {
  /** False while the target, or its provider's account, is out. O(1). */
  isWell(target: Target): boolean;
  /** It answered. */
  noteAnswer(target: Target): void;
  /** It failed with `err`: what that says of it is remembered. */
  noteFailure(target: Target, err: unknown): void;
  /** Why it is out; undefined when it is not. */
  find(target: Target): TargetState | undefined;
}

interface Entry {
  /** In a row. */
  failures: number;
  /** Times that it was taken out since it was last well for long. */
  times: number;
  reason: TargetState["reason"];
  outUntilMs: number;
}

/** As Envoy's outlier detection has it: out after five failures in a row, for 30 s the first time, 60 s the second, and so on. */
const failuresToEject = 5;
const ejectedMs = 30_000;
const maxEjectedMs = 300_000;
/** A key that was refused is tried again after a minute, then two: an operator may have mended it. */
const parkedMs = 60_000;
const maxParkedMs = 600_000;
/** For one that says it is at its limit, and not for how long. */
const heldMs = 1_000;
const maxHeldMs = 60_000;
const maxEntries = 10_000;

const { upstream_unauthorized, upstream_rate_limited, upstream_overloaded } = aiGatewayFailures;

export function createTargetHealth(clock: Clock): TargetHealth {
  /** Only what has failed of late: on a good day it is empty, and nothing is looked up. */
  const entries = new Map<string, Entry>();

  function entryOf(name: string): Entry {
    const known = entries.get(name);
    if (known) return known;
    const [oldest] = entries.keys();
    if (entries.size >= maxEntries && oldest !== undefined) entries.delete(oldest);
    const entry: Entry = { failures: 0, times: 0, reason: "ejected", outUntilMs: 0 };
    entries.set(name, entry);
    return entry;
  }

  function takeOut(entry: Entry, reason: Entry["reason"], ms: number): void {
    entry.reason = reason;
    entry.outUntilMs = Math.max(entry.outUntilMs, clock.monotonicMs() + ms);
  }

  function outOf(name: string): Entry | undefined {
    const entry = entries.get(name);
    return entry && entry.outUntilMs > clock.monotonicMs() ? entry : undefined;
  }

  return {
    isWell: (target) => entries.size === 0 || !(outOf(accountOf(target)) ?? outOf(nameOf(target))),
    noteAnswer(target) {
      if (entries.size === 0) return;
      for (const name of [accountOf(target), nameOf(target)]) {
        const entry = entries.get(name);
        if (!entry) continue;
        entry.failures = 0;
        // Not yet forgotten: one that comes and goes stays away for longer each time.
        if (clock.monotonicMs() - entry.outUntilMs > entry.times * ejectedMs) entries.delete(name);
      }
    },
    noteFailure(target, err) {
      const retryAfterMs = isFailure(err) ? err.retryAfterMs : undefined;
      if (isFailure(err, upstream_unauthorized)) {
        const account = entryOf(accountOf(target));
        account.times++;
        takeOut(account, "parked", Math.min(parkedMs * account.times, maxParkedMs));
        return;
      }
      const entry = entryOf(nameOf(target));
      if (isFailure(err, upstream_rate_limited) || isFailure(err, upstream_overloaded)) {
        takeOut(entry, "held", Math.min(retryAfterMs ?? heldMs, maxHeldMs));
        return;
      }
      entry.failures++;
      if (entry.failures < failuresToEject) return;
      // The next one that fails takes it out again.
      entry.failures = failuresToEject - 1;
      entry.times++;
      takeOut(entry, "ejected", Math.min(ejectedMs * entry.times, maxEjectedMs));
    },
    find(target) {
      const entry = outOf(accountOf(target)) ?? outOf(nameOf(target));
      if (!entry) return undefined;
      return { reason: entry.reason, untilMs: clock.nowMs() + entry.outUntilMs - clock.monotonicMs() };
    },
  };
}

function accountOf({ provider }: Target): string {
  return provider.providerId;
}

function nameOf({ provider, model }: Target): string {
  return `${provider.providerId} ${model.name}`;
}
