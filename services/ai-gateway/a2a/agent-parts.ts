import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { CredentialCache } from "../credential-cache.ts";
import { createAskedBook } from "../servers/asked-book.ts";
import { createServerCatalog } from "../servers/server-catalog.ts";
import { createUnitPrices } from "../servers/unit-prices.ts";
import type { UpstreamPools } from "../upstream-pools.ts";
import { type Agent, messageUnit, payeeOf } from "./agent.ts";
import { toAgentFailure } from "./agent-failure.ts";
import { createAgentLink } from "./agent-link.ts";
import { createAgentStore } from "./agent-store.ts";
import { createReferences } from "./references.ts";

export interface AgentPartsDeps {
  readonly billing: Client<typeof BillingService>;
  readonly db: Database;
  readonly credentials: CredentialCache;
  readonly pools: UpstreamPools;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

const cardLimitMs = 10_000;

/** What the gateway of agents is made of. */
export function createAgentParts({ billing, db, clock, log, ...deps }: AgentPartsDeps) {
  const agentCatalog = createServerCatalog<Agent>("a2a", { ...deps, clock });
  const agentLink = createAgentLink(deps);
  const prices = createUnitPrices(billing);
  const cardBook = createAskedBook({
    async ask(agent: Agent) {
      const given = { signal: AbortSignal.timeout(cardLimitMs), isIdempotent: true };
      const card = await agentCatalog
        .policyOf(agent)
        .run((signal) => agentLink.fetchCard(agent, signal), given)
        .catch((err: unknown) => {
          throw toAgentFailure({ ...agent, timeoutMs: cardLimitMs }, err, undefined);
        });
      await prices.put(agent, payeeOf(agent), new Map([[messageUnit, agent.usdPerCall]]));
      return card;
    },
    ...{ clock, log, failedText: "an agent's card could not be read" },
  });
  return {
    ...{ agentCatalog, agentLink, cardBook },
    ...{ agentStore: createAgentStore(db.sql), references: createReferences({ db, clock }) },
  };
}
