import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { buckets as bucketNames } from "@lyss/contracts/pricing/price.ts";
import { parseTags, tagsRule } from "@lyss/contracts/usage/tags.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { type Caller, permits } from "@lyss/kit/rpc/call-context.ts";
import { z } from "zod";
import { formatNanos } from "../model.ts";
import type { BillingOps } from "../ops.ts";
import { bucketFields } from "../prices/price-body.ts";
import type { ReportedUse, ReportResult } from "./report-usage.ts";

const { json } = routesFor<BillingOps>();

/** Who reports for other tenants operates the installation. */
const operate = "platform:billing";
const maxUses = 200;
const name = z.string().min(1).max(200);
const fieldNames = Object.values(bucketFields) as [string, ...string[]];
const quantity = z.int().min(0).max(1_000_000_000_000);
const quantities = z
  .partialRecord(z.enum(fieldNames), quantity)
  .refine((counts) => Object.keys(counts).length > 0, inBothLanguages("must name a bucket", "至少须包含一个用量项"))
  .describe("What was used, each thing in one bucket only: cached input is not part of input.");
const tags = z
  .record(z.string(), z.string())
  .default({})
  .transform((record) =>
    Object.entries(record)
      .map(([key, value]) => `${key}=${value}`)
      .join(","),
  )
  .refine(
    (text) => parseTags(text) !== undefined,
    inBothLanguages(`must be ${tagsRule.en_US}`, `必须是${tagsRule.zh_CN}`),
  )
  .transform((text) => parseTags(text) ?? "")
  .describe("By what it is to be told apart, as with the header lyss-tags of a call.");

const use = z.strictObject({
  id: z
    .string()
    .min(1)
    .max(120)
    .describe("Names it within the tenant; a repeat with the same one charges nothing again."),
  ...{ provider: name, model: name, buckets: quantities },
  user_id: z.string().max(200).default(""),
  key_id: z.string().max(200).default(""),
  started_at: z.iso.datetime({ offset: true }).optional().describe("At most 30 days ago. Default: now."),
  service_mode: z.enum(["standard", "batch", "flex", "priority"]).default("standard"),
  latency_ms: z.int().min(0).max(86_400_000).default(0),
  tags,
});
const body = z
  .strictObject({
    tenant_id: z.string().min(1).max(64).optional().describe("Another tenant than your own needs platform:billing."),
    usage: z
      .array(use)
      .min(1)
      .max(maxUses)
      .refine(
        (uses) => new Set(uses.map(({ id }) => id)).size === uses.length,
        inBothLanguages("must name each id once", "每个 id 只能出现一次"),
      ),
  })
  .meta({
    examples: [
      { usage: [{ id: "job-81", provider: "openai", model: "gpt-5-mini", buckets: { input: 1200, output: 310 } }] },
    ],
  });

const result = z.strictObject({
  id: z.string(),
  call_id: z.string().describe("Under which it stands in the usage list, and has its receipt."),
  price_id: z.string(),
  cost_nanos: z.string(),
  cost: z.string().describe("The same in units of the currency."),
  posting_id: z.string().describe("The posting in the journal that moved the money; empty when none did."),
  repeated: z.boolean().describe("True when it was reported before, and is what it came to then."),
});

/** Usage that Lyss did not see itself. */
export const reportRoutes = [
  json({
    method: "POST",
    path: "/api/v1/billing/usage",
    permission: "billing:report",
    operation: "reportUsage",
    summary:
      "Reports usage that Lyss did not see itself: it is charged by the price book, all of it or nothing, each id once.",
    body,
    response: z.strictObject({ object: z.literal("list"), data: z.array(result) }),
    failures: [
      ...[billingFailures.wallet_not_found, billingFailures.price_missing],
      ...[billingFailures.report_unaffordable, billingFailures.report_changed],
    ],
    async handle(ops, request) {
      const tenantId = tenantFor(requireCaller(request), request.body.tenant_id);
      const results = await ops.reportUsage({ tenantId, uses: request.body.usage.map(toUse) });
      return { object: "list" as const, data: results.map(toBody) };
    },
  }),
];

function tenantFor({ tenantId, permissions }: Caller, asked: string | undefined): string {
  if (asked === undefined || asked === tenantId) return tenantId;
  if (permits(permissions, operate)) return asked;
  throw new Failure(kitFailures.permission_denied, { permission: operate });
}

function toUse(asked: z.output<typeof use>): ReportedUse {
  const counts = bucketNames.map((bucket) => [bucket, BigInt(asked.buckets[bucketFields[bucket]] ?? 0)] as const);
  const { input = 0n, cacheRead = 0n, output = 0n, ...others } = Object.fromEntries(counts.filter(([, n]) => n > 0n));
  return {
    ...{ reportId: asked.id, provider: asked.provider, model: asked.model, userId: asked.user_id, keyId: asked.key_id },
    ...{ inputTokens: input, cachedInputTokens: cacheRead, outputTokens: output },
    ...(Object.keys(others).length > 0 && { otherBuckets: others }),
    startedAtMs: asked.started_at === undefined ? undefined : Date.parse(asked.started_at),
    serviceMode: asked.service_mode === "standard" ? undefined : asked.service_mode,
    latencyMs: BigInt(asked.latency_ms),
    tags: asked.tags,
  };
}

function toBody(report: ReportResult): z.input<typeof result> {
  return {
    ...{ id: report.reportId, call_id: report.callId, price_id: report.priceId },
    ...{ cost_nanos: report.costNanos.toString(), cost: formatNanos(report.costNanos) },
    ...{ posting_id: report.postingId, repeated: report.isRepeat },
  };
}
