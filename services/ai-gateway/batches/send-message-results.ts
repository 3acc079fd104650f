import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { Failure, type Locale } from "@lyss/kit/errors/failure.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { toErrorBody } from "../dialects/anthropic/failure-reply.ts";
import type { BatchRow } from "./batch-row.ts";
import { getBatch } from "./batches.ts";
import { createMessageForm } from "./message-batch-form.ts";
import { type OwnAnswer, ownAnswers } from "./own-answers.ts";
import { drained } from "./send-file-content.ts";

/**
 * Writes what came of a batch to its owner, a line for each request, as its provider gives it (platform.claude.com/docs/en/api/retrieving-message-batch-results).
 * Throws `batch_not_found`, `batch_not_ended`, `batch_account_gone`, and the failures of a model call.
 */
export async function sendMessageResults(deps: AiGatewayDeps, exchange: Exchange): Promise<void> {
  const { res, requestId, params } = exchange;
  const asked = { caller: requireCaller(exchange), batchId: params["id"] ?? "", dialect: "anthropic" } as const;
  const batch = await getBatch(deps, asked);
  if (!batch.isSettled) throw new Failure(batchFailures.batch_not_ended, { id: batch.batchId });
  for await (const answer of ownAnswers(deps, batch, createMessageForm([]), requestId)) {
    if (res.destroyed) return;
    if (!res.headersSent) writeHead(exchange);
    if (!res.write(toLine(batch, answer, requestId, exchange.context.locale))) await drained(res);
  }
  if (!res.headersSent) writeHead(exchange);
  res.end();
}

/** Once there is something to write: until then it can still be said what went wrong. */
function writeHead({ res, requestId }: Exchange): void {
  res.writeHead(200, {
    ...{ "content-type": "application/x-jsonl", "cache-control": "no-store" },
    ...{ "x-request-id": requestId, "request-id": requestId },
  });
}

function toLine(batch: BatchRow, { request, answer }: OwnAnswer, requestId: string, locale: Locale): Buffer {
  const head = `{"custom_id":${JSON.stringify(request[0])},"result":`;
  if (Buffer.isBuffer(answer)) {
    return Buffer.concat([Buffer.from(`${head}{"type":"succeeded","message":`), answer, Buffer.from("}}\n")]);
  }
  return Buffer.from(`${head}${JSON.stringify(toUnanswered(batch, answer, requestId, locale))}}\n`);
}

function toUnanswered({ status, model }: BatchRow, failure: Failure | undefined, requestId: string, locale: Locale) {
  if (!failure && status !== "failed") return { type: status === "expired" ? "expired" : "canceled" };
  const why = failure ?? new Failure(aiGatewayFailures.upstream_failed, { model });
  return { type: "errored", error: toErrorBody(why, requestId, locale) };
}
