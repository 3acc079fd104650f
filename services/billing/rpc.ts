import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  BillingService,
  TopUpSource,
  UsageGroup as UsageGroupMessage,
  UsageInterval,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { serviceModeMessages, toUsageMessage } from "@lyss/contracts/pricing/wire.ts";
import { callErrorMessages } from "@lyss/contracts/usage/call-errors.ts";
import { inBothLanguages } from "@lyss/kit/errors/check-input.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { type CheckedRpc, createRpc, type MethodInputs } from "@lyss/kit/rpc/checked-rpc.ts";
import { idInput, optionalIdInput, pageInputs, timestampInput } from "@lyss/kit/rpc/field-inputs.ts";
import { z } from "zod";
import { budgetInputs, createBudgetRpc } from "./budgets/rpc.ts";
import { areUsualFacts, factInput, fromOutcome, maxFacts, toFact } from "./fact-input.ts";
import { createIntegrityRpc, integrityInputs } from "./integrity/integrity-rpc.ts";
import type { LeaseAnswer } from "./lease.ts";
import type { UsageGroup, UsageRow, UsageUnit } from "./model.ts";
import { availableNanos, type Wallet, type Want } from "./model.ts";
import type { BillingOps } from "./ops.ts";
import { createPricesRpc, priceInputs } from "./prices/rpc.ts";
import { maxInt64, otherUsageInput, serviceModeInput, usageInput } from "./prices/rpc-inputs.ts";
import { createReconciliationRpc, reconciliationInputs } from "./reconciliation/reconciliation-rpc.ts";
import type { FollowedRow } from "./usage/follow-usage.ts";
import { toReceiptMessage } from "./usage/receipt-message.ts";
import { outcomeMessages } from "./usage/usage-log.ts";

const outcomes = outcomeMessages;
const groups: Readonly<Record<UsageGroupMessage, UsageGroup | undefined>> = {
  [UsageGroupMessage.UNSPECIFIED]: undefined,
  [UsageGroupMessage.KEY]: "key",
  [UsageGroupMessage.USER]: "user",
  [UsageGroupMessage.MODEL]: "model",
  [UsageGroupMessage.PROVIDER]: "provider",
};
const units: Readonly<Record<UsageInterval, UsageUnit>> = {
  [UsageInterval.UNSPECIFIED]: "hour",
  [UsageInterval.MINUTE]: "minute",
  [UsageInterval.HOUR]: "hour",
  [UsageInterval.DAY]: "day",
  [UsageInterval.MONTH]: "month",
};

/** Work whose money is set aside at its start takes days at most. */
const maxLifetimeMs = 30n * 86_400_000n;
const amount = z.bigint().min(0n).max(maxInt64);
const text = z.string().max(200);
const requiredText = text.min(1);
const lease = { leaseId: requiredText, nodeId: requiredText, tenantId: requiredText, changeNumber: z.int().min(1) };
const inputs = {
  createWallet: { tenantId: idInput },
  topUpWallet: {
    ...{ tenantId: requiredText, amountNanos: z.bigint(), reference: requiredText, source: z.enum(TopUpSource) },
  },
  getBalance: { tenantId: idInput },
  listUsage: { tenantId: idInput, keyId: optionalIdInput, model: text, ...pageInputs },
  followUsage: { tenantId: optionalIdInput, limit: z.int().min(1).max(1_000), after: z.string().max(300) },
  getReceipt: { tenantId: idInput, callId: requiredText, userId: optionalIdInput, keyId: optionalIdInput },
  listUsageSummary: {
    ...{ tenantId: idInput, from: timestampInput, to: timestampInput, cursor: z.string().max(8_192) },
    ...{ groupBy: z.enum(UsageGroupMessage), interval: z.enum(UsageInterval) },
    groups: z
      .array(z.enum(UsageGroupMessage))
      .max(4)
      .refine(hasNoRepeat, inBothLanguages("must name each once", "每项只能出现一次")),
    limit: z
      .int()
      .min(0)
      .max(1_000)
      .transform((limit) => limit || 1_000),
  },
  sumUsage: {},
  rebuildUsageSummary: {},
  ...priceInputs,
  reserveCall: {
    ...{ callId: requiredText, requestId: text, tenantId: requiredText, keyId: text, userId: text },
    ...{ provider: text, model: text, choices: z.int().min(1).max(1_000) },
    ...{ inputTokens: amount, maxOutputTokens: amount, minOutputTokens: amount, serviceMode: serviceModeInput },
    fixed: otherUsageInput,
    priceName: text,
  },
  raiseHold: {
    ...{ callId: requiredText, tenantId: requiredText, choices: z.int().min(1).max(1_000) },
    ...{ inputTokens: amount, maxOutputTokens: amount, minOutputTokens: amount, serviceMode: serviceModeInput },
  },
  settleCall: {
    ...{ callId: requiredText, tenantId: requiredText, outcome: z.int(), isEstimated: z.boolean(), latencyMs: amount },
    ...{ tokens: usageInput, serviceMode: serviceModeInput },
  },
  extendHolds: { callIds: z.array(requiredText).max(10_000) },
  grantLease: {
    ...{ ...lease, userId: optionalIdInput, keyId: optionalIdInput, wantNanos: amount, leastNanos: amount },
    ...{ wantTokens: amount, leastTokens: amount, wantCalls: amount, leastCalls: amount, isWhole: z.boolean() },
    lifetimeMs: z.bigint().min(0n).max(maxLifetimeMs),
  },
  returnLease: { ...lease, amountNanos: amount, amountTokens: amount, amountCalls: amount },
  extendLeases: { nodeId: requiredText, leaseIds: z.array(requiredText).max(10_000) },
  closeLeases: { nodeId: requiredText, leaseIds: z.array(requiredText).max(10_000) },
  postFacts: { nodeId: requiredText, facts: z.array(factInput).max(maxFacts) },
  ...integrityInputs,
  ...reconciliationInputs,
  ...budgetInputs,
} satisfies MethodInputs<typeof BillingService>;

/** BillingService on billing's operations. */
export function createBillingRpc(ops: BillingOps): CheckedRpc<typeof BillingService> {
  return createRpc(
    BillingService,
    inputs,
    {
      ...createIntegrityRpc(ops),
      ...createReconciliationRpc(ops),
      createWallet: async ({ tenantId }) => ({ balance: toBalance(await ops.createWallet({ tenantId })) }),
      async topUpWallet({ tenantId, amountNanos, reference, source }) {
        const funding = source === TopUpSource.GRANT ? "grant" : "manual";
        const { wallet, isNew } = await ops.topUpWallet({ tenantId, amountNanos, reference, source: funding });
        return { balance: toBalance(wallet), isNew };
      },
      getBalance: async ({ tenantId }) => ({ balance: toBalance(await ops.getBalance({ tenantId })) }),
      async listUsage(request) {
        const { tenantId, keyId, model } = request;
        const filter = { tenantId, keyId: keyId || undefined, model: model || undefined };
        const { rows, nextCursor } = await ops.listUsage({ ...filter, ...fromPageRequest(request) });
        return { records: rows.map(toUsageRecord), nextCursor: nextCursor ?? "" };
      },
      async followUsage({ tenantId, limit, after }) {
        const { rows, next, isEnd } = await ops.followUsage({ tenantId: tenantId || undefined, limit, after });
        return { records: rows.map(toFollowed), next, isEnd };
      },
      async getReceipt({ tenantId, callId, userId, keyId }) {
        const scope = { tenantId, userId: userId || undefined, keyId: keyId || undefined };
        return toReceiptMessage(await ops.getReceipt({ ...scope, callId }));
      },
      async listUsageSummary(request) {
        const { rows, nextCursor } = await ops.listUsageSummary({
          ...{ tenantId: request.tenantId, cursor: request.cursor, unit: units[request.interval] },
          groupBy: (request.groups.length > 0 ? request.groups : [request.groupBy]).flatMap(
            (name) => groups[name] ?? [],
          ),
          fromMs: request.from?.getTime(),
          toMs: request.to?.getTime(),
          limit: request.limit,
        });
        const sums = rows.map(({ start, groups, calls, costNanos, ...row }) => {
          const { inputTokens, cachedInputTokens, outputTokens } = row;
          const tokens = { inputTokens, cachedInputTokens, outputTokens };
          return {
            start: timestampFromDate(start),
            group: groups[0] ?? "",
            groups: [...groups],
            calls,
            tokens,
            costNanos,
          };
        });
        return { sums, nextCursor: nextCursor ?? "" };
      },
      sumUsage: () => ops.sumUsage(),
      async rebuildUsageSummary(_request, { signal }) {
        return { events: BigInt((await ops.rebuildUsageSummary(signal)).events) };
      },
      ...createPricesRpc(ops),
      async reserveCall(request) {
        requireRange(request);
        const hold = await ops.reserveCall({ ...request, choices: BigInt(request.choices) });
        return { amountNanos: hold.amountNanos, outputTokens: hold.outputTokens, priceId: hold.priceId };
      },
      async raiseHold(request) {
        requireRange(request);
        const { amountNanos, outputTokens } = await ops.raiseHold({ ...request, choices: BigInt(request.choices) });
        return { amountNanos, outputTokens };
      },
      async settleCall({ callId, tenantId, outcome, tokens, isEstimated, latencyMs, serviceMode }) {
        const { costNanos, uncollectedNanos } = await ops.settleCall({
          ...{ callId, tenantId, ...tokens, isEstimated, latencyMs, serviceMode },
          outcome: fromOutcome(outcome),
        });
        return { costNanos, uncollectedNanos };
      },
      extendHolds: async ({ callIds }) => ({ extended: await ops.extendHolds({ callIds }) }),
      async grantLease(change) {
        const want = { money: change.wantNanos, tokens: change.wantTokens, calls: change.wantCalls };
        const least = { money: change.leastNanos, tokens: change.leastTokens, calls: change.leastCalls };
        const answer = await ops.changeLease({ kind: "grant", ...change, want, least });
        return toGrant(answer, Number(change.lifetimeMs) || ops.leaseTtlMs);
      },
      async returnLease(change) {
        const amounts = { money: change.amountNanos, tokens: change.amountTokens, calls: change.amountCalls };
        await ops.changeLease({ kind: "return", ...change, amounts });
        return {};
      },
      async extendLeases(request) {
        return { openLeaseIds: await ops.extendLeases(request), ttlMs: BigInt(ops.leaseTtlMs) };
      },
      closeLeases: async (request) => ({ freedNanos: await ops.closeLeases(request) }),
      postFacts: ({ facts }) => ops.postFacts({ facts: facts.map(toFact) }),
      ...createBudgetRpc(ops),
    },
    { postFacts: areUsualFacts },
  );
}

function hasNoRepeat(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length;
}

function toBalance(wallet: Wallet) {
  const { walletId, currency, heldNanos } = wallet;
  return { walletId, currency, availableNanos: availableNanos(wallet), heldNanos };
}

function toUsageRecord(row: UsageRow) {
  const { callId, requestId, keyId, model, provider, costNanos, isEstimated, latencyMs, priceId, tags = "" } = row;
  const { userId } = row;
  return {
    ...{ callId, requestId, keyId, model, provider, costNanos, isEstimated, latencyMs, priceId, tags, userId },
    createdAt: timestampFromDate(row.createdAt),
    outcome: outcomes[row.outcome],
    tokens: toUsageMessage(row),
    serviceMode: serviceModeMessages[row.serviceMode ?? "standard"],
    isStreamed: row.isStreamed,
    firstTokenMs: row.firstTokenMs === undefined ? undefined : BigInt(row.firstTokenMs),
    ...(row.error && { error: callErrorMessages[row.error] }),
  };
}

function toFollowed({ row, place }: FollowedRow) {
  const { tenantId, attempt, uncollectedNanos, startedAtMs } = row;
  const startedAt = timestampFromDate(new Date(Number(startedAtMs)));
  return { record: toUsageRecord(row), tenantId, attempt, startedAt, uncollectedNanos, place };
}

function requireRange({ maxOutputTokens, minOutputTokens }: Pick<Want, "maxOutputTokens" | "minOutputTokens">): void {
  if (maxOutputTokens >= minOutputTokens) return;
  throw invalid("maxOutputTokens", "must not be less than the least", "不得小于下限");
}

function invalid(field: string, reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field, reason, reason_zh_CN });
}

function toGrant({ amounts, budgets, nowMs }: LeaseAnswer, leaseTtlMs: number) {
  const units = new Set(budgets.map(({ unit }) => unit));
  const ends = budgets.flatMap(({ window }) => window.endsAt?.getTime() ?? []);
  return {
    ...{ grantedNanos: amounts.money, ttlMs: BigInt(leaseTtlMs), budgetIds: budgets.map(({ budgetId }) => budgetId) },
    ...(units.has("tokens") && { grantedTokens: amounts.tokens }),
    ...(units.has("calls") && { grantedCalls: amounts.calls }),
    ...(ends.length > 0 && { endsInMs: BigInt(Math.max(0, Math.min(...ends) - nowMs)) }),
  };
}
