import type { Client } from "@connectrpc/connect";
import type { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import type { CredentialService } from "@lyss/contracts/gen/lyss/credential/v1/credential_pb.js";
import type { Database } from "@lyss/kit/db/database.ts";
import type { Outbox } from "@lyss/kit/events/event.ts";
import type { Degradation } from "@lyss/kit/resilience/degradation.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import type { Random } from "@lyss/kit/service/ids.ts";
import type { TimerWheel } from "@lyss/kit/service/timer-wheel.ts";
import type { Logger } from "pino";
import type { Catalog } from "./catalog.ts";
import type { GatewaySettings } from "./config.ts";
import type { CredentialCache } from "./credential-cache.ts";
import type { Funding } from "./funds/funding.ts";
import type { GatewayMetrics } from "./metrics.ts";
import type { LimitBook } from "./model-limits/limit-book.ts";
import type { ModelLimits } from "./model-limits/model-limits.ts";
import type { CallOnce } from "./once/call-once.ts";
import type { OpenCalls } from "./open-calls.ts";
import type { ProviderPolicies } from "./provider-policies.ts";
import type { ResilienceChanges } from "./resilience-changes.ts";
import type { KeptResponses } from "./responses/kept-responses.ts";
import type { AccountChanges } from "./routing/account-changes.ts";
import type { AccountStore } from "./routing/account-store.ts";
import type { FailOver } from "./routing/fail-over.ts";
import type { RouteStore } from "./routing/route-store.ts";
import type { Standings } from "./routing/standing.ts";
import type { TargetHealth } from "./routing/target-health.ts";
import type { TargetOrder } from "./routing/target-order.ts";
import type { AiGatewayStore } from "./store.ts";
import type { UpstreamPools } from "./upstream-pools.ts";

/** What the gateway's operations are given. */
export interface AiGatewayDeps {
  readonly db: Database;
  readonly store: AiGatewayStore;
  readonly outbox: Outbox;
  readonly billing: Client<typeof BillingService>;
  readonly credential: Client<typeof CredentialService>;
  readonly catalog: Catalog;
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
  readonly routeStore: RouteStore;
  readonly modelLimits: ModelLimits;
  readonly limitBook: LimitBook;
  readonly openCalls: OpenCalls;
  readonly funding: Funding;
  readonly once: CallOnce;
  readonly responses: KeptResponses;
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
