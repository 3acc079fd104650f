import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import type { TokenCounts } from "@lyss/contracts/pricing/token-price.ts";
import { isFailure } from "@lyss/kit/errors/failure.ts";
import { resilienceFailures } from "@lyss/kit/resilience/resilience-failures.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { UpstreamStatus } from "../dialects/openai/upstream-failure.ts";
import type { EndedOperation } from "../gen-ai-metrics.ts";
import type { Provider, Target } from "../model.ts";
import { surfaces } from "../surfaces/surface.ts";
import type { BatchToSend, UpstreamBatches } from "./account-batches.ts";
import { readId } from "./account-client.ts";
import { readProgress, readStatus, toBatchError } from "./batch-object.ts";
import { findAccount, targetAt } from "./batch-provider.ts";
import { type BatchRow, type BatchStatus, hasEnded } from "./batch-row.ts";
import { batchEndpoints } from "./request-line.ts";
import { fundedOf, settleBatch } from "./settle-batch.ts";
import { createUpstreamBatches } from "./upstream-batches.ts";

/** How long a node has a batch for itself; one that takes longer does nothing that another may not do, too. */
export const claimMs = 120_000;
/** A batch of which nothing can be heard for so long has failed. */
const giveUpMs = 8 * 86_400_000;

const none: TokenCounts = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };

/** A batch with the account at which it is. */
interface Placed {
  readonly batch: BatchRow;
  readonly provider: Provider;
  readonly target: Target;
  readonly upstream: UpstreamBatches;
}

/** What a batch that is new brings along: requests that do not lie in a file. */
export type BroughtAlong = Partial<Pick<BatchToSend, "requests" | "headers">>;

/**
 * Takes a batch a step on from wherever it stands: its money, its creation at the provider, its progress, its cancellation, its
 * answers and their price. Each step is written down before the next, and each may be repeated. Gives the batch back as nobody's. Throws
 * what went wrong, with the batch as it was before that step. One that is new is not asked for yet.
 */
export async function advanceBatch(deps: AiGatewayDeps, batch: BatchRow, brought?: BroughtAlong): Promise<void> {
  const isNew = brought !== undefined;
  try {
    const provider = findAccount(deps, batch);
    if (deps.clock.nowMs() - batch.createdAt.getTime() > giveUpMs) return await fail(deps, batch, "batch_unreachable");
    // The node that began it is gone, and with it whoever would have been told its name.
    if (!batch.isHeld && !isNew) return await fail(deps, batch, "batch_not_begun");
    if (!provider) return;
    const target = targetAt(provider, batch.targetModel);
    const placed = { batch, provider, target, upstream: createUpstreamBatches(deps, target) };
    if (!batch.isHeld) await hold(deps, placed);
    const upstreamId = batch.upstreamId ?? (await submit(deps, placed, brought));
    if (upstreamId === undefined) {
      return await fail(deps, batch, batch.isCancelWanted ? "batch_cancelled" : "batch_not_begun");
    }
    if (batch.isCancelWanted) await placed.upstream.cancel(upstreamId);
    if (!isNew) await follow(deps, placed, await placed.upstream.get(upstreamId));
  } catch (err) {
    if (isNew || !isFinal(err)) throw err;
    await fail(deps, batch, "batch_refused");
  } finally {
    await deps.batchStore.release(batch.batchId, isNew ? null : new Date(deps.clock.nowMs()));
  }
}

async function hold({ batchFunds, batchStore, fileStore }: AiGatewayDeps, { batch, provider }: Placed): Promise<void> {
  const { length } = await fileStore.listRequests(batch.inputFileId);
  const most = { nanos: batch.mostNanos, tokens: batch.mostTokens, calls: BigInt(length) };
  await batchFunds.reserve(fundedOf(batch, provider), most);
  await batchStore.markHeld(batch.batchId);
}

/**
 * Gives the batch to its provider, unless it was cancelled meanwhile. The answer to an earlier try may have been lost: the provider is asked
 * first whether it has the batch. Undefined for one that is not given to it any more.
 */
async function submit(deps: AiGatewayDeps, { batch, target, upstream }: Placed, brought: BroughtAlong | undefined) {
  const { batchId, endpoint, inputFileId } = batch;
  const fileId = (await deps.fileStore.findUpstream(inputFileId)) ?? "";
  const known = brought ? undefined : await upstream.findByMark(batchId);
  if (!known && batch.isCancelWanted) return undefined;
  const { requests, headers } = brought ?? {};
  const said = known ?? (await upstream.create({ fileId, endpoint, mark: batchId, requests, headers }));
  if (said === undefined) return undefined;
  const upstreamId = readId(target, said);
  await deps.batchStore.markTaken(batchId, upstreamId);
  return upstreamId;
}

async function follow(deps: AiGatewayDeps, placed: Placed, said: unknown): Promise<void> {
  const { batch, upstream } = placed;
  const status = readStatus(said) ?? batch.status;
  const progress = readProgress(said, batch.progress);
  const { batchId } = batch;
  if (!hasEnded(status)) {
    const shown: BatchStatus = batch.isCancelWanted ? "cancelling" : status;
    await deps.db.transaction((tx) => deps.batchStore.change(tx, { ...batch, status: shown, progress }));
    return;
  }
  // Its answers are shown once they are charged.
  await deps.db.transaction((tx) => deps.batchStore.change(tx, { ...batch, status: "finalizing", progress }));
  const { output, errors, counts, tokens } = await settleBatch(deps, placed, upstream, said);
  const settled = { ...progress, counts: { ...progress.counts, ...counts } };
  await deps.db.transaction(async (tx) => {
    for (const file of [output, errors]) if (file) await deps.fileStore.insert(tx, file, undefined);
    const files = { outputFileId: output?.fileId ?? null, errorFileId: errors?.fileId ?? null };
    await deps.batchStore.change(tx, { batchId, status, progress: settled, ...files, isSettled: true });
  });
  noteEnd(deps, batch, placed.target, status, tokens);
}

const outcomes: Readonly<Partial<Record<BatchStatus, EndedOperation["outcome"]>>> = {
  ...{ completed: "completed", expired: "expired", cancelled: "canceled" },
};

/** Its tokens count where calls of the same kind do; its time is that of a batch. */
function noteEnd(
  { metrics, clock }: Pick<AiGatewayDeps, "metrics" | "clock">,
  { endpoint, createdAt }: BatchRow,
  target: Target,
  status: BatchStatus,
  tokens: TokenCounts,
): void {
  const meter = metrics.of(target);
  const durationMs = clock.nowMs() - createdAt.getTime();
  const ended = { outcome: outcomes[status] ?? "failed", firstTokenMs: undefined };
  meter.endLater("batch", { ...ended, tokens: none, durationMs });
  const { operation } = surfaces[batchEndpoints[endpoint]];
  meter.endLater(operation, { ...ended, tokens, durationMs: undefined });
}

/** Ends a batch that comes to nothing; its money is back. */
export async function fail(deps: AiGatewayDeps, batch: BatchRow, code: string): Promise<void> {
  await deps.batchFunds.close(batch.batchId);
  const failed_at = Math.floor(deps.clock.nowMs() / 1_000);
  const { progress } = batch;
  const ended = { ...progress, times: { ...progress.times, failed_at }, errors: [toBatchError({ code })] };
  await deps.db.transaction((tx) =>
    deps.batchStore.change(tx, { ...batch, status: "failed", progress: ended, isSettled: true }),
  );
  const provider = findAccount(deps, batch);
  if (provider) noteEnd(deps, batch, targetAt(provider, batch.targetModel), "failed", none);
}

/** What a provider, or billing, will say again however often it is asked. */
export function isFinal(err: unknown): boolean {
  if (isFailure(err, aiGatewayFailures.upstream_rejected)) return true;
  if (isFailure(err, batchFailures.batch_refused) || isFailure(err, batchFailures.batch_too_large)) return true;
  if (isFailure(err, aiGatewayFailures.upstream_failed)) {
    return err.cause instanceof UpstreamStatus && err.cause.status >= 400 && err.cause.status < 500;
  }
  return isFailure(err) && err.type.code.startsWith("billing.") && err.type.kind !== "unavailable";
}

/** True for a refusal after which the provider has surely not taken a batch. */
export function isRefused(err: unknown): boolean {
  const { upstream_unauthorized: unauthorized, upstream_rate_limited: limited } = aiGatewayFailures;
  return (
    isFinal(err) ||
    isFailure(err, unauthorized) ||
    isFailure(err, limited) ||
    isFailure(err, resilienceFailures.circuit_open)
  );
}
