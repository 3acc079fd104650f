import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import { routesFor } from "@lyss/kit/http/route.ts";
import { z } from "zod";
import type { MirrorReport } from "./mirroring/compare-mirror.ts";
import { type ComparedSide, mirrorSchema } from "./mirroring/mirror.ts";
import type { AiGatewayOps } from "./ops.ts";

const { json } = routesFor<AiGatewayOps>();

const side = z.strictObject({
  provider: z.string(),
  model: z.string(),
  completed: z.int().describe("Calls whose answer came whole."),
  success_rate: z.number().min(0).max(1),
  p50_ms: z.number().nullable().describe("From the request to the end of the answer, of those that came whole."),
  p95_ms: z.number().nullable(),
  input_tokens: z.int(),
  output_tokens: z.int(),
  cost_nanos: z.string().describe("Nano-units of the currency."),
  unpriced_calls: z.int().describe("Of these the cost is in their receipts alone."),
});

const mirrorBody = z.strictObject({
  object: z.literal("route_mirror"),
  name: z.string(),
  mirror: mirrorSchema.nullable().describe("As the route has it now."),
  since: z.iso.datetime(),
  comparisons: z.array(
    z.strictObject({
      calls: z.int().describe("That both were sent."),
      first: side.describe("Who served the caller."),
      mirror: side,
    }),
  ),
});

/** Two models that are asked the same. */
export const mirrorRoutes = [
  json({
    method: "GET",
    path: "/api/v1/ai/mirrors/{name}",
    takesSlashes: true,
    // It looks at everybody's calls.
    permission: "billing:audit",
    operation: "compareMirror",
    summary: "How a route's calls and their mirrors ended: success, latency, tokens and cost of either side.",
    params: z.strictObject({
      name: z.string().min(1).max(200).describe("Of the route. Slashes and colons stand as they are."),
    }),
    query: z.strictObject({
      hours: z.coerce.number().int().min(1).max(720).default(24).describe("How far back to look."),
    }),
    response: mirrorBody,
    failures: [aiGatewayFailures.route_not_found],
    async handle(ops, request) {
      const { tenantId } = requireCaller(request);
      const { name } = request.params;
      return toBody(name, await ops.compareMirror({ tenantId, name, hours: request.query.hours }));
    },
  }),
];

function toBody(name: string, { mirror, since, comparisons }: MirrorReport): z.input<typeof mirrorBody> {
  return {
    ...{ object: "route_mirror", name, mirror, since: since.toISOString() },
    comparisons: comparisons.map((it) => ({
      calls: it.calls,
      first: toSide({ provider: it.provider, model: it.model }, it.calls, it.first),
      mirror: toSide({ provider: it.mirrorProvider, model: it.mirrorModel }, it.calls, it.mirror),
    })),
  };
}

function toSide(named: { readonly provider: string; readonly model: string }, calls: number, it: ComparedSide) {
  return {
    ...{ ...named, completed: it.completed, success_rate: calls === 0 ? 0 : it.completed / calls },
    ...{ p50_ms: it.p50Ms, p95_ms: it.p95Ms, input_tokens: it.inputTokens, output_tokens: it.outputTokens },
    ...{ cost_nanos: it.costNanos.toString(), unpriced_calls: it.unpriced },
  };
}
