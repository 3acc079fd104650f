import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { Failure, type Locale } from "@lyss/kit/errors/failure.ts";
import { WholeAnswer } from "@lyss/kit/http/whole-answer.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { toErrorBody } from "../dialects/gemini/failure-reply.ts";
import type { BatchRow } from "./batch-row.ts";
import { getBatch } from "./batches.ts";
import { formOf } from "./content-batch-form.ts";
import { toContentBatch } from "./content-batch-object.ts";
import { type OwnAnswer, ownAnswers } from "./own-answers.ts";

const canceled = 1;
const deadlineExceeded = 4;
/** `google.rpc.Code` by HTTP status (google.aip.dev/193). */
const codes: Readonly<Record<number, number>> = { 400: 3, 403: 7, 404: 5, 413: 3, 429: 8, 502: 14, 503: 14, 504: 4 };
const unknown = 2;

export interface ContentBatchOfCaller {
  readonly caller: Caller;
  readonly batchId: string;
  readonly requestId: string;
  readonly locale: Locale;
}

/**
 * A batch as Google's API shows it, with its answers once it has ended: in the order of its requests, where Google's SDKs look for them and
 * where its documentation has them. Throws `batch_not_found`, `batch_account_gone`, and the failures of a model call.
 */
export async function showContentBatch(deps: AiGatewayDeps, asked: ContentBatchOfCaller): Promise<WholeAnswer> {
  const { caller, batchId, requestId, locale } = asked;
  const batch = await getBatch(deps, { caller, batchId, dialect: "gemini" });
  const shown = toContentBatch(batch);
  if (!batch.isSettled) return toAnswer([Buffer.from(JSON.stringify(shown))]);
  if (batch.status === "failed") {
    const error = errorOf(batch, undefined, requestId, locale);
    return toAnswer([Buffer.from(JSON.stringify({ ...shown, error }))]);
  }
  const output = await outputOf(deps, batch, requestId, locale);
  const { metadata, ...rest } = shown;
  const [whole, said] = [JSON.stringify(rest).slice(0, -1), JSON.stringify(metadata).slice(0, -1)];
  const head = Buffer.from(`${whole},"metadata":${said},"output":`);
  return toAnswer([head, output, Buffer.from('},"response":'), output, Buffer.from("}")]);
}

function toAnswer(pieces: readonly Buffer[]): WholeAnswer {
  return new WholeAnswer(200, { "content-type": "application/json; charset=utf-8" }, Buffer.concat(pieces));
}

async function outputOf(deps: AiGatewayDeps, batch: BatchRow, requestId: string, locale: Locale): Promise<Buffer> {
  const items: Buffer[] = [];
  for await (const answer of ownAnswers(deps, batch, formOf(batch), requestId)) {
    items[answer.index] = toItem(batch, answer, requestId, locale);
  }
  const list = items.flatMap((item, index) => (index === 0 ? [item] : [Buffer.from(","), item]));
  return Buffer.concat([Buffer.from('{"inlinedResponses":{"inlinedResponses":['), ...list, Buffer.from("]}}")]);
}

function toItem(batch: BatchRow, { request, answer }: OwnAnswer, requestId: string, locale: Locale): Buffer {
  const metadata = request[3]?.["metadata"];
  const tail = metadata === undefined ? "}" : `,"metadata":${JSON.stringify(metadata)}}`;
  if (Buffer.isBuffer(answer)) return Buffer.concat([Buffer.from('{"response":'), answer, Buffer.from(tail)]);
  return Buffer.from(`{"error":${JSON.stringify(errorOf(batch, answer, requestId, locale))}${tail}`);
}

function errorOf({ status, model }: BatchRow, failure: Failure | undefined, requestId: string, locale: Locale) {
  if (!failure && status === "expired")
    return { code: deadlineExceeded, message: "The batch has expired before this request was made." };
  if (!failure && status !== "failed")
    return { code: canceled, message: "The batch was cancelled before this request was made." };
  const { error } = toErrorBody(
    failure ?? new Failure(aiGatewayFailures.upstream_failed, { model }),
    requestId,
    locale,
  );
  return { code: codes[error.code] ?? unknown, message: error.message, details: error.details };
}
