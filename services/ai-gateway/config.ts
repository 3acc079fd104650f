import { secretSchema } from "@lyss/kit/config/secret.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { policiesSchema } from "@lyss/kit/resilience/policy-config.ts";
import { z } from "zod";
import { agentsSchema } from "./a2a/agent-config.ts";
import { baseUrlSchema } from "./base-url.ts";
import { mcpServersSchema } from "./mcp/mcp-config.ts";
import { dataPolicies, providerDialects, unsupportedParametersModes } from "./model.ts";
import { modelSchema } from "./model-config.ts";
import { modelLimitSchema } from "./model-limits/model-limit.ts";
import { providerNameSchema, regionSchema } from "./provider-name.ts";
import { connectionSettings } from "./realtime/connection-settings.ts";
import { responseSettings } from "./responses/response-settings.ts";
import { routeSchema } from "./routing/route.ts";
import { routingSettings } from "./routing/routing-settings.ts";

export const apiVersionSchema = z
  .string()
  .regex(
    /^(v1|preview|latest|\d{4}-\d{2}-\d{2}(-preview)?)$/,
    inBothLanguages(
      "must be a date such as 2024-10-21, or with -preview",
      "必须是日期，例如 2024-10-21，或带 -preview",
    ),
  );

const streamOriginSchema = z
  .url({ protocol: /^https?$/ })
  .refine(
    (url) => URL.canParse(url) && new URL(url).origin === url,
    inBothLanguages(
      "must be an origin such as https://stream.example.com",
      "必须是源，例如 https://stream.example.com",
    ),
  );

/**
 * How providers are called where the file says nothing. Nothing is repeated: who calls knows best whether to. What the
 * simulated provider does wrong it was asked for.
 */
export const defaultPolicies = policiesSchema.parse({
  provider: {
    timeoutMs: 3_600_000,
    bulkhead: { maxConcurrent: 1_000, maxQueue: 1_000, maxQueueMs: 5_000 },
    breaker: {},
  },
  "provider.simulated": {},
});

/** Sections `providers`, `resilience` and `aiGateway` of the configuration. */
export const aiGatewayConfig = {
  resilience: z
    .strictObject({
      policies: policiesSchema
        .default({})
        .describe(
          "How calls are made: `provider`, or `provider.<name>` in its place for one provider; see guides/resilience.md.",
        ),
    })
    .prefault({})
    .meta({ live: true }),
  providers: z
    .array(
      z.strictObject({
        name: providerNameSchema
          .refine(
            (name) => name !== "simulated",
            inBothLanguages("must not be 'simulated', the built-in provider", "不能是内置供应商的名称“simulated”"),
          )
          .describe("Up to 63 of a-z, 0-9, '.', '_' and '-'. Each name once."),
        dialect: z
          .enum(providerDialects)
          .default("openai")
          .describe(
            "The API that the provider speaks: `openai` for OpenAI's and those like it, `responses` where chats are asked for as responses, `anthropic`, `gemini`, `bedrock`, `cohere`, `vertex`, `azure` for its API with deployments in the path, `elevenlabs` and `deepgram` for sounds, or `replicate` for predictions.",
          ),
        baseUrl: baseUrlSchema.describe("Where its API begins, such as https://api.openai.com/v1."),
        apiKey: secretSchema.optional().describe("Its key; left out where it asks for none."),
        apiVersion: apiVersionSchema
          .optional()
          .describe("`api-version` of `dialect: azure`, such as 2024-10-21, which it is unless given."),
        streamOrigins: z
          .array(streamOriginSchema)
          .max(8)
          .optional()
          .describe(
            "Where answers of `dialect: replicate` may stream besides its own hosts, such as https://stream.example.com: an address in an answer counts only if it is there.",
          ),
        unsupportedParameters: z
          .enum(unsupportedParametersModes)
          .default("refuse")
          .describe(
            "What becomes of a parameter that a model is known not to take: `refuse` answers 400 and names it, `drop` asks without it where the answer is still what was asked for.",
          ),
        dataPolicy: z
          .enum(dataPolicies)
          .default("unknown")
          .describe(
            "What it does with prompts: `collects` keeps them and may learn from them, `retains` keeps them for a time against abuse alone, `zero_retention` keeps nothing. Calls may ask for it; `unknown` counts as the first.",
          ),
        region: regionSchema
          .optional()
          .describe(
            "Where it works on prompts, such as `eu` or `eu-central-1`. Calls may ask for it; unknown unless given.",
          ),
        onDisconnect: z
          .enum(["cancel", "drain"])
          .default("cancel")
          .describe(
            "When a caller leaves: `cancel` ends the call upstream, `drain` reads on to the usage, for providers that charge to the end.",
          ),
        serverTools: z
          .boolean()
          .default(false)
          .describe(
            "Whether callers in the provider's own dialect may use tools that run there, and what else costs more than tokens. Uses are counted as `tool_calls`: give their price.",
          ),
        models: z.array(modelSchema).min(1).max(1_000).describe("What is offered of it."),
      }),
    )
    .max(200)
    .refine(
      (list) => new Set(list.map((item) => item.name)).size === list.length,
      inBothLanguages("must have each name only once", "名称不能重复"),
    )
    .prefault([])
    .describe("Model providers for every tenant; see guides/providers.md.")
    .meta({ live: true }),
  mcpServers: mcpServersSchema,
  agents: agentsSchema,
  routes: z
    .array(routeSchema)
    .max(500)
    .refine(
      (list) => new Set(list.map(({ name }) => name)).size === list.length,
      inBothLanguages("must have each name only once", "名称不能重复"),
    )
    .prefault([])
    .describe("Names that go to several targets, for every tenant; see guides/providers.md.")
    .meta({ live: true }),
  modelLimits: z
    .strictObject({
      processes: z
        .int()
        .min(1)
        .max(10_000)
        .default(1)
        .describe(
          "Nodes that serve model calls: each keeps to its share of every limit. Gateway processes on one port are one node.",
        ),
      limits: z
        .array(modelLimitSchema)
        .max(500)
        .refine(
          (list) => new Set(list.map(({ name }) => name)).size === list.length,
          inBothLanguages("must have each name only once", "名称不能重复"),
        )
        .default([])
        .describe("How much models and providers' accounts are asked; see guides/resilience.md."),
    })
    .prefault({})
    .meta({ live: true }),
  aiGateway: z
    .strictObject({
      simulator: z.boolean().default(true).describe("Offers the built-in simulated provider and its models."),
      connectTimeoutMs: z.int().min(100).max(60_000).default(10_000).describe("Limit for connecting to a provider."),
      firstByteTimeoutMs: z
        .int()
        .min(100)
        .max(3_600_000)
        .default(300_000)
        .describe("Limit for the head of a provider's answer; long, since reasoning models think before they answer."),
      idleTimeoutMs: z.int().min(100).max(3_600_000).default(120_000).describe("Limit for a pause inside an answer."),
      drainLimitMs: z
        .int()
        .min(100)
        .max(3_600_000)
        .default(60_000)
        .describe("How long an answer is read on without its caller, where it is drained."),
      connectionsPerProvider: z
        .int()
        .min(1)
        .max(10_000)
        .default(1_000)
        .describe("Connections to one provider at most; further calls wait for one."),
      maxResponseBytes: z
        .int()
        .min(1_024)
        .max(268_435_456)
        .default(67_108_864)
        .describe("The longest answer that is not streamed."),
      maxEventBytes: z
        .int()
        .min(1_024)
        .max(67_108_864)
        .default(4_194_304)
        .describe("The longest single event of a streamed answer."),
      keepAliveMs: z
        .int()
        .min(0)
        .max(3_600_000)
        .default(15_000)
        .describe(
          "After how long a silence a streamed answer is kept alive, from before its first byte; 0 for never. Below the 60 s after which many proxies cut a connection.",
        ),
      heartbeatMs: z
        .int()
        .min(100)
        .max(60_000)
        .default(8_000)
        .describe("How often the holds of calls in flight are extended; well below `billing.holdTtlMs`."),
      ...responseSettings,
      // As @anthropic-ai/sdk 1.14.0 names them (resources/beta/beta.ts; fine-grained-tool-streaming: CHANGELOG.md); advanced-tool-use, effort and
      // web-fetch as @ai-sdk/anthropic does (src/anthropic-prepare-tools.ts, CHANGELOG.md); claude-code is what Claude Code sends, as it does the last
      // two, tests/peers/agents. Read in 2026-11.
      anthropicBetas: z
        .array(z.string().regex(/^[a-z0-9-]{1,100}$/))
        .max(100)
        .default([
          ...["claude-code-20250219", "interleaved-thinking-2025-05-14", "fine-grained-tool-streaming-2025-05-14"],
          ...["prompt-caching-2024-07-31", "extended-cache-ttl-2025-04-11", "token-efficient-tools-2025-02-19"],
          ...["output-128k-2025-02-19", "context-1m-2025-08-07", "context-management-2025-06-27"],
          ...["computer-use-2025-01-24", "computer-use-2025-11-24", "structured-outputs-2025-11-13"],
          ...["effort-2025-11-24", "advanced-tool-use-2025-11-20", "web-fetch-2025-09-10"],
          ...["mid-conversation-tool-changes-2026-07-01", "thinking-token-count-2026-05-13"],
        ])
        .describe(
          "Names of `anthropic-beta` that reach a provider which speaks Anthropic's dialect; others are left out.",
        ),
      ...connectionSettings,
      googleTokenUrl: z
        .url({ protocol: /^https?$/ })
        .default("https://oauth2.googleapis.com/token")
        .describe("Where tokens for service accounts of Google Cloud are lent (`dialect: vertex`)."),
      failOver: z
        .strictObject({
          maxAttempts: z
            .int()
            .min(1)
            .max(10)
            .default(3)
            .describe("Attempts of one call at most, at one provider after the other; 1 never tries a second."),
          budgetRatio: z
            .number()
            .min(0)
            .max(1)
            .default(0.2)
            .describe("Attempts beyond the first that each call of a model with several providers earns its node."),
          budgetReserve: z
            .int()
            .min(0)
            .max(1_000)
            .default(3)
            .describe(
              "Such attempts in hand for times of little traffic; one comes back as soon as it is answered, and those that failed while calls succeed.",
            ),
        })
        .prefault({})
        .describe("What happens when a provider fails before its answer has begun and another offers the same model."),
      ...routingSettings,
      probes: z
        .strictObject({
          everyMs: z
            .int()
            .min(0)
            .max(3_600_000)
            .refine(
              (ms) => ms === 0 || ms >= 1_000,
              inBothLanguages("must be 0 or at least 1000", "必须为 0 或不小于 1000"),
            )
            .default(30_000)
            .describe("How often an account of which calls show nothing is asked for its models; 0 for never."),
        })
        .prefault({})
        .describe(
          "Requests that cost nothing and show whether a provider is there and takes our key; see guides/providers.md.",
        ),
      scoring: z
        .strictObject({
          latency: z.number().min(0).max(1_000).default(40).describe("Time to the first byte."),
          availability: z.number().min(0).max(1_000).default(30).describe("Attempts that were answered."),
          cost: z.number().min(0).max(1_000).default(20).describe("Price of three tokens in and one out."),
          quality: z.number().min(0).max(1_000).default(10).describe("As the route says of its targets."),
        })
        .prefault({})
        .describe("How much each part counts in the score of a route's targets; only their proportions matter."),
      cache: z
        .strictObject({
          chargedShare: z
            .number()
            .min(0)
            .max(1)
            .default(0)
            .describe("Of the tokens of an answer that comes from the cache: what part is charged."),
          maxAnswerBytes: z.int().min(1_024).max(33_554_432).default(1_048_576).describe("The largest that is kept."),
          maxTenantAnswers: z
            .int()
            .min(1)
            .max(1_000_000)
            .default(10_000)
            .describe("Of one tenant at most; beyond it the oldest go."),
          maxTenantBytes: z
            .int()
            .min(1_048_576)
            .max(107_374_182_400)
            .default(268_435_456)
            .describe("The same in bytes."),
        })
        .prefault({})
        .describe("Answers that are given again to whoever of the tenant asks the same; see guides/providers.md."),
      batches: z
        .strictObject({
          providers: z
            .array(z.string().min(1).max(63))
            .max(100)
            .default([])
            .describe(
              "Other providers, by name, that take batches as their dialect has it: of OpenAI, Anthropic or Google.",
            ),
          jobs: z
            .array(z.string().min(1).max(63))
            .max(100)
            .default([])
            .describe(
              "Other providers, by name, whose dialect is OpenAI's and whose batches are jobs as Mistral has them.",
            ),
          pollMs: z
            .int()
            .min(100)
            .max(3_600_000)
            .default(30_000)
            .describe("How often a batch that is under way is asked for by itself."),
          maxFileBytes: z
            .int()
            .min(1_024)
            .max(1_073_741_824)
            .default(209_715_200)
            .describe("The largest file of requests; it waits on the local disk while it is read."),
          maxKeptFileBytes: z
            .int()
            .min(1_024)
            .max(67_108_864)
            .default(33_554_432)
            .describe("The largest file of requests for an account that takes batches without files: it is kept here."),
          maxTenantKeptBytes: z
            .int()
            .min(1_024)
            .max(1_099_511_627_776)
            .default(1_073_741_824)
            .describe("How much one tenant may have kept here of such files."),
          maxLines: z.int().min(1).max(50_000).default(50_000).describe("Requests in one file."),
          maxTenantFiles: z.int().min(1).max(100_000).default(1_000).describe("Files that one tenant may have."),
          maxTenantBatches: z.int().min(1).max(10_000).default(100).describe("Batches of one tenant under way."),
        })
        .prefault({})
        .describe(
          "Many requests at once, answered within a day at the provider's price for that; see guides/batches.md.",
        ),
      mcpAllowedOrigins: z
        .array(z.url({ protocol: /^https?$/ }).max(300))
        .max(100)
        .default([])
        .describe("Origins of web pages that may speak to `/v1/mcp`, besides that of `http.publicUrl`."),
      videos: z
        .strictObject({
          providers: z
            .array(z.string().min(1).max(63))
            .max(100)
            .default([])
            .describe("Other providers, by name, that serve `/videos` as OpenAI does."),
          pollMs: z
            .int()
            .min(100)
            .max(3_600_000)
            .default(10_000)
            .describe("How often a video that is under way is asked for by itself."),
        })
        .prefault({})
        .describe("Videos, made at the price of their seconds; see guides/videos.md."),
      sendTraceparent: z
        .boolean()
        .default(false)
        .describe("Whether providers are told the trace of a call; for those that send spans to the same collector."),
    })
    .prefault({}),
};

export type ResilienceSettings = z.output<typeof aiGatewayConfig.resilience>;
export type GatewaySettings = z.output<typeof aiGatewayConfig.aiGateway>;
export type ProviderConfig = z.output<typeof aiGatewayConfig.providers>[number];
