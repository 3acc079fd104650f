import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { toUpstreamFailure } from "../dialects/openai/upstream-failure.ts";
import { readUsage } from "../dialects/openai/usage.ts";
import { batchedCallId } from "../funds/batch-funds.ts";
import type { Provider } from "../model.ts";
import { withGivenNames } from "../providers/tool-names.ts";
import { wireOf } from "../providers/wires.ts";
import type { AnswerLine } from "./answer-line.ts";
import type { BatchForm } from "./batch-form.ts";
import { findAccount, targetAt } from "./batch-provider.ts";
import type { BatchRow } from "./batch-row.ts";
import type { RequestBound } from "./file-store.ts";
import { createUpstreamBatches } from "./upstream-batches.ts";

/** What came of a request, as its caller may see it. */
export interface OwnAnswer {
  readonly request: RequestBound;
  readonly index: number;
  /** In the caller's dialect; the failure of one that was made and came to nothing; undefined for one that was never made. */
  readonly answer: Buffer | Failure | undefined;
}

const none = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };

/**
 * What came of a batch that has ended, as its provider gives it: each request once, those of which nothing came at the end. Throws
 * `batch_account_gone` where that cannot be had any more, and the failures of a model call.
 */
export async function* ownAnswers(
  deps: AiGatewayDeps,
  batch: BatchRow,
  form: Pick<BatchForm, "askAgain">,
  requestId: string,
): AsyncGenerator<OwnAnswer> {
  const requests = await deps.fileStore.listRequests(batch.inputFileId);
  const left = new Map(requests.map((request, index) => [request[0], { request, index }]));
  const provider = findAccount(deps, batch);
  const files = [batch.outputFileId, batch.errorFileId].filter((id) => id !== null);
  if (!provider && files.length > 0) throw new Failure(batchFailures.batch_account_gone);
  if (provider) {
    const write = createAnswerWriter(deps, { batch, provider }, form, requestId);
    const upstream = createUpstreamBatches(deps, targetAt(provider, batch.targetModel));
    const upstreamIds = await Promise.all(files.map((fileId) => deps.fileStore.findUpstream(fileId)));
    for (const upstreamId of new Set(upstreamIds)) {
      for await (const line of upstream.answers(upstreamId ?? "")) {
        const found = left.get(line.customId);
        if (!found) continue;
        left.delete(line.customId);
        yield { ...found, answer: await write(line, found) };
      }
    }
  }
  for (const found of left.values()) yield { ...found, answer: undefined };
}

/** How a line of answers is written for its caller, by what is known of its request. */
export function createAnswerWriter(
  { settings }: Pick<AiGatewayDeps, "settings">,
  { batch, provider }: { readonly batch: BatchRow; readonly provider: Provider },
  form: Pick<BatchForm, "askAgain">,
  requestId: string,
) {
  const { model } = batch;
  const target = targetAt(provider, batch.targetModel);
  const wire = wireOf(provider, target.model);
  const { upstreamName: upstreamModel } = target.model;
  const startedAtMs = batch.createdAt.getTime();
  return async ({ status, bytes, body }: AnswerLine, { request, index }: Pick<OwnAnswer, "request" | "index">) => {
    if (status === undefined) return undefined;
    if (status !== 200) return toUpstreamFailure({ model, status, body, retryAfterMs: undefined });
    const facts = { callId: batchedCallId(batch.batchId, index), requestId, upstreamModel, startedAtMs };
    const read = form.askAgain(model, request[3] ?? {}).readFor(provider, upstreamModel);
    const { 4: toolNames } = request;
    const named = toolNames ? withGivenNames(wire, new Map(Object.entries(toolNames))) : wire;
    const answer = (read.wire ?? named).toAnswer(bytes, body, facts);
    const writer = read.createWriter({ ...facts, maxKeptLength: settings.maxResponseBytes });
    return writer.whole(answer.body, answer.json, readUsage(answer.json) ?? none);
  };
}
