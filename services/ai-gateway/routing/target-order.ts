import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Offer } from "../catalog.ts";
import type { Funding } from "../funds/funding.ts";
import type { KnownPrice } from "../funds/price-cache.ts";
import type { Target } from "../model.ts";
import { type AskedBy, type OrderDeps, orderTargets, type RoutedRoute, type RoutedTarget } from "./order-targets.ts";
import { preferTargets } from "./prefer-targets.ts";
import type { Preferences } from "./preferences.ts";
import { type Candidate, type Score, type ScoreWeights, scoreTargets } from "./score-targets.ts";
import { createStanding, isStale, type Standing, type Standings } from "./standing.ts";

/** In which order the targets of a name are tried. */
export interface TargetOrder {
  /** Empty where a route has no target for such a call. Prices that are not known yet count as the highest. */
  orderOf(offer: Offer, asked: AskedBy): readonly Target[];
  /** The same for targets of a route that is none yet. */
  orderTargets(route: RoutedRoute, asked: AskedBy): readonly Target[];
  /** Before `orderOf`: as `learnPrices` for a route whose order depends on prices, undefined for every other name. */
  prepare(offer: Pick<Offer, "routed">, tenantId: string): Promise<void> | undefined;
  /** Resolves when the prices of these targets are known, or cannot be had; undefined when they are known. Never rejects. */
  learnPrices(tenantId: string, targets: readonly RoutedTarget[]): Promise<void> | undefined;
  /** Those of `targets` that a caller wants, as it wants them. Throws `invalid_request` where none is left. */
  prefer(tenantId: string, targets: readonly Target[], wanted: Preferences): Promise<readonly Target[]>;
  /** As `scored` sees them now, in the order given. */
  scoresOf(tenantId: string, targets: readonly RoutedTarget[]): readonly Score[];
}

export interface TargetOrderDeps {
  readonly weights: ScoreWeights;
  readonly standings: Standings;
  readonly priceOf: Funding["priceOf"];
  readonly clock: Clock;
  readonly random: Random;
}

export function createTargetOrder({ weights, standings, priceOf, clock, random }: TargetOrderDeps): TargetOrder {
  function findPrice(tenantId: string, { provider, model }: Target) {
    return priceOf({ tenantId, provider: provider.name, model: model.name }, clock.nowMs());
  }

  function candidateOf(tenantId: string, { target, rule }: RoutedTarget): Candidate {
    const price = findPrice(tenantId, target);
    // Looked up for the next call.
    if (price instanceof Promise) void price.catch(() => undefined);
    return {
      standing: standingOf(target),
      costNanos: price instanceof Promise ? undefined : blend(price),
      quality: rule.quality,
    };
  }

  function standingOf(target: Target): Standing {
    const known = standings.of(target);
    return isStale(known, clock.monotonicMs()) ? { ...createStanding(), inFlight: known.inFlight } : known;
  }

  function learnPrices(tenantId: string, targets: readonly Pick<RoutedTarget, "target">[]): Promise<void> | undefined {
    const unknown = targets.flatMap(({ target }) => {
      const price = findPrice(tenantId, target);
      return price instanceof Promise ? [price] : [];
    });
    return unknown.length === 0 ? undefined : Promise.allSettled(unknown).then(() => undefined);
  }

  const orderDeps: OrderDeps = { weights, candidateOf, draw: (n) => random.bytes(4).readUInt32LE() % n };

  return {
    orderOf: ({ targets, routed }, asked) => (routed ? orderTargets(routed.tree, asked, orderDeps) : targets),
    orderTargets: (route, asked) => orderTargets(route, asked, orderDeps),
    prepare({ routed }, tenantId) {
      return routed?.isPriced ? learnPrices(tenantId, routed.targets) : undefined;
    },
    learnPrices,
    async prefer(tenantId, targets, wanted) {
      if (wanted.maxPrice || wanted.sort === "price") {
        await learnPrices(
          tenantId,
          targets.map((target) => ({ target })),
        );
      }
      return preferTargets(targets, wanted, {
        ratesOf(target) {
          const price = findPrice(tenantId, target);
          if (price instanceof Promise) void price.catch(() => undefined);
          const rates = price instanceof Promise ? undefined : price?.terms.rates;
          return rates && { input: Number(rates.input ?? 0n), output: Number(rates.output ?? 0n) };
        },
        firstByteMsOf: (target) => standingOf(target).firstByteMs,
        tokensPerSecondOf: (target) => standingOf(target).tokensPerSecond,
      });
    },
    scoresOf: (tenantId, targets) =>
      scoreTargets(
        targets.map((routed) => candidateOf(tenantId, routed)),
        weights,
      ),
  };
}

/** Nanos per million tokens of a usual call, which reads three for each that it writes. */
function blend(price: KnownPrice | undefined): number | undefined {
  const rates = price?.terms.rates;
  return rates && (3 * Number(rates.input ?? 0n) + Number(rates.output ?? 0n)) / 4;
}
