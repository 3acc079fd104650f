import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { requireUnguarded } from "../guardrails/require-unguarded.ts";
import { isModelAllowed } from "../model.ts";
import { ownerOf } from "../ops/stored-responses.ts";
import { advanceBatch, type BroughtAlong, claimMs, isRefused } from "./advance-batch.ts";
import { findAccount, targetAt } from "./batch-provider.ts";
import { type BatchDialect, type BatchRow, hasEnded } from "./batch-row.ts";
import type { BatchPage } from "./batch-store.ts";
import type { FileRow } from "./file-store.ts";
import { getFile } from "./files.ts";
import { type Once, requireSame, toOnce } from "./once.ts";
import { bringRequests } from "./read-request-file.ts";
import type { BatchEndpoint } from "./request-line.ts";
import { mostOfRequests } from "./settle-batch.ts";
import { createUpstreamBatches } from "./upstream-batches.ts";

export interface BatchToCreate {
  readonly caller: Caller;
  readonly requestId: string;
  readonly tags: TagsText;
  readonly inputFileId: string;
  readonly endpoint: BatchEndpoint;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly idempotencyKey: string | undefined;
}

export interface BatchOfCaller {
  readonly caller: Caller;
  readonly batchId: string;
  readonly dialect: BatchDialect;
}

/**
 * Sets the most that a file's requests may cost aside, and gives the file to its provider as a batch. Throws `file_not_found`, `model_not_found` where the key
 * may not use the model, `batch_account_gone`, `too_many_batches`, `model_limited`, billing's failures, and what the provider refuses: then there is no
 * batch, and no money is set aside. Where the provider's answer is lost, the batch is there and goes on by itself. Who repeats a request with
 * its idempotency key gets the same batch as it is by then; throws `kit.idempotency_conflict` and `kit.idempotency_in_flight`.
 */
export async function createBatch(deps: AiGatewayDeps, input: BatchToCreate): Promise<BatchRow> {
  const { inputFileId, endpoint, metadata, tags } = input;
  const once = toOnce(input.idempotencyKey, { inputFileId, endpoint, metadata, tags });
  const made = once && (await findMade(deps, input, once));
  if (made) return made;
  const file = await requireFile(deps, input);
  const brought = file.upstreamId === "" ? await bringRequests(deps, file) : {};
  return startBatch(deps, { ...input, dialect: "openai", once }, file, brought);
}

/** What is asked of a batch, beside its requests. */
export interface BatchToStart extends Pick<BatchToCreate, "caller" | "requestId" | "tags" | "metadata"> {
  readonly dialect: BatchDialect;
  readonly once: Once | undefined;
}

/**
 * Makes a batch of what is known of its requests, sets its money aside, and gives it to its provider. Throws as `createBatch` does, and
 * `model_limited`: a batch is one request of its model.
 */
export async function startBatch(
  deps: AiGatewayDeps,
  input: BatchToStart,
  file: FileRow,
  brought: BroughtAlong,
): Promise<BatchRow> {
  const batch = await prepareBatch(deps, input, file);
  const provider = findAccount(deps, batch);
  const target = provider && targetAt(provider, batch.targetModel);
  const place = target && deps.modelLimits.enter(target, input.caller, 0);
  try {
    await begin(deps, batch, input.once, brought);
  } catch (err) {
    place?.cancel();
    throw err;
  }
  place?.end(0);
  return (await deps.batchStore.find(batch)) ?? batch;
}

async function begin(deps: AiGatewayDeps, batch: BatchRow, once: Once | undefined, brought: BroughtAlong) {
  if (!(await deps.batchStore.insert(batch, new Date(deps.clock.nowMs() + claimMs), once))) {
    throw new Failure(kitFailures.idempotency_in_flight);
  }
  try {
    await advanceBatch(deps, batch, brought);
  } catch (err) {
    const { isHeld = false } = (await deps.batchStore.find(batch)) ?? {};
    // Billing's answer may be lost as well; whatever came of it goes with the lease.
    if (isHeld && !isRefused(err) && isFindable(deps, batch)) {
      deps.log.warn({ err, batch_id: batch.batchId }, "whether a provider has taken a batch is found out later");
    } else {
      // Should this end here, a job finds that it goes nowhere.
      await deps.batchStore.wantCancel(batch.batchId);
      await deps.batchFunds.close(batch.batchId);
      await deps.batchStore.remove(batch.batchId);
      throw err;
    }
  }
}

/** Whether a batch can be asked for at its provider when the answer to its creation was lost: what cannot be is given up, and costs nothing. */
function isFindable(deps: AiGatewayDeps, batch: BatchRow): boolean {
  const provider = findAccount(deps, batch);
  return provider === undefined || createUpstreamBatches(deps, targetAt(provider, batch.targetModel)).isFindable;
}

/** What came of the first request with the key. */
export async function findMade(
  deps: AiGatewayDeps,
  { caller }: Pick<BatchToCreate, "caller">,
  once: Once,
): Promise<BatchRow | undefined> {
  const made = await deps.batchStore.findOnce(ownerOf(caller), once.key);
  if (!made) return undefined;
  const isBegun = made.upstreamId !== null || made.polledAt !== null || made.isSettled;
  requireSame(once, { onceHash: made.onceHash, isBegun });
  return made;
}

async function requireFile(deps: AiGatewayDeps, { caller, inputFileId, endpoint }: BatchToCreate): Promise<FileRow> {
  const file = await getFile(deps, { caller, fileId: inputFileId });
  if (file.purpose !== "batch") {
    throw refuseField("input_file_id", "must be a file of purpose batch", "必须是用途为 batch 的文件");
  }
  if (file.endpoint !== endpoint) {
    throw refuseField("endpoint", `must be ${file.endpoint}, as in the file`, `必须与文件一致，为 ${file.endpoint}`);
  }
  return file;
}

async function prepareBatch(deps: AiGatewayDeps, input: BatchToStart, file: FileRow): Promise<BatchRow> {
  const { caller } = input;
  const { tenantId, keyId, userId } = caller;
  const { model, targetModel, providerId, endpoint, fileId: inputFileId } = file;
  if (!isModelAllowed(caller.models, deps.callDefaults.modelOf(caller, model)))
    throw new Failure(aiGatewayFailures.model_not_found, { model });
  requireUnguarded(deps, caller, { model, tags: input.tags });
  const provider = findAccount(deps, { tenantId, providerId });
  if (!provider) throw new Failure(batchFailures.batch_account_gone);
  const { maxTenantBatches: limit } = deps.settings.batches;
  if ((await deps.batchStore.countOpen(tenantId)) >= limit) {
    throw new Failure(batchFailures.too_many_batches, { limit });
  }
  const createdAt = new Date(deps.clock.nowMs());
  const price = await deps.funding.priceOf(
    { tenantId, provider: provider.name, model: targetModel },
    createdAt.getTime(),
  );
  if (!price) throw new Failure(billingFailures.price_missing, { model: targetModel, provider: provider.name });
  const requests = await deps.fileStore.listRequests(file.fileId);
  const most = await mostOfRequests(requests, price.terms, createdAt.getTime());
  return {
    ...{ ...ownerOf(caller), keyId, userId, requestId: input.requestId, tags: input.tags, metadata: input.metadata },
    ...{
      batchId: deps.random.id("batch"),
      dialect: input.dialect,
      inputFileId,
      providerId,
      model,
      targetModel,
      endpoint,
      priceId: price.priceId,
    },
    ...{ mostNanos: most.nanos, mostTokens: most.tokens, isHeld: false, upstreamId: null, isCancelWanted: false },
    ...{ status: "validating", outputFileId: null, errorFileId: null, isSettled: false, polledAt: null, createdAt },
    progress: { counts: { total: requests.length, completed: 0, failed: 0 }, times: {}, errors: [] },
  };
}

/** Who asks for a batch gets it as its provider has it, though not asked more often than this. */
const freshMs = 1_000;

/** As it stands. Throws `batch_not_found`. */
export async function getBatch(deps: AiGatewayDeps, { caller, batchId, dialect }: BatchOfCaller): Promise<BatchRow> {
  const name = { ...ownerOf(caller), batchId, dialect };
  const batch = await deps.batchStore.find(name);
  if (!batch) throw new Failure(batchFailures.batch_not_found, { id: batchId });
  const isFresh = batch.polledAt !== null && deps.clock.nowMs() - batch.polledAt.getTime() < freshMs;
  if (batch.isSettled || isFresh) return batch;
  await advanceIfFree(deps, batchId);
  return (await deps.batchStore.find(name)) ?? batch;
}

/** The caller's own, the newest first, as they were last seen. */
export async function listBatches(
  { batchStore }: AiGatewayDeps,
  { caller, ...page }: BatchPage & { readonly caller: Caller },
) {
  const rows = await batchStore.list(ownerOf(caller), { ...page, limit: page.limit + 1 });
  const isUp = page.before !== undefined && page.after === undefined;
  return { batches: isUp ? rows.slice(-page.limit) : rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

/**
 * Removes a batch that has ended, with what was answered, here at once and at its provider as soon as that can be told. Throws
 * `batch_not_found`, and `batch_not_ended`.
 */
export async function removeBatch(deps: AiGatewayDeps, input: BatchOfCaller): Promise<void> {
  const { batchId, isSettled, inputFileId, outputFileId, errorFileId } = await getBatch(deps, input);
  if (!isSettled) throw new Failure(batchFailures.batch_not_ended, { id: batchId });
  const files = [inputFileId, outputFileId, errorFileId].filter((id) => id !== null);
  await deps.db.transaction(async (tx) => {
    await deps.fileStore.hideFiles(tx, files, new Date(deps.clock.nowMs()));
    await deps.batchStore.removeIn(tx, batchId);
  });
}

/** Ends a batch early: what was answered is charged. A repeat changes nothing. Throws `batch_not_found` and `batch_ended`. */
export async function cancelBatch(deps: AiGatewayDeps, { caller, batchId, dialect }: BatchOfCaller): Promise<BatchRow> {
  const name = { ...ownerOf(caller), batchId, dialect };
  const batch = await deps.batchStore.find(name);
  if (!batch) throw new Failure(batchFailures.batch_not_found, { id: batchId });
  const { status } = batch;
  if (hasEnded(status)) throw new Failure(batchFailures.batch_ended, { id: batchId, status });
  await deps.batchStore.wantCancel(batchId);
  await advanceIfFree(deps, batchId);
  return (await deps.batchStore.find(name)) ?? batch;
}

/** Unless a node is at work on it. What goes wrong is tried again later. */
async function advanceIfFree(deps: AiGatewayDeps, batchId: string): Promise<void> {
  const nowMs = deps.clock.nowMs();
  const batch = await deps.batchStore.claim(batchId, new Date(nowMs), new Date(nowMs + claimMs));
  if (!batch) return;
  try {
    await advanceBatch(deps, batch);
  } catch (err) {
    deps.log.warn({ err, batch_id: batchId }, "a batch cannot be taken on yet");
  }
}

const maxBatchesAtOnce = 100;

/** Takes on all batches that nobody has asked for: their answers are charged whether or not anybody fetches them. */
export async function advanceBatches(deps: AiGatewayDeps, signal: AbortSignal): Promise<void> {
  const since = new Date(deps.clock.nowMs() - deps.settings.batches.pollMs);
  for (const batchId of await deps.batchStore.listDue(since, maxBatchesAtOnce)) {
    if (signal.aborted) return;
    await advanceIfFree(deps, batchId);
  }
}
