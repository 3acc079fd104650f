import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { Provider } from "../model.ts";
import { toOwnAnswerLine, toOwnRequestLine } from "./answer-line.ts";
import { findAccount, takesFiles, takesJobs, targetAt } from "./batch-provider.ts";
import { cutLines } from "./cut-lines.ts";
import { createFileBatches } from "./file-batches.ts";
import type { ShownFile } from "./file-store.ts";
import { getFile } from "./files.ts";
import { answerFileOf, ownLines } from "./own-lines.ts";

const newline = Buffer.from("\n");

/** Writes a file's content to its owner as it comes: names of models are those that are used here. Throws `file_not_found` and `batch_account_gone`. */
export async function sendFileContent(deps: AiGatewayDeps, exchange: Exchange): Promise<void> {
  const { res, params } = exchange;
  const file = await getFile(deps, { caller: requireCaller(exchange), fileId: params["id"] ?? "" });
  for await (const piece of contentOf(deps, file)) {
    if (res.destroyed) return;
    if (!res.headersSent) writeHead(exchange, file);
    if (!res.write(piece)) await drained(res);
  }
  if (!res.headersSent) writeHead(exchange, file);
  res.end();
}

/** Once there is something to write: until then it can still be said what went wrong. */
function writeHead({ res, requestId }: Exchange, { fileName }: ShownFile): void {
  res.writeHead(200, {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="${fileName}"`,
    "cache-control": "no-store",
    "x-request-id": requestId,
  });
}

async function* contentOf(deps: AiGatewayDeps, file: ShownFile): AsyncGenerator<Buffer> {
  if (file.upstreamId === "") return yield* deps.keptContent.pieces(file.fileId);
  const provider = findAccount(deps, file);
  if (!provider) throw new Failure(batchFailures.batch_account_gone);
  if (isOfTuning(file)) {
    const { body } = await createFileBatches(deps, targetAt(provider, file.targetModel)).openContent(file.upstreamId);
    return yield* body;
  }
  if (takesFiles(deps, provider)) return yield* linesAt(deps, provider, file);
  const batch = await deps.batchStore.findByAnswers(file);
  if (!batch) throw new Failure(batchFailures.file_not_found, { id: file.fileId });
  yield* ownLines(deps, batch, answerFileOf(batch, file));
}

/** Examples and what came of them say no names that are ours. */
function isOfTuning({ purpose }: ShownFile): boolean {
  return purpose === "fine-tune" || purpose === "fine-tune-results";
}

async function* linesAt(deps: AiGatewayDeps, provider: Provider, file: ShownFile): AsyncGenerator<Buffer> {
  const { body } = await createFileBatches(deps, targetAt(provider, file.targetModel)).openContent(file.upstreamId);
  // In a job's file a line has no more than its name and body.
  const endpoint = takesJobs(deps, provider) ? file.endpoint : undefined;
  const toOwnRequest = (line: Buffer, model: string) => toOwnRequestLine(line, model, endpoint);
  const toOwn = file.purpose === "batch" ? toOwnRequest : toOwnAnswerLine;
  for await (const { bytes } of cutLines(body, deps.settings.maxResponseBytes)) {
    yield Buffer.concat([toOwn(bytes, file.model), newline]);
  }
}

/** Resolves when more can be written, or nobody reads any more. */
export function drained(res: Exchange["res"]): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      res.off("drain", done).off("close", done);
      resolve();
    };
    res.on("drain", done).on("close", done);
  });
}
