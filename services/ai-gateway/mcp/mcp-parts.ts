import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { Database } from "@lyss/kit/db/database.ts";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import { createGuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { Logger } from "pino";
import type { GatewaySettings } from "../config.ts";
import type { CredentialCache } from "../credential-cache.ts";
import { createServerCatalog } from "../servers/server-catalog.ts";
import type { UpstreamPools } from "../upstream-pools.ts";

import { createLogLevels } from "./log-levels.ts";
import type { McpServer } from "./mcp-server.ts";
import { createMcpServerStore } from "./mcp-server-store.ts";
import { createMcpSessions } from "./mcp-sessions.ts";
import { createMcpStreams } from "./mcp-streams.ts";
import { createOfferBook } from "./offer-book.ts";
import { createServerNews } from "./server-news.ts";
import { createServerTokens } from "./server-tokens.ts";
import { createSubscriptions } from "./subscriptions.ts";

export interface McpPartsDeps {
  readonly billing: Client<typeof BillingService>;
  readonly db: Database;
  readonly settings: GatewaySettings;
  readonly credentials: CredentialCache;
  readonly pools: UpstreamPools;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  publicUrl(): string;
}

/** What the gateway of tools is made of. */
export function createMcpParts({ db, settings, publicUrl, ...deps }: McpPartsDeps) {
  const { clock } = deps;
  const mcpCatalog = createServerCatalog<McpServer>("mcp", deps);
  const fetchLimits = { clock, timeoutMs: 10_000, maxBytes: 65_536 };
  const fetchPublic = createGuardedFetch({ ...fetchLimits, guard: createAddressGuard() });
  const fetchAny = createGuardedFetch({ ...fetchLimits, guard: undefined });
  const tokens = createServerTokens({ ...deps, fetchPublic, fetchAny });
  const mcpSessions = createMcpSessions({ ...deps, tokens });
  const offerBook = createOfferBook({ ...deps, catalog: mcpCatalog, sessions: mcpSessions });
  return {
    fetchPublic,
    ...{ mcpCatalog, mcpSessions, mcpServerStore: createMcpServerStore(db.sql) },
    offerBook,
    mcpStreams: createMcpStreams(),
    logLevels: createLogLevels({ db, clock }),
    mcpSubscriptions: createSubscriptions({ db, clock }),
    serverNews: createServerNews({ ...deps, catalog: mcpCatalog, sessions: mcpSessions, offerBook }),
    serverCalls: new Map<string, AbortController>(),
    publicUrl,
    allowedOrigins: () => new Set([publicUrl(), ...settings.mcpAllowedOrigins].map((url) => new URL(url).origin)),
  };
}
