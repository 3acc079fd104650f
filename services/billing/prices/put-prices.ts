import { pricesChanged } from "@lyss/contracts/events/billing.ts";
import type { Database } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import { decodeSequenceCursor, type Page, type PageRequest, toPage } from "@lyss/kit/http/page.ts";
import { currentActorId } from "@lyss/kit/rpc/call-context.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import {
  isNews,
  type NewPrice,
  type Price,
  type PriceInput,
  type PriceOrigin,
  type PriceOwner,
  termsOf,
} from "./price.ts";
import type { PriceStore } from "./price-store.ts";

export interface PutPricesDeps {
  readonly db: Database;
  readonly priceStore: PriceStore;
  readonly outbox: Outbox;
  readonly random: Random;
  readonly clock: Clock;
  readonly currency: string;
}

export interface PutPricesInput {
  readonly tenantId: string;
  /** Empty unless these are a plan's own prices; `tenantId` is empty then. */
  readonly planId?: string;
  /** Each pair of provider and model once. */
  readonly prices: readonly PriceInput[];
  /** `provider` unless given. */
  readonly origin?: PriceOrigin;
  /** From when on; at once unless given. What was charged stays as it was: a new version cannot begin in the past. */
  readonly effectiveAt?: Date | undefined;
}

/**
 * Makes each given price a new version, in effect at once or from `effectiveAt` on, where it says something new (`isNews`):
 * a repeat writes nothing. Gives the version of that time that says what was put, or that stays in its place, where there is
 * one. Throws `kit.invalid_request` for a time that has passed.
 */
export async function putPrices(deps: PutPricesDeps, input: PutPricesInput): Promise<readonly Price[]> {
  const { db, priceStore, outbox } = deps;
  const owner: PriceOwner = { tenantId: input.tenantId, planId: input.planId ?? "" };
  return db.transaction(async (tx) => {
    await priceStore.lockPriceBook(tx);
    const names = input.prices.map(({ provider, model }) => ({ provider, model }));
    const histories = await priceStore.findHistories(tx, owner, names, input.effectiveAt);
    const { origin = "provider", effectiveAt } = input;
    const changed: NewPrice[] = [];
    for (const [i, price] of input.prices.entries()) {
      const history = histories[i];
      const terms = termsOf(price);
      if (!history || !isNews(history, terms, origin, effectiveAt !== undefined)) continue;
      const { provider, model } = price;
      const version = history.newestVersion + 1;
      const names = { priceId: deps.random.id("prc"), ...owner, provider, model, version, currency: deps.currency };
      changed.push({ ...names, terms, origin, effectiveAt });
    }
    if (changed.length > 0) {
      if (effectiveAt && effectiveAt.getTime() <= deps.clock.nowMs()) {
        const [reason, reason_zh_CN] = ["must lie in the future", "必须是将来的时间"];
        throw new Failure(kitFailures.invalid_request, { field: "effective_at", reason, reason_zh_CN });
      }
      await priceStore.insertPrices(tx, changed);
      // A plan's prices concern whoever is on it.
      await outbox.append(tx, pricesChanged, { tenantId: owner.tenantId, actorId: currentActorId() });
    }
    const after = changed.length > 0 ? await priceStore.findHistories(tx, owner, names, effectiveAt) : histories;
    return after.flatMap(({ current, sameTime }) => (effectiveAt ? sameTime : current) ?? []);
  });
}

/** Every version of a model's price under one owner, newest first. */
export async function listPriceVersions(
  { priceStore }: Pick<PutPricesDeps, "priceStore">,
  { limit, cursor, ...name }: PriceOwner & PageRequest & { readonly provider: string; readonly model: string },
): Promise<Page<Price>> {
  const before = decodeSequenceCursor(cursor);
  const rows = await priceStore.listVersions(name, { limit: limit + 1, before });
  return toPage(rows, limit, ({ version }) => [String(version)]);
}
