import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { toTermsMessage } from "@lyss/contracts/pricing/wire.ts";
import { usdToNanos } from "../model.ts";
import type { Server } from "./server.ts";

/** Prices by the call, in billing's book. */
export interface UnitPrices {
  /**
   * What a call of each unit costs, a decimal string of US dollars, at the server that is called `payee` where money is: for the server's
   * owner, or for all where it is for all. A repeat writes nothing. Throws billing's failures.
   */
  put(server: Server, payee: string, usdByUnit: ReadonlyMap<string, string>): Promise<void>;
}

/** Of a price for one call: billing counts by the million. */
const perMillion = 1_000_000n;

export function createUnitPrices(billing: Client<typeof BillingService>): UnitPrices {
  /** By the server as it is now, one that changes is another object: for which units its prices are in the book. */
  const known = new WeakMap<Server, string>();
  return {
    async put(server, payee, usdByUnit) {
      const units = [...usdByUnit.keys()].join("\n");
      if (usdByUnit.size === 0 || known.get(server) === units) return;
      const prices = [...usdByUnit].map(([model, usd]) => {
        const terms = toTermsMessage({ rates: { toolCalls: usdToNanos(usd) * perMillion } });
        return { provider: payee, model, terms };
      });
      await billing.putPrices({ tenantId: server.tenantId, prices });
      known.set(server, units);
    },
  };
}
