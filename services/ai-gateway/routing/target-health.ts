import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { CredentialRefused } from "../dialects/openai/upstream-failure.ts";
import type { Provider, Target } from "../model.ts";

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
  /** True while the account, or one of its models, is out. */
  isOut(provider: Provider): boolean;
  /** What a probe of the account has shown. */
  noteProbe(provider: Provider, outcome: ProbeOutcome): void;
  /** The account is to be tried again at once. */
  letIn(provider: Provider): void;
  /** What another node has found of the account, or its owner has mended: not said to anybody again. */
  follow(providerId: string, state: AccountState, status: number): void;
}

/** `ejected`: three probes in a row were not answered. */
export const accountStates = ["well", "parked", "ejected"] as const;
export type AccountState = (typeof accountStates)[number];

export function isAccountState(text: string): text is AccountState {
  return accountStates.some((state) => state === text);
}

/** `unknown` says nothing; `refused` is our key. */
export interface ProbeOutcome {
  readonly kind: "answered" | "refused" | "failed" | "unknown";
}

/** Told when this node finds that an account is in another state. `status` is that of a refusal, else 0. */
export type OnAccountChange = (provider: Provider, state: AccountState, status: number) => void;

interface Entry {
  /** In a row. */
  failures: number;
  /** Times that it was taken out since it was last well for long. */
  times: number;
  reason: TargetState["reason"];
  outUntilMs: number;
  /** Of an account: what was told of it last. */
  told: AccountState;
  /** Of the refusal by which it was parked; 0 else. */
  status: number;
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
/** A probe is one request a round: three of them are more than a slip. */
const probesToEject = 3;

const { upstream_unauthorized, upstream_rate_limited, upstream_overloaded } = aiGatewayFailures;

export function createTargetHealth(clock: Clock, onAccountChange: OnAccountChange = () => {}): TargetHealth {
  /** Only what has failed of late: on a good day it is empty, and nothing is looked up. */
  const entries = new Map<string, Entry>();

  function entryOf(name: string): Entry {
    const known = entries.get(name);
    if (known) return known;
    const [oldest] = entries.keys();
    if (entries.size >= maxEntries && oldest !== undefined) entries.delete(oldest);
    const entry: Entry = { failures: 0, times: 0, reason: "ejected", outUntilMs: 0, told: "well", status: 0 };
    entries.set(name, entry);
    return entry;
  }

  function takeOut(entry: Entry, reason: Entry["reason"], ms: number): void {
    entry.reason = reason;
    entry.outUntilMs = Math.max(entry.outUntilMs, clock.monotonicMs() + ms);
  }

  function tell(entry: Entry, provider: Provider, state: AccountState): void {
    if (entry.told === state) return;
    entry.told = state;
    onAccountChange(provider, state, state === "parked" ? entry.status : 0);
  }

  function park(provider: Provider, status: number): void {
    const account = entryOf(provider.providerId);
    account.times++;
    account.status = status;
    takeOut(account, "parked", Math.min(parkedMs * account.times, maxParkedMs));
    tell(account, provider, "parked");
  }

  function letIn(provider: Provider, account: Entry): void {
    account.failures = 0;
    account.outUntilMs = Math.min(account.outUntilMs, clock.monotonicMs());
    tell(account, provider, "well");
  }

  function outOf(name: string): Entry | undefined {
    const entry = entries.get(name);
    return entry && entry.outUntilMs > clock.monotonicMs() ? entry : undefined;
  }

  return {
    isWell: (target) => entries.size === 0 || !(outOf(accountOf(target)) ?? outOf(nameOf(target))),
    noteAnswer(target) {
      if (entries.size === 0) return;
      const account = entries.get(accountOf(target));
      // One whose call was under way when it was parked may still answer that.
      if (account && account.outUntilMs <= clock.monotonicMs()) tell(account, target.provider, "well");
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
        park(target.provider, err.cause instanceof CredentialRefused ? err.cause.status : 0);
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
    isOut(provider) {
      if (entries.size === 0) return false;
      // One whose time has passed is still not known to be well.
      if ((entries.get(provider.providerId)?.told ?? "well") !== "well") return true;
      return provider.models.some((model) => outOf(nameOf({ provider, model })));
    },
    noteProbe(provider, outcome) {
      const account = entries.get(provider.providerId);
      if (outcome.kind === "refused") {
        // A key may be good for calls and not for lists: only one that a call was refused with stays out by it.
        if (account?.told === "parked") takeOut(account, "parked", parkedMs);
      } else if (outcome.kind === "answered") {
        // A list is shown without money, too: that an account has some again, only a call can show.
        const isOfKey = account?.told === "ejected" || account?.status === 401 || account?.status === 403;
        if (account && isOfKey) letIn(provider, account);
        else if (account) account.failures = 0;
      } else if (outcome.kind === "failed") {
        const failing = account ?? entryOf(provider.providerId);
        failing.failures++;
        if (failing.failures < probesToEject || failing.told === "parked") return;
        failing.times++;
        takeOut(failing, "ejected", Math.min(ejectedMs * failing.times, maxEjectedMs));
        tell(failing, provider, "ejected");
      }
    },
    letIn(provider) {
      const account = entries.get(provider.providerId);
      if (account) letIn(provider, account);
    },
    follow(providerId, state, status) {
      if (state === "well") {
        entries.delete(providerId);
        return;
      }
      const account = entryOf(providerId);
      account.told = state;
      account.status = status;
      account.times = Math.max(1, account.times);
      takeOut(account, state, state === "parked" ? parkedMs : ejectedMs);
    },
  };
}

function accountOf({ provider }: Target): string {
  return provider.providerId;
}

function nameOf({ provider, model }: Target): string {
  return `${provider.providerId} ${model.name}`;
}
