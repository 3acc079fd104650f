import { secretSchema } from "@lyss/kit/config/secret.ts";
import { checkTarget, targetText } from "@lyss/kit/discovery/target.ts";
import { degradationLevels } from "@lyss/kit/resilience/degradation-level.ts";
import type { aiGatewayConfig } from "@lyss/services/ai-gateway/config.ts";
import type { apiGatewayConfig } from "@lyss/services/api-gateway/config.ts";
import type { authConfig } from "@lyss/services/auth/config.ts";
import { z } from "zod";
import { eventsConfig } from "./events-config.ts";
import { services } from "./services.ts";

const serviceNames = services.map((service) => service.name);

const peerTarget = z
  .union([z.string().max(8_192), z.array(z.string().max(1_024)).max(256)])
  .transform(targetText)
  .superRefine((text, context) => {
    try {
      checkTarget(text);
    } catch (err) {
      context.addIssue({ code: "custom", message: err instanceof Error ? err.message : String(err) });
    }
  });

const otlpUrl = z
  .url({ protocol: /^https?$/ })
  .max(500)
  .optional();

/** What the process itself is told, beside the sections of its services. */
export const platformConfig = {
  dataDir: z
    .string()
    .min(1)
    .max(4_096)
    .default(".lyss")
    .describe("Where the embedded database, the root key and first-run.json live."),
  rootKey: secretSchema
    .optional()
    .describe(
      "32 bytes in base64 from which every other key is derived; made and kept in the data directory unless given.",
    ),
  run: z
    .array(z.enum(serviceNames as [string, ...string[]]))
    .max(64)
    .default(serviceNames)
    .describe("Services that this process hosts."),
  peers: z
    .partialRecord(z.enum(serviceNames as [string, ...string[]]), peerTarget)
    .default({})
    .transform((peers): Readonly<Record<string, string>> => ({ ...peers }) as Record<string, string>)
    .describe(
      "Where services are that this process needs and does not host: http://host:port of their peer listeners, with commas between them, or dns://, consul:// or k8s:// and a name (docs/kit/discovery.md).",
    ),
  gateways: z
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe(
      "Processes that take calls, behind one port. With more than one, all other services run in the process that starts them.",
    ),
  database: z
    .strictObject({
      url: secretSchema
        .optional()
        .describe(
          "PostgreSQL to use instead of the embedded one. Its role must be allowed to create roles and schemas.",
        ),
      maxConnections: z.int().min(5).max(1_000).default(60).describe("Connections of this process, over all services."),
    })
    .prefault({}),
  events: eventsConfig,
  rpc: z
    .strictObject({
      host: z.string().min(1).max(255).default("127.0.0.1").describe("Address on which peers reach this process."),
      port: z
        .int()
        .min(0)
        .max(65_535)
        .optional()
        .describe("Port for peers; a process that hosts everything opens none unless it is given."),
      reflection: z
        .boolean()
        .default(true)
        .describe("Whether whoever holds a token for the peers' port may ask what is served there (grpc.reflection)."),
      bootTimeoutMs: z
        .int()
        .min(0)
        .max(600_000)
        .default(30_000)
        .describe("How long to wait at the start for the peers that are needed."),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(["trace", "debug", "info", "warn", "error", "silent"])
        .default("info")
        .describe("What is less grave than this is not logged."),
      format: z
        .enum(["auto", "json", "text"])
        .default("auto")
        .describe("`auto` is text on a terminal and JSON elsewhere."),
    })
    .prefault({}),
  tracing: z
    .strictObject({
      otlpUrl: otlpUrl.describe(
        "Where traces are sent by OTLP over HTTP: http://host:4318/v1/traces; nothing is recorded without it.",
      ),
      sampleRatio: z.number().min(0).max(1).default(0.01).describe("Share of traces that are kept whatever they hold."),
      slowMs: z
        .int()
        .min(1)
        .max(3_600_000)
        .default(5_000)
        .describe(
          "A trace that takes longer here is kept, unless it is a stream; so is each in which something failed.",
        ),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      otlpUrl: otlpUrl.describe(
        "Where metrics are sent by OTLP over HTTP: http://host:4318/v1/metrics; without it they are only at /metrics.",
      ),
      otlpEveryMs: z.int().min(1_000).max(3_600_000).default(60_000).describe("How often they are sent."),
    })
    .prefault({}),
  degradation: z
    .strictObject({
      level: z
        .enum(["auto", ...degradationLevels])
        .default("auto")
        .describe("How much this process offers; `auto` is what errors, latency and breakers call for."),
    })
    .prefault({})
    .meta({ live: true }),
  stop: z
    .strictObject({
      drainTimeoutMs: z
        .int()
        .min(0)
        .max(3_600_000)
        .default(30_000)
        .describe("How long calls under way may take to end after a stop was asked for."),
    })
    .prefault({}),
};

/** All sections: the process's own and those of every service. */
export const configSections = Object.assign({}, ...services.map((service) => service.config), platformConfig);

type Sections = typeof platformConfig & typeof apiGatewayConfig & typeof aiGatewayConfig & typeof authConfig;

/** The resolved configuration, as far as the process itself looks at it. */
export type PlatformConfig = { readonly [Section in keyof Sections]: z.output<Sections[Section]> };

/** Variables of the command line's own, which are not configuration. */
export const reservedVariables = ["LYSS_CONFIG", "LYSS_API_KEY", "LYSS_URL"];
