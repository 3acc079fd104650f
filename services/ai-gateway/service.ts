import {
  agentCalled,
  agentChanged,
  aiGatewayPersonErased,
  aiGatewayPersonExported,
  breakerChanged,
  cachePolicyChanged,
  callDefaultsChanged,
  dataPolicyApplied,
  degradationChanged,
  exportChanged,
  exportFailed,
  feedbackChanged,
  guardrailChanged,
  guardrailFound,
  mcpCallCanceled,
  mcpServerChanged,
  mcpToolCalled,
  modelLimitChanged,
  modelLimitReached,
  promptChanged,
  providerAccountChanged,
  providerChanged,
  requestBodyPolicyChanged,
  requestBodyRead,
  requestBodyRemoved,
  resilienceOrdered,
  routeChanged,
} from "@lyss/contracts/events/ai-gateway.ts";
import { budgetsChanged, moneyRecalled, pricesChanged } from "@lyss/contracts/events/billing.ts";
import { credentialRevoked, credentialRotated } from "@lyss/contracts/events/credential.ts";
import { dataPolicyChanged } from "@lyss/contracts/events/tenant.ts";
import { userDeleted, userExportRequested } from "@lyss/contracts/events/user.ts";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { AiGatewayService } from "@lyss/contracts/gen/lyss/ai_gateway/v1/ai_gateway_pb.js";
import { AuthService } from "@lyss/contracts/gen/lyss/auth/v1/auth_pb.js";
import { BillingService } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { CredentialService } from "@lyss/contracts/gen/lyss/credential/v1/credential_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { databaseCheck } from "@lyss/kit/health/checkers.ts";
import { createAddressGuard } from "@lyss/kit/http/address-guard.ts";
import { createGuardedFetch } from "@lyss/kit/http/guarded-fetch.ts";
import { registerPolicyMetrics } from "@lyss/kit/resilience/metrics.ts";
import type { Clock } from "@lyss/kit/service/clock.ts";
import { defineService } from "@lyss/kit/service/define-service.ts";
import { createTimerWheel } from "@lyss/kit/service/timer-wheel.ts";
import { loadSharedAgents, loadTenantAgents } from "./a2a/agent-ops.ts";
import { createAgentParts } from "./a2a/agent-parts.ts";
import { createBatching } from "./batches/batching.ts";
import { createCallDefaultsStore } from "./call-defaults/call-defaults-store.ts";
import { createDefaultsBook } from "./call-defaults/defaults-book.ts";
import { createCatalog } from "./catalog.ts";
import { createChoiceLog } from "./choices/choice-log.ts";
import { createChoiceStore } from "./choices/choice-store.ts";
import { aiGatewayConfig } from "./config.ts";
import { createCredentialCache } from "./credential-cache.ts";
import type { AiGatewayDeps } from "./deps.ts";
import { createAiGatewaySubscriptions } from "./events.ts";
import { createFeedbackStore } from "./feedback/feedback-store.ts";
import { followSharedConfig, type SharedConfig } from "./follow-config.ts";
import { createFunding } from "./funds/funding.ts";
import { createGuardrails, type GuardrailsDeps } from "./guardrails/guardrails.ts";
import { type AskedModel, createJudge, type JudgesDeps } from "./guardrails/judges.ts";
import { askModel } from "./guardrails/model-judge.ts";
import { createAiGatewayJobs } from "./jobs.ts";
import { createMcpParts } from "./mcp/mcp-parts.ts";
import { loadSharedMcpServers, loadTenantMcpServers } from "./mcp/server-ops.ts";
import { createGatewayMetrics } from "./metrics.ts";
import { createMirroring } from "./mirroring/mirroring.ts";
import type { ModelLimitSettings } from "./model-limits/limit-book.ts";
import { createLimiting } from "./model-limits/limiting.ts";
import { priceCheck } from "./model-prices/price-check.ts";
import { createCatalogReads } from "./newest-read.ts";
import { createCallOnce } from "./once/call-once.ts";
import { createOnceStore } from "./once/once-store.ts";
import { createOpenCalls } from "./open-calls.ts";
import { loadAccounts } from "./ops/load-accounts.ts";
import { loadSharedProviders, loadTenantProviders, type SimulatorAddress } from "./ops/load-providers.ts";
import { createAiGatewayOps } from "./ops.ts";
import { createPromptStore } from "./prompts/prompt-store.ts";
import { createProviderPolicies } from "./provider-policies.ts";
import { createAccessTokens, withAccessTokens } from "./providers/vertex/access-tokens.ts";
import { createRealtimeParts } from "./realtime/realtime-parts.ts";
import { createRecordKeeping } from "./record-keeping.ts";
import { createResilienceChanges } from "./resilience-changes.ts";
import { aiGatewayRoutes } from "./routes.ts";
import { loadRoutes } from "./routing/route-ops.ts";
import { createRouting } from "./routing/routing.ts";
import { createAiGatewayRpc } from "./rpc.ts";
import { loadBodyPolicies } from "./settings-ops.ts";
import { startSimulator } from "./simulator/simulator.ts";
import { createAiGatewayStore } from "./store.ts";
import { createUpstreamPools } from "./upstream-pools.ts";

/** Half of the shortest time limit that can be configured. */
const timerTickMs = 50;

interface LiveSettings extends SharedConfig {
  readonly modelLimits: ModelLimitSettings;
}

/** What calls need to know, into memory, after the operator's providers; and what changes of it while the process runs. */
async function loadSnapshots(
  deps: AiGatewayDeps,
  given: { readonly config: LiveSettings; onConfigChange(listen: (config: LiveSettings) => void): void },
  simulator: SimulatorAddress | undefined,
): Promise<void> {
  const { routes, modelLimits } = given.config;
  await loadTenantProviders(deps);
  await Promise.all([
    loadTenantMcpServers(deps),
    loadTenantAgents(deps),
    loadRoutes(deps, routes),
    loadAccounts(deps),
    deps.cachePolicies.load(),
    deps.callDefaults.load(),
    deps.guardrails.load(),
    loadBodyPolicies(deps),
  ]);
  await deps.limitBook.start(modelLimits);
  const follow = followSharedConfig(deps, simulator);
  given.onConfigChange((changed) => {
    follow(changed);
    deps.limitBook.configure(changed.modelLimits);
  });
}

/** The built-in provider, on a port of its own, with a key that is this installation's. */
async function startOwnSimulator({ clock, deriveKey }: { readonly clock: Clock; deriveKey(purpose: string): Buffer }) {
  const apiKey = `sk-simulated-${deriveKey("ai-gateway.simulator").toString("base64url")}`;
  const { url, stop } = await startSimulator({ clock, host: "127.0.0.1", port: 0, apiKey });
  return { url, stop, apiKey };
}

function openGuardrails(
  given: Omit<GuardrailsDeps, "key" | "judge"> & JudgesDeps & { deriveKey(purpose: string): Buffer },
) {
  return createGuardrails({ ...given, key: given.deriveKey("ai-gateway.guardrail"), judge: createJudge(given) });
}

/** Tokens for service accounts of Google Cloud, from where the operator says. */
function createTokens(clock: Clock, tokenUrl: string) {
  const fetch = createGuardedFetch({ guard: undefined, clock, timeoutMs: 10_000, maxBytes: 65_536 });
  return createAccessTokens({ clock, fetch, tokenUrl });
}

export const aiGateway = defineService({
  name: "ai-gateway",
  contract: AiGatewayService,
  needs: { auth: AuthService, billing: BillingService, credential: CredentialService },
  publishes: [
    ...[providerChanged, providerAccountChanged, routeChanged, breakerChanged, degradationChanged, resilienceOrdered],
    ...[aiGatewayPersonErased, aiGatewayPersonExported, modelLimitChanged, cachePolicyChanged, promptChanged],
    ...[callDefaultsChanged, guardrailChanged, guardrailFound, mcpServerChanged, mcpToolCalled, mcpCallCanceled],
    ...[requestBodyPolicyChanged, requestBodyRead, requestBodyRemoved, exportChanged, exportFailed],
    ...[dataPolicyApplied, feedbackChanged, agentChanged, agentCalled, modelLimitReached],
  ],
  hears: [
    agentChanged,
    providerChanged,
    providerAccountChanged,
    routeChanged,
    modelLimitChanged,
    cachePolicyChanged,
    callDefaultsChanged,
    guardrailChanged,
    mcpCallCanceled,
    mcpServerChanged,
    requestBodyPolicyChanged,
    dataPolicyApplied,
    dataPolicyChanged,
    credentialRotated,
    credentialRevoked,
    resilienceOrdered,
    pricesChanged,
    moneyRecalled,
    budgetsChanged,
    userDeleted,
    userExportRequested,
  ],
  config: aiGatewayConfig,
  migrations: new URL("./migrations/", import.meta.url),
  routes: aiGatewayRoutes,

  async start(given) {
    const { config, clients, db, outbox, clock, random, log, metrics, degradation, node } = given;
    const settings = config.aiGateway;
    const openCalls = createOpenCalls();
    const { billing } = clients;
    const { heartbeatMs } = settings;
    const funding = createFunding({ billing, folder: given.folder, heartbeatMs, clock, random, log, metrics });
    const tokens = createTokens(clock, settings.googleTokenUrl);
    const credentials = withAccessTokens(createCredentialCache(clients.credential, { clock, random, metrics }), tokens);
    const once = createCallOnce({
      ...{ store: createOnceStore(db), clock, random, log, heartbeatMs },
      key: given.deriveKey("ai-gateway.answer-once"),
    });
    const wheel = createTimerWheel({ tickMs: timerTickMs, clock });
    const pools = createUpstreamPools(settings, createAddressGuard(), { clock, wheel });
    const changes = createResilienceChanges({ db, outbox, node });
    const catalog = createCatalog();
    const policies = createProviderPolicies(config.resilience, catalog, {
      ...{ clock, random },
      onBreakerChange(policy, change) {
        log.warn({ policy, ...change }, "a breaker has changed");
        changes.noteBreaker(policy, change);
      },
    });
    given.onConfigChange(({ resilience }) => policies.update(resilience));
    registerPolicyMetrics(metrics, policies);
    degradation.watch(policies.level);
    degradation.onChange(changes.noteDegradation);
    const routing = createRouting(settings, {
      ...{ db, outbox, node, log, metrics, priceOf: funding.priceOf, clock, random },
    });
    const choices = createChoiceLog(settings, { ...routing, choiceStore: createChoiceStore(db), clock, log, metrics });
    const asking = { pools, credentials, askModel: (...asked: AskedModel) => askModel(deps, ...asked) };
    const deps: AiGatewayDeps = {
      ...{ db, outbox, clock, random, log, settings, openCalls, funding, once, credentials, pools, wheel },
      ...clients,
      ...{ catalog, newest: createCatalogReads(), policies, degradation, changes, node },
      ...{ ...routing, ...createLimiting(given), ...createMirroring(given, catalog), choices },
      guardrails: openGuardrails({ ...given, ...asking }),
      ...{ promptStore: createPromptStore(db.sql), store: createAiGatewayStore(db.sql) },
      ...createMcpParts({ ...given, billing, settings, credentials, pools }),
      ...createAgentParts({ ...given, billing, credentials, pools }),
      ...{ ...createRecordKeeping({ ...given, billing, settings }), feedbackStore: createFeedbackStore(db) },
      callDefaults: createDefaultsBook({ db, outbox, clock, store: createCallDefaultsStore(db.sql) }),
      ...{ ...createBatching({ ...given, billing }), ...createRealtimeParts(settings.realtime, given) },
      metrics: createGatewayMetrics(metrics, {
        openCalls: () => openCalls.size,
        unsettled: () => funding.pending,
        standings: routing.standings,
      }),
    };
    const simulator = settings.simulator ? await startOwnSimulator(given) : undefined;
    await loadSharedProviders(deps, config.providers, simulator);
    await loadSharedMcpServers(deps, config.mcpServers, simulator);
    await loadSharedAgents(deps, config.agents);
    await loadSnapshots(deps, given, simulator);

    const ops = createAiGatewayOps(deps);
    return {
      ops,
      rpc: createAiGatewayRpc(ops),
      subscriptions: createAiGatewaySubscriptions(ops, deps),
      jobs: createAiGatewayJobs(deps),
      health: { database: databaseCheck(db), prices: priceCheck(deps) },
      drain(signal) {
        deps.mcpStreams.endAll();
        return openCalls.drain(signal);
      },
      cut: (signal) => openCalls.cut(new Failure(aiGatewayFailures.shutting_down), signal),
      async stop() {
        await Promise.all([choices.flush(), deps.mirrors.flush(), deps.requestBodies.log.flush()]);
        await Promise.all([funding.stop(), deps.mcpSessions.closeAll()]);
        pools.close();
        await simulator?.stop();
      },
    };
  },
});
