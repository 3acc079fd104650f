import { secretSchema } from "@lyss/kit/config/secret.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import type { TokenBucketLimit } from "@lyss/kit/resilience/limiter.ts";
import { checkRate } from "@lyss/kit/resilience/limiter-bounds.ts";
import { z } from "zod";

const limit = z.int().min(1).max(1_000_000_000).describe("Requests in each window, on average.");
const windowMs = z.int().min(1).max(2_678_400_000).default(60_000).describe("The window.");
const burst = z.int().min(1).max(1_000_000_000).optional().describe("Requests at once; `limit` unless given.");

function isWithinBounds(rate: { limit: number; windowMs: number; burst?: number | undefined }): boolean {
  try {
    checkRate(toTokenBucket(rate));
    return true;
  } catch {
    return false;
  }
}

const tooMuch = inBothLanguages(
  "limit and burst times windowMs must not exceed 2^52; use a shorter window",
  "limit 与 burst 乘以 windowMs 不得超过 2^52，请缩短窗口",
);
const rate = z.strictObject({ limit, windowMs, burst }).refine(isWithinBounds, tooMuch);

/** Sections of the one public listener: where it is, and how much of what is asked there is served. */
export const apiGatewayConfig = {
  rateLimits: z
    .strictObject({
      perKey: rate.optional().describe("For each API key."),
      perUser: rate.optional().describe("For each person, over all keys and sessions."),
      perTenant: rate.optional().describe("For each tenant."),
      perAddress: z
        .strictObject({ limit: limit.default(6_000), windowMs, burst })
        .refine(isWithinBounds, tooMuch)
        .prefault({})
        .describe("For each network address, over requests without a good credential; of IPv6 for each /64."),
      processes: z
        .int()
        .min(1)
        .max(10_000)
        .default(1)
        .describe(
          "Nodes that share the limits in Redis: each keeps to its share while Redis is away, and of a key's requests at once always. Gateway processes on one port are one node.",
        ),
    })
    .prefault({})
    .meta({ live: true }),
  redis: z
    .strictObject({
      url: secretSchema
        .optional()
        .describe("redis://user:password@host:6379, or rediss://: where processes count rate limits together."),
    })
    .prefault({}),
  loadShedding: z
    .strictObject({
      maxInFlight: z
        .int()
        .min(10)
        .max(1_000_000)
        .default(10_000)
        .describe("Requests under way at a time; what is less urgent is turned away first.")
        .meta({ live: true }),
      loopDelayHighMs: z
        .int()
        .min(10)
        .max(60_000)
        .default(2_000)
        .describe("Event loop standing still for this long: only interactive requests are let in."),
      loopDelaySevereMs: z
        .int()
        .min(10)
        .max(60_000)
        .default(10_000)
        .describe("The same for this long: none are, except those of operators."),
    })
    .prefault({}),
  http: z
    .strictObject({
      host: z
        .string()
        .min(1)
        .max(255)
        .default("127.0.0.1")
        .describe("Address to listen on; 0.0.0.0 for every interface."),
      port: z.int().min(0).max(65_535).default(8_080).describe("Port to listen on; 0 lets the system choose."),
      publicUrl: z
        .url()
        .max(500)
        .refine(
          (url) => /^https?:\/\/[^/?#]+$/.test(url),
          inBothLanguages(
            "must be scheme, host and port alone, such as https://lyss.example.com",
            "只能包含协议、主机和端口，例如 https://lyss.example.com",
          ),
        )
        .optional()
        .describe(
          "Where people, identity providers and programs reach this installation: for links in mails, sign-on, the OpenID issuer and passkeys. Where it listens, unless given.",
        ),
      docBaseUrl: z
        .url()
        .max(500)
        .default("https://github.com/lyss-ai/lyss/blob/main/docs/errors.md#")
        .describe("Where errors are explained: `doc_url` of an error is this and its code, such as `billing-001`."),
      lane: z
        .boolean()
        .default(true)
        .describe("Whether model calls of the usual shape take the short way; false serves all as any other request."),
      console: z
        .boolean()
        .default(true)
        .describe("Whether the web console is served, and built at the first start where it is missing."),
      exposeMetrics: z
        .boolean()
        .default(true)
        .describe("Whether `/metrics` is answered on this listener, to whoever asks; false answers 404."),
    })
    .prefault({}),
};

export type RateLimitSettings = z.output<typeof apiGatewayConfig.rateLimits>;

/** A configured rate as a limiter takes it. */
export function toTokenBucket(configured: {
  readonly limit: number;
  readonly windowMs: number;
  readonly burst?: number | undefined;
}): TokenBucketLimit {
  const { limit, windowMs, burst } = configured;
  return { kind: "token_bucket", limit, windowMs, ...(burst !== undefined && { burst }) };
}
