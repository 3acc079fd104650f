import type { Client } from "@connectrpc/connect";
import type { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { CredentialService } from "@lyss/contracts/gen/lyss/credential/v1/credential_pb.js";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { GuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import type { Degradation } from "@lyss/kit/resilience/degradation.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { TimerWheel } from "@lyss/kit/service/timer-wheel.ts";
import type { Logger } from "pino";
import type { AnswerCache } from "./answer-cache/answer-cache.ts";
import type { CachePolicies } from "./answer-cache/cache-policies.ts";
import type { BatchStore } from "./batches/batch-store.ts";
import type { FileStore } from "./batches/file-store.ts";
import type { DefaultsBook } from "./call-defaults/defaults-book.ts";
import type { Catalog } from "./catalog.ts";
import type { ChoiceLog } from "./choices/choice-log.ts";
import type { GatewaySettings } from "./config.ts";
import type { CredentialCache } from "./credential-cache.ts";
import type { Exports } from "./exports/exports.ts";
import type { BatchFunds } from "./funds/batch-funds.ts";
import type { Funding } from "./funds/funding.ts";
import type { Guardrails } from "./guardrails/guardrails.ts";
import type { McpCatalog } from "./mcp/mcp-catalog.ts";
import type { McpServerStore } from "./mcp/mcp-server-store.ts";
import type { McpSessions } from "./mcp/mcp-sessions.ts";
import type { OfferBook } from "./mcp/offer-book.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { LimitBook } from "./model-limits/limit-book.ts";
import type { ModelLimits } from "./model-limits/model-limits.ts";
import type { CatalogReads } from "./newest-read.ts";
import type { CallOnce } from "./once/call-once.ts";
import type { OpenCalls } from "./open-calls.ts";
import type { PromptStore } from "./prompts/prompt-store.ts";
import type { ProviderPolicies } from "./provider-policies.ts";
import type { RequestBodies } from "./request-bodies/request-bodies.ts";
import type { ResilienceChanges } from "./resilience-changes.ts";
import type { KeptResponses } from "./responses/kept-responses.ts";
import type { AccountChanges } from "./routing/account-changes.ts";
import type { AccountStore } from "./routing/account-store.ts";
import type { Affinity } from "./routing/affinity.ts";
import type { FailOver } from "./routing/fail-over.ts";
import type { Hedging } from "./routing/hedging.ts";
import type { RouteStore } from "./routing/route-store.ts";
import type { Standings } from "./routing/standing.ts";
import type { TargetHealth } from "./routing/target-health.ts";
import type { TargetOrder } from "./routing/target-order.ts";
import type { AiGatewayStore } from "./store.ts";
import type { UpstreamPools } from "./upstream-pools.ts";
import type { VideoStore } from "./videos/video-store.ts";

/** What the gateway's operations are given. */
export interface AiGatewayDeps {
  readonly db: Database;
  readonly store: AiGatewayStore;
  readonly outbox: Outbox;
  readonly auth: Client<typeof AuthService>;
  readonly billing: Client<typeof BillingService>;
  readonly credential: Client<typeof CredentialService>;
  readonly catalog: Catalog;
  readonly newest: CatalogReads;
  readonly credentials: CredentialCache;
  readonly pools: UpstreamPools;
  /** For coarse limits of time, many at once. */
  readonly wheel: TimerWheel;
  readonly policies: ProviderPolicies;
  readonly failOver: FailOver;
  readonly health: TargetHealth;
  readonly accounts: AccountChanges;
  readonly accountStore: AccountStore;
  readonly standings: Standings;
  readonly order: TargetOrder;
  readonly affinity: Affinity;
  readonly choices: ChoiceLog;
  readonly hedging: Hedging;
  readonly routeStore: RouteStore;
  readonly modelLimits: ModelLimits;
  readonly limitBook: LimitBook;
  readonly promptStore: PromptStore;
  readonly callDefaults: DefaultsBook;
  readonly guardrails: Guardrails;
  /** Reaches addresses that tenants name, for metadata and tokens. */
  readonly fetchPublic: GuardedFetch;
  readonly mcpCatalog: McpCatalog;
  readonly mcpServerStore: McpServerStore;
  readonly mcpSessions: McpSessions;
  readonly offerBook: OfferBook;
  /** Calls of tools that are under way here, by whose they are and what their clients call them. */
  readonly serverCalls: Map<string, AbortController>;
  /** Origins of the web pages that may speak to the tools. */
  /** Where clients find the platform. */
  readonly publicUrl: () => string;
  readonly allowedOrigins: () => ReadonlySet<string>;
  readonly openCalls: OpenCalls;
  readonly funding: Funding;
  readonly once: CallOnce;
  readonly answerCache: AnswerCache;
  readonly cachePolicies: CachePolicies;
  readonly responses: KeptResponses;
  readonly requestBodies: RequestBodies;
  readonly exports: Exports;
  readonly fileStore: FileStore;
  readonly batchStore: BatchStore;
  readonly batchFunds: BatchFunds;
  readonly videoStore: VideoStore;
  /** Of the local disk. */
  readonly folder: string;
  readonly settings: GatewaySettings;
  readonly degradation: Degradation;
  readonly changes: ResilienceChanges;
  /** What this process is called in events and answers. */
  readonly node: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: GatewayMetrics;
}
