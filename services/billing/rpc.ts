import { create } from "@bufbuild/protobuf";
import { timestampFromDate, timestampMs } from "@bufbuild/protobuf/wkt";
import type { ServiceImpl } from "@connectrpc/connect";
import {
  type BillingService,
  type CallOutcome,
  type Price as PriceMessage,
  PriceSchema,
  TopUpSource,
  UsageGroup as UsageGroupMessage,
  UsageInterval,
} from "@lyss/contracts/gen/lyss/billing/v1/billing_pb.js";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import { parseInput } from "@lyss/kit/errors/parse-input.ts";
import { fromPageRequest } from "@lyss/kit/http/page.ts";
import { z } from "zod";
import type { UsageGroup, UsageRow } from "./model.ts";
import { availableNanos, noTokens, type Outcome, type Price, type Rates, type Wallet } from "./model.ts";
import type { BillingOps } from "./ops.ts";
import { outcomeMessages } from "./usage-log.ts";

const outcomes = outcomeMessages;
const groups: Readonly<Record<UsageGroupMessage, UsageGroup | undefined>> = {
  [UsageGroupMessage.UNSPECIFIED]: undefined,
  [UsageGroupMessage.KEY]: "key",
  [UsageGroupMessage.USER]: "user",
  [UsageGroupMessage.MODEL]: "model",
  [UsageGroupMessage.PROVIDER]: "provider",
};

const sumLimit = z.object({ limit: z.int().min(1).max(1_000).default(1_000) });
const noRates: Rates = { inputNanosPerMillion: 0n, cachedInputNanosPerMillion: 0n, outputNanosPerMillion: 0n };

/** BillingService on billing's operations. */
export function createBillingRpc(ops: BillingOps): ServiceImpl<typeof BillingService> {
  return {
    createWallet: async ({ tenantId }) => ({ balance: toBalance(await ops.createWallet({ tenantId })) }),
    async topUpWallet({ tenantId, amountNanos, reference, source }) {
      requireText({ tenantId, reference });
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
    async listUsageSummary(request) {
      const { rows, nextCursor } = await ops.listUsageSummary({
        ...{ tenantId: request.tenantId, cursor: request.cursor, groupBy: groups[request.groupBy] },
        interval: request.interval === UsageInterval.DAY ? "day" : "hour",
        fromMs: request.from && timestampMs(request.from),
        toMs: request.to && timestampMs(request.to),
        limit: parseInput(sumLimit, { limit: request.limit || undefined }).limit,
      });
      const sums = rows.map(({ start, group, calls, costNanos, ...row }) => {
        const { inputTokens, cachedInputTokens, outputTokens } = row;
        const tokens = { inputTokens, cachedInputTokens, outputTokens };
        return { start: timestampFromDate(start), group, calls, tokens, costNanos };
      });
      return { sums, nextCursor: nextCursor ?? "" };
    },
    async rebuildUsageSummary(_request, { signal }) {
      return { events: BigInt((await ops.rebuildUsageSummary(signal)).events) };
    },
    async putPrices({ tenantId, prices }) {
      if (prices.length > 1_000) throw invalid("prices", "at most 1,000 at once", "每次最多 1,000 个");
      const inputs = prices.map(({ provider, model, rates }) => ({ ...noRates, ...rates, provider, model }));
      return { prices: (await ops.putPrices({ tenantId, prices: inputs })).map(toPrice) };
    },
    listPrices: async ({ tenantId, provider }) => ({
      prices: (await ops.listPrices({ tenantId, provider: provider || undefined })).map(toPrice),
    }),
    async reserveCall(request) {
      const { callId, tenantId, inputTokens, maxOutputTokens, minOutputTokens } = request;
      requireText({ callId, tenantId });
      if (inputTokens < 0n || minOutputTokens < 0n || maxOutputTokens < minOutputTokens || request.choices < 1) {
        const reason = "bounds must not be negative, and the least not above the most";
        throw invalid("max_output_tokens", reason, "上下限不得为负数，且下限不得大于上限");
      }
      const hold = await ops.reserveCall({ ...request, choices: BigInt(request.choices) });
      return { amountNanos: hold.amountNanos, outputTokens: hold.outputTokens, priceId: hold.priceId };
    },
    async settleCall({ callId, tenantId, outcome, tokens, isEstimated, latencyMs }) {
      const used = tokens ?? noTokens;
      const { inputTokens, cachedInputTokens, outputTokens } = used;
      if (inputTokens < 0n || cachedInputTokens < 0n || outputTokens < 0n)
        throw invalid("tokens", "must not be negative", "不得为负数");
      const { costNanos, uncollectedNanos } = await ops.settleCall({
        ...{ callId, tenantId, inputTokens, cachedInputTokens, outputTokens, isEstimated, latencyMs },
        outcome: fromOutcome(outcome),
      });
      return { costNanos, uncollectedNanos };
    },
    async extendHolds({ callIds }) {
      if (callIds.length > 10_000) throw invalid("call_ids", "at most 10,000 at once", "每次最多 10,000 个");
      return { extended: await ops.extendHolds({ callIds }) };
    },
  };
}

function toBalance(wallet: Wallet) {
  const { walletId, currency, heldNanos } = wallet;
  return { walletId, currency, availableNanos: availableNanos(wallet), heldNanos };
}

function toPrice(price: Price): PriceMessage {
  const { priceId, provider, model, version, currency, createdAt } = price;
  const names = { priceId, provider, model, version, currency };
  return create(PriceSchema, { ...names, rates: pickRates(price), createdAt: timestampFromDate(createdAt) });
}

function pickRates({ inputNanosPerMillion, cachedInputNanosPerMillion, outputNanosPerMillion }: Rates): Rates {
  return { inputNanosPerMillion, cachedInputNanosPerMillion, outputNanosPerMillion };
}

function toUsageRecord(row: UsageRow) {
  const { callId, requestId, keyId, model, provider, costNanos, isEstimated, latencyMs, priceId } = row;
  const { inputTokens, cachedInputTokens, outputTokens } = row;
  return {
    ...{ callId, requestId, keyId, model, provider, costNanos, isEstimated, latencyMs, priceId },
    createdAt: timestampFromDate(row.createdAt),
    outcome: outcomes[row.outcome],
    tokens: { inputTokens, cachedInputTokens, outputTokens },
  };
}

function fromOutcome(outcome: CallOutcome): Outcome {
  for (const [name, value] of Object.entries(outcomes)) {
    // What a node reports is never `lost`: only the sweep says that.
    if (value === outcome && name !== "lost") return name as Outcome;
  }
  throw invalid("outcome", "must say how the call ended", "必须说明调用的结果");
}

function requireText(fields: Readonly<Record<string, string>>): void {
  for (const [field, value] of Object.entries(fields)) {
    if (value === "" || value.length > 200)
      throw invalid(field, "must have 1 to 200 characters", "须为 1 到 200 个字符");
  }
}

function invalid(field: string, reason: string, reason_zh_CN: string): Failure {
  return new Failure(kitFailures.invalid_request, { field, reason, reason_zh_CN });
}
