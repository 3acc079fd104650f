import type { Client } from "@connectrpc/connect";
import { type Amounts, ofMoney, spentAmounts } from "@lyss/contracts/budgets/amounts.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import {
  type BillingService,
  CallOutcome,
  type ReserveCallResponse,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { atMost } from "@lyss/contracts/pricing/at-most.ts";
import { boundNanos, costOf } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { serviceModeMessages } from "@lyss/contracts/pricing/wire.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { loadShedFailures } from "@lyss/kit/resilience/load-shed-failures.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Logger } from "pino";
import type { BudgetPaths } from "./budget-paths.ts";
import { beginFact, endFact } from "./call-fact.ts";
import type { Attempt, FactJournal } from "./fact-journal.ts";
import { type CallToFund, type DrawForCall, type Drawn, type Funds, meteredTokens } from "./funds.ts";
import { type Draw, notePosted, settleDraw } from "./lease-book.ts";
import type { LeaseKeeper } from "./lease-keeper.ts";
import type { KnownPrice, PriceCache, PricedModel } from "./price-cache.ts";
import { pricesUnits } from "./priced-units.ts";

/** Above `billing.reserveWaitMs` at its largest: it is billing that says when waiting for held money ends. */
const reserveTimeoutMs = 70_000;

/** What is set aside for a call, from a lease or by a hold of its own. */
interface SetAside {
  readonly price: KnownPrice;
  readonly draw: Draw | undefined;
  readonly hold: ReserveCallResponse | undefined;
}

/** A call whose attempt is on disk, too. */
interface Begun extends SetAside {
  readonly attempt: Attempt;
}

/** Pays for calls from this node's leases; where money or a budget is scarce, one by one (docs/adr/0039, 0055). */
export function createFunder(deps: {
  readonly billing: Client<typeof BillingService>;
  readonly prices: PriceCache;
  readonly budgets: BudgetPaths;
  readonly leases: LeaseKeeper;
  readonly journal: FactJournal;
  readonly clock: Clock;
  readonly log: Logger;
}): {
  readonly fund: (call: CallToFund) => Promise<Funds>;
  readonly setAside: (call: CallToFund) => Promise<Drawn>;
  readonly draw: DrawForCall;
  /** Calls with a hold of their own that is not charged yet. */
  readonly heldCallIds: ReadonlySet<string>;
} {
  const { billing, prices, budgets, leases, journal, clock, log } = deps;
  const heldCallIds = new Set<string>();

  /** Sets money aside and writes the attempt down. What is drawn goes back when the attempt cannot be written. */
  async function fund(call: CallToFund): Promise<Funds> {
    const drawn = await setAside(call);
    return drawn.begin();
  }

  /** Sets money aside, and writes nothing down yet. Throws `load.overloaded` while too many calls wait to be charged. */
  async function setAside(call: CallToFund): Promise<Drawn> {
    // Calls that end faster than they are charged are slowed down to that; refused only where that does not help.
    if (journal.isFull && !(await journal.untilRoom()))
      throw new Failure(loadShedFailures.overloaded, { retryAfterSeconds: 1 }, { retryAfterMs: 1_000 });
    const startedAtMs = clock.nowMs();
    // What is at hand is not waited for, as `await` would.
    const finding = prices.priceOf(toPriced(call), startedAtMs);
    const price = finding instanceof Promise ? await finding : finding;
    checkPrice(call, price);
    const drawing = drawAt(call, price, startedAtMs);
    const draw = drawing instanceof Promise ? await drawing : drawing;
    if (draw) return toDrawn(call, price, draw, startedAtMs);
    const held = await reserve(call, price);
    return {
      begin: () => begin(call, { price, draw: undefined, hold: held }, startedAtMs),
      cancel: () => release(call),
    };
  }

  /** By billing alone. A hold that the call has already moves on to the call's new target. */
  async function hold(call: CallToFund, price: KnownPrice, startedAtMs: number): Promise<Funds> {
    const held = await reserve(call, price);
    return begin(call, { price, draw: undefined, hold: held }, startedAtMs);
  }

  async function reserve(call: CallToFund, price: KnownPrice): Promise<ReserveCallResponse> {
    const held = await billing.reserveCall(toReserve(call, price), { timeoutMs: reserveTimeoutMs });
    heldCallIds.add(call.callId);
    return held;
  }

  async function holdAnew(call: CallToFund): Promise<Funds> {
    const startedAtMs = clock.nowMs();
    const price = await prices.priceOf(toPriced(call), startedAtMs);
    checkPrice(call, price);
    return hold(call, price, startedAtMs);
  }

  async function begin(call: CallToFund, { price, draw, hold }: SetAside, startedAtMs: number): Promise<Funds> {
    // The hold names the version at which the call is charged; it may be newer than the one that is known here.
    const priceId = hold?.priceId ?? price.priceId;
    const fact = beginFact(call, {
      priceId,
      leaseId: draw?.lease.leaseId ?? "",
      startedAtMs: BigInt(startedAtMs),
    });
    try {
      const attempt = journal.begin(fact);
      await attempt.written;
      return toFunds(call, { price, draw, hold, attempt });
    } catch (cause) {
      if (draw) undo(draw);
      if (hold) release(call);
      throw new Failure(aiGatewayFailures.cannot_record, {}, { cause });
    }
  }

  function drawAt(call: CallToFund, price: KnownPrice, startedAtMs: number): MaybePromise<Draw | undefined> {
    return whenKnown(budgets.leasePathOf(call), (path) => leases.draw(path, mostOf(call, price, startedAtMs)));
  }

  function draw(call: CallToFund): MaybePromise<Drawn | undefined> {
    if (journal.isFull) return journal.untilRoom().then((hasRoom) => (hasRoom ? draw(call) : undefined));
    const startedAtMs = clock.nowMs();
    return whenKnown(prices.priceOf(call, startedAtMs), (price) => {
      if (!price) return undefined;
      return whenKnown(drawAt(call, price, startedAtMs), (drawn) => drawn && toDrawn(call, price, drawn, startedAtMs));
    });
  }

  function toDrawn(call: CallToFund, price: KnownPrice, drawn: Draw, startedAtMs: number): Drawn {
    return {
      begin: () => begin(call, { price, draw: drawn, hold: undefined }, startedAtMs),
      cancel: () => undo(drawn),
    };
  }

  function toFunds(call: CallToFund, { price, draw, hold, attempt }: Begun): Funds {
    const outputTokens = hold?.outputTokens ?? call.maxOutputTokens;
    const isPartly = call.isMetered === true && outputTokens < call.maxOutputTokens;
    return {
      outputTokens,
      raise: isPartly ? createRaise(call, outputTokens) : undefined,
      beside: draw && besideIt,
      forgo() {
        if (draw) undo(draw);
        attempt.fact.isUncharged = true;
      },
      async goOn(next) {
        // Drawn twice, the same call could be too dear for what there is.
        if (draw) undo(draw);
        const funds = await (hold ? holdAnew(next) : fund(next));
        attempt.fact.isUncharged = true;
        return funds;
      },
      settle(spent) {
        const { tokens, serviceMode = "standard" } = spent;
        const when = { startedAtMs: Number(attempt.fact.startedAtMs), mode: serviceMode };
        const { costNanos } = costOf(price.terms, toQuantities(tokens), when);
        const { isUncharged } = attempt.fact;
        if (draw && !isUncharged) settleDraw(draw, spentAmounts(tokens, costNanos, isCounted(spent.outcome)));
        endFact(attempt.fact, spent);
        if (isUncharged) return journal.end(attempt, nothing).then(() => 0n);
        return journal.end(attempt, whenPosted(call.callId, draw)).then(() => costNanos);
      },
    };
  }

  async function besideIt(next: CallToFund): Promise<Funds> {
    const drawn = await draw(next);
    if (!drawn) throw new Failure(kitFailures.unavailable);
    return drawn.begin();
  }

  /** By itself, so that of a call that waits to be posted nothing more is kept in memory. */
  function whenPosted(callId: string, draw: Draw | undefined): () => void {
    return draw ? () => notePosted(draw) : () => void heldCallIds.delete(callId);
  }

  /** The way to more for a call that was granted less than its most. */
  function createRaise(call: CallToFund, grantedTokens: bigint): () => Promise<bigint | undefined> {
    const { callId, tenantId, inputTokens, choices } = call;
    let outputTokens = grantedTokens;
    return async () => {
      const raised = await billing.raiseHold({
        ...{ callId, tenantId, inputTokens, choices, serviceMode: toModeMessage(call) },
        maxOutputTokens: atMost(outputTokens + BigInt(meteredTokens), call.maxOutputTokens),
        minOutputTokens: outputTokens + 1n,
      });
      outputTokens = raised.outputTokens;
      return outputTokens < call.maxOutputTokens ? outputTokens : undefined;
    };
  }

  /** Ends a hold whose call never left. One that billing is not told of frees itself. */
  function release({ callId, tenantId }: CallToFund): void {
    heldCallIds.delete(callId);
    const ended = { outcome: CallOutcome.FAILED, tokens: {}, isEstimated: false, latencyMs: 0n };
    billing.settleCall({ callId, tenantId, ...ended }).catch((err: unknown) => {
      log.warn({ err, call_id: callId }, "a hold that is not needed could not be released");
    });
  }

  return { fund, setAside, draw, heldCallIds };
}

type MaybePromise<T> = T | Promise<T>;

const nothing = () => {};

function toPriced({ tenantId, provider, model, images }: CallToFund): PricedModel {
  return { tenantId, provider, model, priceNames: images?.priceNames };
}

/** Throws for a call that would be free by accident: of a model without a price, or with none for such images. */
function checkPrice(call: CallToFund, price: KnownPrice | undefined): asserts price is KnownPrice {
  if (price && pricesUnits(price.terms, call.fixed)) return;
  const { model, provider, images } = call;
  if (!price || !images) throw new Failure(billingFailures.price_missing, { model, provider });
  const { size, quality } = images;
  throw new Failure(aiGatewayFailures.image_price_missing, { model, size, quality });
}

/** Goes on at once with what is at hand. */
function whenKnown<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** What a call takes at most. */
function mostOf(call: CallToFund, { terms }: KnownPrice, startedAtMs: number): Amounts {
  const { inputTokens, maxOutputTokens, choices, serviceMode = "standard", fixed } = call;
  const most = { inputTokens, outputTokens: maxOutputTokens * BigInt(choices), fixed };
  return {
    money: boundNanos(terms, most, { startedAtMs, mode: serviceMode }),
    tokens: most.inputTokens + most.outputTokens,
    calls: 1n,
  };
}

/** A call that takes nothing: all that was drawn for it is free again. */
function undo(draw: Draw): void {
  settleDraw(draw, ofMoney(0n));
}

/** A metered call begins with some of its output. */
function toReserve({ images: _, ...call }: CallToFund, { name }: KnownPrice) {
  const most = call.isMetered ? atMost(call.maxOutputTokens, BigInt(meteredTokens)) : call.maxOutputTokens;
  return { ...call, maxOutputTokens: most, serviceMode: toModeMessage(call), ...(name && { priceName: name }) };
}

function toModeMessage({ serviceMode = "standard" }: CallToFund) {
  return serviceModeMessages[serviceMode];
}

/** As billing counts calls (services/billing/budgets/spent.ts). */
function isCounted(outcome: CallOutcome): boolean {
  return outcome !== CallOutcome.FAILED && outcome !== CallOutcome.LOST;
}
