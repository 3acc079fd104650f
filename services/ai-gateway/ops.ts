import type { ExportedPerson } from "@lyss/contracts/events/answer-export.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { createAgentOps } from "./a2a/ops.ts";
import { createBatchOps } from "./batches/batch-ops.ts";
import { listBatchesOf } from "./batches/batches-of-person.ts";
import { serveCall } from "./call/serve-call.ts";
import { takeTurn } from "./call/take-turn.ts";
import type { ParameterDialect } from "./call-defaults/parameters.ts";
import { withDefaults } from "./call-defaults/with-defaults.ts";
import { getReceipt } from "./choices/get-receipt.ts";
import type { AiGatewayDeps } from "./deps.ts";
import { askInAnthropic } from "./dialects/anthropic/messages.ts";
import { readBetas } from "./dialects/anthropic/read-betas.ts";
import type { AskedCall } from "./dialects/dialect.ts";
import { type AskedContent, askInGemini } from "./dialects/gemini/contents.ts";
import { askForEmbeddings } from "./dialects/gemini/embeddings.ts";
import { askInOpenAi } from "./dialects/openai/pass-through.ts";
import { type FeedbackToGive, giveFeedback, removeFeedback } from "./feedback/give-feedback.ts";
import { listCallFeedback, listFeedback, listFeedbackOf, sumFeedback } from "./feedback/list-feedback.ts";
import { createFineTuningOps, listJobsOf } from "./fine-tuning/jobs.ts";
import { createHotCalls } from "./hot/serve-hot.ts";
import { createToolOps } from "./mcp/ops.ts";
import { getModel, listModels, type ModelsOfCaller } from "./model-prices/list-models.ts";
import { type AddProviderInput, addProvider } from "./ops/add-provider.ts";
import { askWithPreferences } from "./ops/ask-with-preferences.ts";
import { compactResponse } from "./ops/compact-response.ts";
import { createCountOps } from "./ops/count-ops.ts";
import { createResponse, prepareResponse } from "./ops/create-response.ts";
import { forgetPerson } from "./ops/forget-person.ts";
import { getProvider, type ProviderName } from "./ops/get-provider.ts";
import { getResilience } from "./ops/get-resilience.ts";
import { loadTenantProviders } from "./ops/load-providers.ts";
import { type BreakerOrder, followBreakerOrder, orderBreaker } from "./ops/order-breaker.ts";
import { type DegradationOrder, orderDegradation } from "./ops/order-degradation.ts";
import { removeProvider } from "./ops/remove-provider.ts";
import {
  cancelResponse,
  followResponse,
  getResponse,
  type ItemPage,
  listInputItems,
  type ResponseOfCaller,
  removeResponse,
} from "./ops/stored-responses.ts";
import { testProvider } from "./ops/test-provider.ts";
import { passThrough } from "./pass-through/pass-through.ts";
import { expandPrompt, type PromptedDialect } from "./prompts/expand-prompt.ts";
import type { PromptName } from "./prompts/prompt.ts";
import {
  getPrompt,
  labelPrompt,
  listPrompts,
  listPromptVersions,
  type PromptChoice,
  putPrompt,
  removePrompt,
  renderChosen,
  unlabelPrompt,
} from "./prompts/prompt-ops.ts";
import { type CreateClientSecretInput, createClientSecret } from "./realtime/create-client-secret.ts";
import { serveSession } from "./realtime/serve-session.ts";
import { serveConnection } from "./responses/serve-connection.ts";
import { reportModels } from "./routing/report-models.ts";
import { createRoutingOps } from "./routing/routing-ops.ts";
import { createSettingsOps } from "./settings-ops.ts";
import { askWithForm } from "./surfaces/ask-for-media.ts";
import type { MediaSurface, Surface } from "./surfaces/surface.ts";
import { createVideoOps, listVideosOf } from "./videos/videos.ts";

/** Binds the gateway's operations to what they need. */
export function createAiGatewayOps(deps: AiGatewayDeps) {
  const defaulted = (caller: Caller | undefined, dialect: ParameterDialect, body: Buffer) => {
    const parameters = caller && deps.callDefaults.parametersOf(caller);
    return parameters ? withDefaults(parameters, dialect, body) : body;
  };
  const givenBy = async ({ caller, body }: Exchange, dialect: PromptedDialect) => {
    const opened = caller ? await expandPrompt(deps, caller.tenantId, dialect, body) : { body, prompt: undefined };
    return { caller, body: defaulted(caller, dialect, opened.body), prompt: opened.prompt };
  };
  const serve = async (exchange: Exchange, call: AskedCall, prompt?: AskedCall["prompt"]) => {
    await takeTurn(exchange.body.length);
    return serveCall(deps, { ...askedAs(call, exchange), prompt }, exchange);
  };
  return {
    async serveCall(surface: Surface, exchange: Exchange) {
      const given = surface === "chat" ? await givenBy(exchange, surface) : { ...exchange, prompt: undefined };
      const call = askWithPreferences(given, (body) => askInOpenAi(surface, body));
      await serve(exchange, call, given.prompt);
    },
    serveForm: (surface: MediaSurface, exchange: Exchange) => {
      const { req, body, context } = exchange;
      const isKeyed = context.idempotencyKey !== undefined;
      return serveCall(deps, askWithForm(surface, body, req.headers["content-type"] ?? "", isKeyed), exchange);
    },
    serveHotCall: createHotCalls(deps),
    passThrough: (exchange: Exchange) => passThrough(deps, exchange),
    openRealtimeSession: (exchange: Exchange) => serveSession(deps, exchange),
    createClientSecret: (input: CreateClientSecretInput) => createClientSecret(deps, input),
    async createMessage(exchange: Exchange) {
      const betas = readBetas(exchange.req, deps.settings.anthropicBetas);
      const given = await givenBy(exchange, "messages");
      const call = askWithPreferences(given, (body) => askInAnthropic(body, betas));
      await serve(exchange, call, given.prompt);
    },
    async generateContent(content: AskedContent, exchange: Exchange) {
      const { caller } = exchange;
      const given = { caller, body: defaulted(caller, "gemini", exchange.body) };
      await serve(
        exchange,
        askWithPreferences(given, (body) => askInGemini(content, body)),
      );
    },
    embedContent: ({ model, isBatch }: { model: string; isBatch: boolean }, exchange: Exchange) =>
      serve(
        exchange,
        askWithPreferences(exchange, (body) => askForEmbeddings(model, isBatch, body)),
      ),
    ...createCountOps(deps),
    compactResponse: (exchange: Exchange) => compactResponse(deps, exchange),
    async createResponse(exchange: Exchange) {
      await createResponse(deps, exchange, await givenBy(exchange, "responses"));
    },
    openResponseConnection: (exchange: Exchange) =>
      serveConnection(deps, exchange, {
        async respond(asked, memory) {
          await createResponse(deps, asked, await givenBy(asked, "responses"), memory);
        },
        async prepare(asked, memory) {
          const { body } = await givenBy(asked, "responses");
          return prepareResponse(deps, asked, body, memory);
        },
      }),
    getResponse: (input: ResponseOfCaller) => getResponse(deps, input),
    followResponse: (input: ResponseOfCaller & { readonly startingAfter: number }) => followResponse(deps, input),
    removeResponse: (input: ResponseOfCaller) => removeResponse(deps, input),
    cancelResponse: (input: ResponseOfCaller) => cancelResponse(deps, input),
    listInputItems: (input: ResponseOfCaller & ItemPage) => listInputItems(deps, input),
    ...createBatchOps(deps),
    ...{ ...createVideoOps(deps), ...createFineTuningOps(deps) },
    exportPerson: async (tx: Tx, person: ExportedPerson) => ({
      responses: await deps.responses.listOf(tx, person),
      cached_answers: await deps.answerCache.listOf(tx, person),
      ...(await listBatchesOf(deps, tx, person)),
      videos: await listVideosOf(deps, tx, person.userId),
      fine_tuning_jobs: await listJobsOf(deps, tx, person.userId),
      request_bodies: await deps.requestBodies.listOf(tx, person),
      feedback: await listFeedbackOf(deps, tx, person.userId),
    }),
    forgetPerson: (tx: Tx, person: ExportedPerson) => forgetPerson(deps, tx, person),
    listModels: (input: ModelsOfCaller) => listModels(deps, input),
    getModel: (input: ModelsOfCaller & { readonly model: string }) => getModel(deps, input),
    addProvider: (input: AddProviderInput) => addProvider(deps, input),
    getProvider: (input: ProviderName) => getProvider(deps, input),
    listProviders: ({ tenantId }: { tenantId: string }) => deps.catalog.listProviders(tenantId),
    removeProvider: (input: ProviderName) => removeProvider(deps, input),
    testProvider: deps.degradation.degradable({
      feature: "provider-test",
      level: "essential",
      run: (input: ProviderName) => testProvider(deps, input),
      fallback() {
        throw new Failure(resilienceFailures.feature_suspended, { feature: "provider-test" });
      },
    }),
    ...createToolOps(deps),
    ...createAgentOps(deps),
    getResilience: () => getResilience(deps),
    orderBreaker: (order: BreakerOrder) => orderBreaker(deps, order),
    followBreakerOrder: (order: { policy: string; action: string }) => followBreakerOrder(deps, order),
    orderDegradation: (order: DegradationOrder) => orderDegradation(deps, order),
    getReceipt: (input: Parameters<typeof getReceipt>[1]) => getReceipt(deps, input),
    giveFeedback: (input: FeedbackToGive) => giveFeedback(deps, input),
    removeFeedback: (input: Parameters<typeof removeFeedback>[1]) => removeFeedback(deps, input),
    listFeedback: (input: Parameters<typeof listFeedback>[1]) => listFeedback(deps, input),
    listCallFeedback: (input: Parameters<typeof listCallFeedback>[1]) => listCallFeedback(deps, input),
    sumFeedback: (input: Parameters<typeof sumFeedback>[1]) => sumFeedback(deps, input),
    ...createSettingsOps(deps),
    loadTenantProviders: () => loadTenantProviders(deps),
    reportModels: (input: { tenantId: string }) => reportModels(deps, input),
    ...createRoutingOps(deps),
    listPrompts: (input: Parameters<typeof listPrompts>[1]) => listPrompts(deps, input),
    getPrompt: (input: PromptChoice) => getPrompt(deps, input),
    listPromptVersions: (input: Parameters<typeof listPromptVersions>[1]) => listPromptVersions(deps, input),
    putPrompt: (input: Parameters<typeof putPrompt>[1]) => putPrompt(deps, input),
    removePrompt: (input: PromptName) => removePrompt(deps, input),
    labelPrompt: (input: Parameters<typeof labelPrompt>[1]) => labelPrompt(deps, input),
    unlabelPrompt: (input: Parameters<typeof unlabelPrompt>[1]) => unlabelPrompt(deps, input),
    renderPrompt: (input: Parameters<typeof renderChosen>[1]) => renderChosen(deps, input),
  };
}

/** A repeat is the same call by what its caller wrote, whatever a prompt in it means by then. */
function askedAs(call: AskedCall, { body }: Exchange): AskedCall {
  return call.asked.body === body ? call : { ...call, asked: { ...call.asked, body, opened: call.asked.body } };
}

export type AiGatewayOps = ReturnType<typeof createAiGatewayOps>;
