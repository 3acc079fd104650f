import { setImmediate } from "node:timers/promises";
import { boundNanos, costOf, type PriceTerms } from "@lyss/contracts/pricing/price.ts";
import { type TokenCounts, toQuantities } from "@lyss/contracts/pricing/token-price.ts";
import { counterFor } from "../call/count-tokens.ts";
import { addCounts } from "../continuation/add-counts.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { textOf } from "../dialects/openai/delivered-text.ts";
import { fieldOf, readUsage } from "../dialects/openai/usage.ts";
import { type BatchedCall, batchedCallId, type FundedBatch } from "../funds/batch-funds.ts";
import type { Provider, Target } from "../model.ts";
import { wireOf } from "../providers/wires.ts";
import type { UpstreamBatches } from "./account-batches.ts";
import { readStatus } from "./batch-object.ts";
import { takesFiles, targetAt } from "./batch-provider.ts";
import type { BatchRow } from "./batch-row.ts";
import type { FileRow, RequestBound } from "./file-store.ts";
import { createLineMeter } from "./own-lines.ts";

type Deps = Pick<AiGatewayDeps, "batchFunds" | "fileStore" | "funding" | "modelLimits" | "settings" | "clock" | "log">;

const maxCallsAtOnce = 1_000;
const none: TokenCounts = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };

/** What a provider has written for a batch, as files of the batch's owner. */
export interface Written {
  readonly output: FileRow | undefined;
  readonly errors: FileRow | undefined;
  readonly counts: { readonly completed: number; readonly failed: number; readonly errored: number };
  /** What all of its requests took. */
  readonly tokens: TokenCounts;
}

export function fundedOf(batch: BatchRow, provider: Provider): FundedBatch {
  const { targetModel: model, createdAt } = batch;
  return { ...batch, model, provider: provider.name, serviceMode: "batch", startedAtMs: createdAt.getTime() };
}

/**
 * Reads what came of a batch that has ended, charges each request that was answered, at the price of batches, and gives back the rest of
 * its money. A repeat, after whatever interruption, charges nothing twice: each request is a call with a name of its own.
 */
export async function settleBatch(
  deps: Deps,
  { batch, provider }: { readonly batch: BatchRow; readonly provider: Provider },
  upstream: UpstreamBatches,
  ended: unknown,
): Promise<Written> {
  const requests = await deps.fileStore.listRequests(batch.inputFileId);
  const indexes = new Map(requests.map(([customId], index) => [customId, index]));
  const target = targetAt(provider, batch.targetModel);
  const wire = wireOf(provider, target.model);
  const counts = { completed: 0, failed: 0, errored: 0 };
  // An account that takes no files writes none, either: there are two here all the same.
  const isFileless = batch.dialect === "openai" && !takesFiles(deps, provider);
  const meter = isFileless ? createLineMeter(deps, { batch, provider }, requests) : undefined;
  const status = readStatus(ended) ?? batch.status;
  const funded = fundedOf(batch, provider);
  const { startedAtMs } = funded;
  const price = await deps.funding.priceOf(
    { ...batch, provider: provider.name, model: batch.targetModel },
    startedAtMs,
  );
  let tokens = none;
  const charge = async (calls: readonly BatchedCall[]) => {
    await deps.batchFunds.charge(funded, calls, deps.clock.nowMs() - startedAtMs);
    tokens = calls.reduce((sum, call) => addCounts(sum, call.tokens), tokens);
    if (price) deps.modelLimits.spend(target, batch, costOfCalls(calls, price.terms, startedAtMs));
  };

  async function read(field: "output_file_id" | "error_file_id"): Promise<FileRow | undefined> {
    const upstreamId = fieldOf(ended, field);
    if (typeof upstreamId !== "string" || upstreamId === "") return undefined;
    let bytes = 0n;
    let calls: BatchedCall[] = [];
    for await (const answer of upstream.answers(upstreamId)) {
      bytes += BigInt(answer.lineBytes);
      const index = indexes.get(answer.customId);
      if (index === undefined) {
        deps.log.warn({ batch_id: batch.batchId }, "a provider answers what a batch did not ask");
        continue;
      }
      await meter?.note(answer, index, status);
      const isAnswered = answer.status === 200;
      counts[isAnswered ? "completed" : "failed"]++;
      if (answer.status === undefined) continue;
      if (!isAnswered) counts.errored++;
      const facts = {
        startedAtMs,
        callId: batchedCallId(batch.batchId, index),
        upstreamModel: target.model.upstreamName,
      };
      const body = isAnswered ? wire.toAnswer(answer.bytes, answer.body, facts).json : undefined;
      calls.push(await toCall(target, requests[index], { index, isAnswered, body }));
      if (calls.length < maxCallsAtOnce) continue;
      await charge(calls);
      calls = [];
    }
    await charge(calls);
    return toFile(batch, upstreamId, bytes, field === "output_file_id" ? "output" : "errors");
  }

  const output = await read("output_file_id");
  const errors = await read("error_file_id");
  await deps.batchFunds.close(batch.batchId);
  if (!meter) return { output, errors, counts, tokens };
  const { bytes, left } = meter.end(status);
  counts.failed += left;
  const upstreamId = output?.upstreamId ?? batch.upstreamId ?? "";
  const fileOf = (kind: "output" | "errors") =>
    bytes[kind] > 0 ? toFile(batch, upstreamId, BigInt(bytes[kind]), kind) : undefined;
  return { output: fileOf("output"), errors: fileOf("errors"), counts, tokens };
}

/** What calls of a batch cost by a price, for what is limited by that; what is charged, billing says. */
function costOfCalls(calls: readonly BatchedCall[], terms: PriceTerms, startedAtMs: number): bigint {
  const when = { startedAtMs, mode: "batch" } as const;
  return calls.reduce((sum, { tokens }) => sum + costOf(terms, toQuantities(tokens), when).costNanos, 0n);
}

async function toCall(
  { provider }: Target,
  [, mostInput]: RequestBound = ["", 0, 0],
  { index, isAnswered, body }: { readonly index: number; readonly isAnswered: boolean; readonly body: unknown },
): Promise<BatchedCall> {
  if (!isAnswered) return { index, outcome: "failed", tokens: none, isEstimated: false };
  const tokens = readUsage(body);
  if (tokens) return { index, outcome: "completed", tokens, isEstimated: false };
  const counter = await counterFor(provider);
  const outputTokens = BigInt(await counter.estimateText(textOf(body)));
  return {
    index,
    outcome: "completed",
    tokens: { ...none, inputTokens: BigInt(mostInput), outputTokens },
    isEstimated: true,
  };
}

/** Its name here follows from the batch's: whoever reads the answers again finds the same file. */
function toFile(batch: BatchRow, upstreamId: string, bytes: bigint, kind: "output" | "errors"): FileRow {
  const { batchId, tenantId, ownerId, providerId, model, targetModel, endpoint } = batch;
  const suffix = batchId.slice(batchId.indexOf("_") + 1);
  return {
    ...{ fileId: `file_${suffix}${kind === "output" ? "o" : "e"}`, tenantId, ownerId, providerId, upstreamId, bytes },
    ...{
      purpose: batch.dialect === "openai" ? "batch_output" : "answers",
      fileName: `${batchId}_${kind}.jsonl`,
      model,
      targetModel,
      endpoint,
      createdAt: batch.createdAt,
    },
  };
}

const countedInTurn = 500;

/** What all requests of a file can cost and use at most. They are counted in turns, so that calls go on meanwhile. */
export async function mostOfRequests(
  requests: readonly RequestBound[],
  terms: PriceTerms,
  startedAtMs: number,
): Promise<{ readonly nanos: bigint; readonly tokens: bigint }> {
  // A provider that took a call into a batch charges it as nothing else.
  const call = { startedAtMs, mode: "batch", isModeSure: true } as const;
  let nanos = 0n;
  let tokens = 0n;
  for (const [index, [, input, output]] of requests.entries()) {
    if (index % countedInTurn === countedInTurn - 1) await setImmediate();
    const most = { inputTokens: BigInt(input), outputTokens: BigInt(output) };
    nanos += boundNanos(terms, most, call);
    tokens += most.inputTokens + most.outputTokens;
  }
  return { nanos, tokens };
}
