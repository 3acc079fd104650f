import { timestampDate } from "@bufbuild/protobuf/wkt";
import { CallOutcome, type UsageRecord } from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { costOf } from "@lyss/contracts/pricing/price.ts";
import { toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { fromServiceModeMessage, fromUsageMessage } from "@lyss/contracts/pricing/wire.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Target } from "../model.ts";
import type { RoutedRoute } from "./order-targets.ts";
import { isWithin } from "./request-shape.ts";
import type { RouteSpec, RouteTarget, When } from "./route.ts";
import { checkMeanings, checkTargets } from "./route-ops.ts";

type DryRunDeps = Pick<AiGatewayDeps, "billing" | "catalog" | "order" | "funding" | "clock">;

/** What recorded calls would have become of, at one target of a route. */
export interface TargetShare {
  readonly provider: string;
  readonly model: string;
  readonly calls: number;
  readonly costNanos: bigint;
}

export interface DryRun {
  /** Recorded calls that were looked at. */
  readonly calls: number;
  /**
   * Those whose target depends on what they said, which is not recorded; those for which the route has no target; and those whose target has
   * no price. They count in no sum.
   */
  readonly undecided: number;
  readonly unserved: number;
  readonly unpriced: number;
  /** What the rest did cost, and what they would have. */
  readonly recordedNanos: bigint;
  readonly costNanos: bigint;
  readonly shares: readonly TargetShare[];
}

const pageSize = 200;
/** Pages that are looked through for calls of the route's models. */
const maxPages = 50;

/**
 * Where the last `calls` completed calls of the models that a route names, or of its own name, would go first if it stood, and what
 * they would cost there with the tokens that they took. Latency, availability and prices are those of now; nothing is sent or
 * changed, and what vectors for `when.meaning` would cost is in no sum. At most the tenant's last 10,000 calls are looked through.
 * Throws `route_target_unknown`, `route_not_nestable`, `route_embedding_missing` and `embedding_model_unknown`.
 */
export async function dryRunRoute(
  deps: DryRunDeps,
  { tenantId, calls, ...route }: RouteSpec & { readonly tenantId: string; readonly calls: number },
): Promise<DryRun> {
  checkTargets(deps.catalog, tenantId, route);
  checkMeanings(deps.catalog, tenantId, route);
  const { tree, targets } = deps.catalog.resolve(tenantId, route);
  await deps.order.learnPrices(tenantId, targets);
  const asksForMore = hasRule(tree, ({ when }) => when !== undefined && !asksForLength(when));
  const records = await listRecords(deps, tenantId, route, calls);
  const shares = new Map<Target, { calls: number; costNanos: bigint }>();
  for (const { target } of targets) shares.set(target, { calls: 0, costNanos: 0n });
  const run = { calls: records.length, undecided: 0, unserved: 0, unpriced: 0, recordedNanos: 0n, costNanos: 0n };
  for (const record of records) {
    const { userId, keyId, tags } = record;
    const firstIf = (guess: boolean) =>
      deps.order.orderTargets(tree, {
        ...{ tenantId, userId, keyId, tags, isLike: likenessOf(record, guess) },
        similarityTo: () => (guess ? 1 : undefined),
      })[0];
    const first = firstIf(true);
    if (asksForMore && firstIf(false) !== first) {
      run.undecided++;
      continue;
    }
    const share = first && shares.get(first);
    const costNanos = first && (await costAt(deps, tenantId, first, record));
    if (!share) run.unserved++;
    else if (costNanos === undefined) run.unpriced++;
    else {
      share.calls++;
      share.costNanos += costNanos;
      run.costNanos += costNanos;
      run.recordedNanos += record.costNanos;
    }
  }
  const named = [...shares].map(([{ provider, model }, share]) => ({
    ...{ provider: provider.name, model: model.name, ...share },
  }));
  return { ...run, shares: named };
}

/** The last of them that were answered to the end, newest first. */
async function listRecords(
  { billing }: DryRunDeps,
  tenantId: string,
  { name, targets }: RouteSpec,
  most: number,
): Promise<readonly UsageRecord[]> {
  const models = new Set([name, ...targets.map(({ model, route: nested }) => model ?? nested)]);
  const found: UsageRecord[] = [];
  let cursor = "";
  for (let page = 0; page < maxPages && found.length < most; page++) {
    const { records, nextCursor } = await billing.listUsage({ tenantId, limit: pageSize, cursor });
    found.push(...records.filter((it) => it.outcome === CallOutcome.COMPLETED && models.has(it.model)));
    if (nextCursor === "") break;
    cursor = nextCursor;
  }
  return found.slice(0, most);
}

/** By its tokens of input, where nothing else is asked; else as it is guessed. */
function likenessOf({ tokens }: UsageRecord, guess: boolean): (when: When) => boolean {
  const { inputTokens = 0n, cachedInputTokens = 0n } = tokens ?? {};
  return (when) => (asksForLength(when) ? isWithin(Number(inputTokens + cachedInputTokens), when.tokens) : guess);
}

const asksForLength = (when: When) => Object.entries(when).every(([name, it]) => name === "tokens" || it === undefined);

function hasRule({ targets }: RoutedRoute, isOne: (rule: RouteTarget) => boolean): boolean {
  return targets.some((node) => isOne(node.rule) || ("nested" in node && hasRule(node.nested, isOne)));
}

/** By the price of now, in its bands of the time of the call; undefined without one. */
async function costAt(
  { funding, clock }: DryRunDeps,
  tenantId: string,
  { provider, model }: Target,
  { tokens, createdAt, serviceMode }: UsageRecord,
): Promise<bigint | undefined> {
  const price = await funding.priceOf({ tenantId, provider: provider.name, model: model.name }, clock.nowMs());
  if (!price || !tokens || !createdAt) return undefined;
  const when = { startedAtMs: timestampDate(createdAt).getTime(), mode: fromServiceModeMessage(serviceMode) };
  return costOf(price.terms, toQuantities(fromUsageMessage(tokens)), when).costNanos;
}
