import type { Failure } from "@lyss/kit/errors/failure.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { toErrorObject } from "../dialects/openai/failure-reply.ts";
import { askInOpenAi } from "../dialects/openai/pass-through.ts";
import { batchedCallId } from "../funds/batch-funds.ts";
import type { Provider } from "../model.ts";
import type { AnswerLine } from "./answer-line.ts";
import type { BatchForm } from "./batch-form.ts";
import type { BatchRow, BatchStatus } from "./batch-row.ts";
import type { FileRow, RequestBound } from "./file-store.ts";
import { createAnswerWriter, type OwnAnswer, ownAnswers } from "./own-answers.ts";
import { batchEndpoints } from "./request-line.ts";

/** Answers stand in one file, and what has gone wrong in another. */
export type AnswerFile = "output" | "errors";

/** Every answer is written alike, whatever its request has asked: in chat's own form, or as vectors; these may be wanted in base64. */
function formOf({ endpoint }: Pick<BatchRow, "endpoint">): Pick<BatchForm, "askAgain"> {
  const asked = endpoint === "/v1/embeddings" ? { input: "." } : { messages: [{ role: "user", content: "." }] };
  return {
    askAgain(model, { encoding_format }) {
      const body = Buffer.from(JSON.stringify({ model, ...asked, encoding_format }));
      return askInOpenAi(batchEndpoints[endpoint], body);
    },
  };
}

/** What is said of a request that was never made, by how its batch has ended. */
const unmade: { readonly [S in BatchStatus]?: readonly [code: string, message: string] } = {
  expired: ["batch_expired", "This request could not be executed before the completion window expired."],
  cancelled: ["batch_cancelled", "This request was not executed: the batch was cancelled before."],
};
const notExecuted = ["batch_failed", "This request was not executed: the batch has failed."] as const;

/**
 * What came of a batch at an account that writes no files of answers, as a line for each request in one of the two that OpenAI's have
 * (platform.openai.com/docs/api-reference/batch/request-output). Throws as `ownAnswers` does.
 */
export async function* ownLines(deps: AiGatewayDeps, batch: BatchRow, kind: AnswerFile): AsyncGenerator<Buffer> {
  for await (const own of ownAnswers(deps, batch, formOf(batch), batch.requestId)) {
    if (kindOf(own) === kind) yield toLine(batch.batchId, batch.status, own);
  }
}

/** Measures the files of answers of a batch that `ownLines` writes, while its answers are read for their price. */
export function createLineMeter(
  deps: Pick<AiGatewayDeps, "settings">,
  { batch, provider }: { readonly batch: BatchRow; readonly provider: Provider },
  requests: readonly RequestBound[],
) {
  const write = createAnswerWriter(deps, { batch, provider }, formOf(batch), batch.requestId);
  const left = new Map(requests.map((request, index) => [index, request]));
  const bytes = { output: 0, errors: 0 };
  const add = (status: BatchStatus, own: OwnAnswer) => {
    bytes[kindOf(own)] += toLine(batch.batchId, status, own).length;
  };
  return {
    async note(line: AnswerLine, index: number, status: BatchStatus): Promise<void> {
      const request = left.get(index);
      if (!request || !left.delete(index)) return;
      add(status, { request, index, answer: await write(line, { request, index }) });
    },
    /** How long each is; nothing for one in which nothing stands. `left` are the requests that nothing was said of. */
    end(status: BatchStatus) {
      for (const [index, request] of left) add(status, { request, index, answer: undefined });
      return { bytes, left: left.size };
    },
  };
}

/** Which of its batch's files of answers it is. */
export function answerFileOf({ outputFileId }: BatchRow, { fileId }: Pick<FileRow, "fileId">): AnswerFile {
  return fileId === outputFileId ? "output" : "errors";
}

function kindOf({ answer }: OwnAnswer): AnswerFile {
  return Buffer.isBuffer(answer) ? "output" : "errors";
}

function toLine(batchId: string, status: BatchStatus, { request, index, answer }: OwnAnswer): Buffer {
  const callId = batchedCallId(batchId, index);
  const id = callId.replace("call_", "batch_req_");
  const said = { id, custom_id: request[3]?.["customId"] ?? request[0] };
  const head = JSON.stringify(said).slice(0, -1);
  if (Buffer.isBuffer(answer)) {
    const response = `{"status_code":200,"request_id":"${callId}","body":`;
    return Buffer.concat([Buffer.from(`${head},"response":${response}`), answer, Buffer.from('},"error":null}\n')]);
  }
  return Buffer.from(
    `${head},"response":${JSON.stringify(toRefusal(callId, answer))},"error":${toError(status, answer)}}\n`,
  );
}

function toRefusal(callId: string, failure: Failure | undefined) {
  if (!failure) return null;
  return { status_code: failure.type.httpStatus, request_id: callId, body: toErrorObject(failure, "en_US") };
}

function toError(status: BatchStatus, failure: Failure | undefined): string {
  if (failure) return "null";
  const [code, message] = unmade[status] ?? notExecuted;
  return JSON.stringify({ code, message });
}
