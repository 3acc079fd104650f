import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { BatchPage } from "./batch-store.ts";
import {
  advanceBatches,
  type BatchOfCaller,
  type BatchToCreate,
  cancelBatch,
  createBatch,
  getBatch,
  listBatches,
  removeBatch,
} from "./batches.ts";
import { createInlineBatch, type InlineBatch } from "./create-inline-batch.ts";
import type { FilePage } from "./file-store.ts";
import { type FileOfCaller, getFile, listFiles, removeFile, removeHiddenFiles, uploadFile } from "./files.ts";

import { sendFileContent } from "./send-file-content.ts";
import { sendMessageResults } from "./send-message-results.ts";
import { type ContentBatchOfCaller, showContentBatch } from "./show-content-batch.ts";

/** Binds the operations on files and batches to what they need. */
export function createBatchOps(deps: AiGatewayDeps) {
  return {
    uploadFile: (exchange: Exchange) => uploadFile(deps, exchange),
    getFile: (input: FileOfCaller) => getFile(deps, input),
    listFiles: (input: FilePage & { readonly caller: Caller }) => listFiles(deps, input),
    removeFile: (input: FileOfCaller) => removeFile(deps, input),
    removeHiddenFiles: (signal: AbortSignal) => removeHiddenFiles(deps, signal),
    sendFileContent: (exchange: Exchange) => sendFileContent(deps, exchange),
    createBatch: (input: BatchToCreate) => createBatch(deps, input),
    getBatch: (input: BatchOfCaller) => getBatch(deps, input),
    listBatches: (input: BatchPage & { readonly caller: Caller }) => listBatches(deps, input),
    /** Names of Anthropic's betas that may go upstream. */
    allowedBetas: () => deps.settings.anthropicBetas,
    createInlineBatch: (input: InlineBatch) => createInlineBatch(deps, input),
    sendMessageResults: (exchange: Exchange) => sendMessageResults(deps, exchange),
    showContentBatch: (input: ContentBatchOfCaller) => showContentBatch(deps, input),
    removeBatch: (input: BatchOfCaller) => removeBatch(deps, input),
    cancelBatch: (input: BatchOfCaller) => cancelBatch(deps, input),
    advanceBatches: (signal: AbortSignal) => advanceBatches(deps, signal),
  };
}
