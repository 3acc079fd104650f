import { join } from "node:path";
import type { Client } from "@connectrpc/connect";
import { budgetsChanged, moneyRecalled, pricesChanged } from "@lyss/contracts/events/billing.ts";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { onBroadcast, type Subscription } from "@lyss/kit/events/event.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Job } from "@lyss/kit/service/define-service.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import { openSpool } from "@lyss/kit/spool/spool.ts";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { createBudgetPaths } from "./budget-paths.ts";
import { createFactJournal } from "./fact-journal.ts";
import { createFunder } from "./funder.ts";
import type { CallToFund, DrawForCall, Drawn, Funds } from "./funds.ts";
import { assessEveryMs, createLeaseKeeper } from "./lease-keeper.ts";
import { createPriceCache, type PriceCache } from "./price-cache.ts";
import { createRecovery } from "./recovery.ts";

/** How this process pays for calls, with the work behind it. */
export interface Funding {
  /** Throws billing's failures, `kit.unavailable` when there is neither a lease nor billing, `cannot_record`, and `load.overloaded`. */
  fund(call: CallToFund): Promise<Funds>;
  /** The same up to the point where the attempt is written down: for what may begin at any moment, or never. Throws as `fund` does. */
  setAside(call: CallToFund): Promise<Drawn>;
  readonly draw: DrawForCall;
  readonly priceOf: PriceCache["priceOf"];
  readonly jobs: readonly Job[];
  readonly subscriptions: readonly Subscription[];
  /** Calls that have ended and are not charged yet. */
  readonly pending: number;
  /** Charges what has ended, as far as billing answers, and gives back what is not needed. */
  stop(): Promise<void>;
}

/** What is not charged by then stays on disk, for the next start. */
const flushLimitMs = 3_000;
const maxHoldsAtOnce = 10_000;

export interface FundingDeps {
  readonly billing: Client<typeof BillingService>;
  /** Where the spools of this machine's processes lie. */
  readonly folder: string;
  readonly heartbeatMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Registry;
}

/** Opens this process's spool, and charges what dead processes left in theirs. Throws when the folder cannot be written. */
export function createFunding({ billing, folder, heartbeatMs, clock, random, log, metrics }: FundingDeps): Funding {
  const nodeId = random.id("node");
  const { spool, recovered } = openSpool({ root: join(folder, "spool"), clock, log });
  const journal = createFactJournal({ spool, billing, nodeId, clock, log });
  const leases = createLeaseKeeper({ billing, spool, nodeId, clock, random, log });
  const prices = createPriceCache(billing, { clock, random, metrics });
  const budgets = createBudgetPaths(billing, { clock, random, metrics });
  const { fund, setAside, draw, heldCallIds } = createFunder({ billing, prices, budgets, leases, journal, clock, log });
  const recovery = createRecovery({ spool, billing, journal, clock, log });
  recovery.takeUp(recovered);

  function forgetBudgets(tenantId: string): void {
    budgets.forget(tenantId);
    leases.renew(tenantId);
  }

  function forgetAllBudgets(): void {
    budgets.forgetAll();
    leases.renewAll();
  }

  function recall({ tenantId, budgetId }: { readonly tenantId: string; readonly budgetId: string }): void {
    void leases.recall(tenantId, budgetId === "" ? undefined : budgetId);
  }

  return {
    fund,
    setAside,
    draw,
    priceOf: prices.priceOf,
    jobs: [
      { name: "extend-leases", everyMs: heartbeatMs, run: () => leases.extend() },
      {
        name: "extend-holds",
        everyMs: heartbeatMs,
        async run() {
          const callIds = [...heldCallIds];
          for (let at = 0; at < callIds.length; at += maxHoldsAtOnce) {
            await billing.extendHolds({ callIds: callIds.slice(at, at + maxHoldsAtOnce) });
          }
        },
      },
      { name: "assess-leases", everyMs: assessEveryMs, run: () => leases.assess() },
      {
        name: "adopt-orphans",
        everyMs: heartbeatMs,
        async run() {
          recovery.takeUp(spool.adoptOrphans());
          await recovery.closeLeases();
        },
      },
    ],
    subscriptions: [
      onBroadcast("forget-prices", pricesChanged, ({ data }) => prices.forget(data.tenantId), prices.forgetAll),
      onBroadcast("forget-budgets", budgetsChanged, ({ data }) => forgetBudgets(data.tenantId), forgetAllBudgets),
      onBroadcast("return-leases", moneyRecalled, ({ data }) => recall(data), leases.recallAll),
    ],
    get pending() {
      return journal.pending;
    },
    async stop() {
      await journal.flush(AbortSignal.timeout(flushLimitMs)).catch(() => undefined);
      await journal.stop();
      await leases.close();
      await spool.close();
    },
  };
}
