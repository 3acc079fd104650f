import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { atMost } from "@lyss/contracts/pricing/at-most.ts";
import type { OtherQuantities } from "@lyss/contracts/pricing/token-price.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Funding } from "../funds/funding.ts";
import type { Drawn } from "../funds/funds.ts";
import type { Target } from "../model.ts";

/** What may be used before more has to be set aside. */
export interface Bound {
  readonly inputTokens: number;
  readonly fixed?: OtherQuantities | undefined;
}

/** Money for one answer that may begin at any moment. */
export interface Reserve {
  readonly callId: string;
  readonly drawn: Drawn;
}

/**
 * Money for what a session may be answered next: set aside before it can begin, made larger as the session grows, and given back when
 * it is over. A reserve becomes a call with `take`; until then nothing of it is recorded.
 */
export interface Reserves {
  /**
   * Sees to so many reserves that each cover so much: undefined where they are there. Rejects with billing's failure when there is no
   * money for them; those that are there stay, where they can.
   */
  ensure(count: number, bound: Bound): Promise<void> | undefined;
  /** One of them; undefined when there is none. */
  take(): Reserve | undefined;
  /** Gives everything back, also what is still on its way. */
  end(): void;
}

export interface ReservesOptions {
  readonly funding: Pick<Funding, "setAside">;
  readonly clock: Clock;
  readonly random: Random;
  readonly target: Target;
  readonly caller: Caller;
  readonly tags: TagsText;
  readonly requestId: string;
  /** More than this is never set aside for. */
  readonly most: Bound;
  /** So much more than is needed is set aside, so that it need not be asked for with every event. */
  readonly headroom: Bound;
}

interface Kept extends Reserve {
  readonly bound: Bound;
  readonly madeMs: number;
}

/** One that waits for longer is drawn anew: at the price, and within the budgets, of then. */
const maxAgeMs = 60_000;

export function createReserves(options: ReservesOptions): Reserves {
  const { funding, clock, random, most, headroom } = options;
  let kept: Kept[] = [];
  let wanted = 0;
  let needed: Bound = { inputTokens: 0 };
  let working: Promise<void> | undefined;
  let isOver = false;

  const isGood = ({ bound, madeMs }: Kept) => covers(bound, needed) && clock.monotonicMs() - madeMs < maxAgeMs;
  const isEnough = () => kept.filter(isGood).length >= wanted;

  function drop(one: Kept | undefined): void {
    if (!one) return;
    kept = kept.filter((other) => other !== one);
    one.drawn.cancel();
  }

  async function work(): Promise<void> {
    while (!isOver && !isEnough()) {
      const short = kept.find((one) => !isGood(one));
      const made = await setAside(sum(needed, headroom)).catch((err: unknown) => retryWithLess(err, short));
      if (isOver) made.drawn.cancel();
      else kept.push(made);
      if (short && kept.includes(short)) drop(short);
    }
  }

  /** The last of the money is for what is needed alone, and for all of it: what was set aside before goes back first. */
  function retryWithLess(err: unknown, short: Kept | undefined): Promise<Kept> {
    const isMoney =
      isFailure(err, billingFailures.insufficient_balance) || isFailure(err, billingFailures.budget_exceeded);
    if (!isMoney || isOver) throw err;
    drop(short);
    return setAside(needed);
  }

  async function setAside(asked: Bound): Promise<Kept> {
    const { target, caller, tags, requestId } = options;
    const { tenantId, keyId, userId } = caller;
    const bound = least(asked, most);
    const outputTokens = BigInt(target.model.maxOutputTokens);
    const callId = random.id("call");
    const drawn = await funding.setAside({
      ...{ callId, requestId, tenantId, keyId, userId, tags, isStreamed: true },
      ...{ provider: target.provider.name, model: target.model.name, choices: 1 },
      ...{ inputTokens: BigInt(bound.inputTokens), maxOutputTokens: outputTokens, minOutputTokens: outputTokens },
      fixed: bound.fixed,
    });
    return { callId, drawn, bound, madeMs: clock.monotonicMs() };
  }

  return {
    ensure(count, bound) {
      wanted = count;
      needed = least(bound, most);
      if (isOver || isEnough()) return undefined;
      working ??= work().finally(() => {
        working = undefined;
      });
      return working;
    },
    take() {
      const one = kept.find(isGood) ?? kept[0];
      kept = kept.filter((other) => other !== one);
      return one;
    },
    end() {
      isOver = true;
      for (const one of kept) one.drawn.cancel();
      kept = [];
    },
  };
}

function covers(has: Bound, needs: Bound): boolean {
  const units = Object.entries(needs.fixed ?? {}) as [keyof OtherQuantities, bigint][];
  return has.inputTokens >= needs.inputTokens && units.every(([unit, count]) => (has.fixed?.[unit] ?? 0n) >= count);
}

function sum(a: Bound, b: Bound): Bound {
  return each(a, b, (one, other) => one + other);
}

function least(a: Bound, b: Bound): Bound {
  return each(a, b, atMost);
}

/** Of units that `a` has. */
function each(a: Bound, b: Bound, join: (one: bigint, other: bigint) => bigint): Bound {
  const units = Object.entries(a.fixed ?? {}) as [keyof OtherQuantities, bigint][];
  const fixed = a.fixed && Object.fromEntries(units.map(([unit, count]) => [unit, join(count, b.fixed?.[unit] ?? 0n)]));
  return { inputTokens: Number(join(BigInt(a.inputTokens), BigInt(b.inputTokens))), fixed };
}
