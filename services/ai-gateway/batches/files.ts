import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { mostOutputTokens } from "../call/call-to-fund.ts";
import { findFreeTarget } from "../call/choose-target.ts";
import { counterFor } from "../call/count-tokens.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { requireUnguarded } from "../guardrails/require-unguarded.ts";
import type { Target } from "../model.ts";
import { ownerOf } from "../ops/stored-responses.ts";
import { wireOf } from "../providers/wires.ts";
import type { FormPart } from "../surfaces/multipart.ts";
import { toOwnAnswerLine, toOwnRequestLine } from "./answer-line.ts";
import { findAccount, takesFiles, targetAt } from "./batch-provider.ts";
import { cutLines, LineTooLong } from "./cut-lines.ts";
import { type DiskFile, openDiskFile, receiveBody } from "./disk-file.ts";
import { createFileBatches } from "./file-batches.ts";
import type { FilePage, RequestBound, ShownFile } from "./file-store.ts";
import { findParts, readPart } from "./form-on-disk.ts";
import {
  type BatchEndpoint,
  batchEndpoints,
  type RequestLine,
  readRequestLine,
  refuseLine,
  takeTurn,
} from "./request-line.ts";
import { mostOfRequests } from "./settle-batch.ts";
import { createUpstreamBatches } from "./upstream-batches.ts";

export interface FileOfCaller {
  readonly caller: Caller;
  readonly fileId: string;
}

const maxLineBytes = 4_194_304;
/** Boundaries, heads and fields of a form beside its file. */
const formBytes = 65_536;

/** The longest body of an upload. */
export function uploadLimitBytes({ settings }: Pick<AiGatewayDeps, "settings">): number {
  return settings.batches.maxFileBytes + formBytes;
}

/**
 * Takes a file of requests, reads all of it, and sends it to the account that its model's calls go to. Nothing is kept, here or there, of one
 * in which something is wrong: `batch_file_invalid` names the line. Throws `model_not_found`, `batch_provider_missing`,
 * `too_many_files`, and what a model call does that its provider refuses.
 */
export async function uploadFile(deps: AiGatewayDeps, exchange: Exchange): Promise<ShownFile> {
  const caller = requireCaller(exchange);
  const { maxTenantFiles: limit } = deps.settings.batches;
  if ((await deps.fileStore.countOf(caller.tenantId)) >= limit) {
    throw new Failure(batchFailures.too_many_files, { limit });
  }
  const folder = join(deps.folder, "uploads");
  const body = await openDiskFile(folder, deps.random);
  const rewritten = await openDiskFile(folder, deps.random);
  try {
    await receiveBody(exchange.req, body, uploadLimitBytes(deps));
    const part = await readForm(body, exchange.req.headers["content-type"] ?? "");
    const read = await readRequests(deps, caller, body, part, rewritten);
    await requireMoney(deps, caller, read);
    const fileName = toFileName(part.fileName);
    const upstreamId = await createFileBatches(deps, read.target).uploadFile(rewritten, fileName);
    const { target, model, endpoint } = read;
    const file: ShownFile = {
      ...{ ...ownerOf(caller), fileId: deps.random.id("file"), providerId: target.provider.providerId, upstreamId },
      ...{ purpose: "batch", fileName, bytes: BigInt(part.end - part.start), model, endpoint },
      targetModel: target.model.name,
      createdAt: new Date(deps.clock.nowMs()),
    };
    await deps.db.transaction((tx) => deps.fileStore.insert(tx, file, read.requests));
    return file;
  } finally {
    await Promise.all([body.close(), rewritten.close()]);
  }
}

/** Requests for which there is no money at all are sent nowhere; what all of them need is set aside when a batch is made of them. */
export async function requireMoney(
  { funding, billing, clock }: AiGatewayDeps,
  { tenantId }: Caller,
  { target, requests }: Pick<ReadRequests, "target" | "requests">,
): Promise<void> {
  const { name: provider } = target.provider;
  const { name: model } = target.model;
  const startedAtMs = clock.nowMs();
  const price = await funding.priceOf({ tenantId, provider, model }, startedAtMs);
  if (!price) throw new Failure(billingFailures.price_missing, { model, provider });
  const { nanos } = await mostOfRequests(requests, price.terms, startedAtMs);
  if (nanos === 0n) return;
  const { balance } = await billing.getBalance({ tenantId });
  if (balance && balance.availableNanos > 0n) return;
  throw new Failure(billingFailures.insufficient_balance, {
    ...{ required: formatNanos(nanos), available: "0", held: formatNanos(balance?.heldNanos ?? 0n) },
    ...{ currency: balance?.currency ?? "USD", limit_source: "wallet", top_up_url: "/v1/billing/top-up" },
  });
}

/** Exact, without zeros at the end. */
function formatNanos(nanos: bigint): string {
  const digits = nanos.toString().padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`.replace(/\.?0+$/, "");
}

/** ASCII without quotes, so that it can stand in a head. */
function toFileName(given: string | undefined): string {
  return (given ?? "").replaceAll(/[^\w.-]/g, "_").slice(-120) || "batch.jsonl";
}

/** The file in a form, whatever stands before and after it. */
async function readForm(body: DiskFile, contentType: string): Promise<FormPart> {
  const parts = await findParts(body, contentType);
  const named = Map.groupBy(parts, ({ name }) => name);
  for (const [name, some] of named) {
    if (name !== "file" && name !== "purpose") {
      throw refuseField(name.slice(0, 64), "is no field of this form", "不是此表单的字段");
    }
    if (some.length > 1) throw refuseField(name, "may stand only once", "只能出现一次");
  }
  const purpose = named.get("purpose")?.[0];
  if (!purpose || (await readPart(body, purpose)) !== "batch") {
    throw refuseField(
      "purpose",
      "must be batch: other files are kept nowhere here",
      "必须是 batch：此处不保存其他用途的文件",
    );
  }
  const file = named.get("file")?.[0];
  if (file?.fileName !== undefined && file.end > file.start) return file;
  throw refuseField("file", "must be a file that is not empty", "必须是非空文件");
}

/** What a file asks. */
interface ReadRequests {
  readonly target: Target;
  readonly model: string;
  readonly endpoint: BatchEndpoint;
  readonly requests: readonly RequestBound[];
}

/** Checks every line, and writes it to `rewritten` as its provider is to get it. */
async function readRequests(
  deps: AiGatewayDeps,
  caller: Caller,
  body: DiskFile,
  { start, end }: FormPart,
  rewritten: DiskFile,
): Promise<ReadRequests> {
  if (end - start > deps.settings.batches.maxFileBytes) {
    const { maxFileBytes } = deps.settings.batches;
    throw refuseField("file", `must be at most ${maxFileBytes} bytes`, `不能超过 ${maxFileBytes} 字节`);
  }
  const parameters = deps.callDefaults.parametersOf(caller);
  const requests: RequestBound[] = [];
  const seen = new Set<string>();
  let first: RequestLine | undefined;
  let target: Target | undefined;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let bytesOfTurn = 0;
  const flush = async () => {
    await rewritten.append(Buffer.concat(pending));
    pending = [];
    pendingBytes = 0;
  };
  try {
    for await (const cut of cutLines(body.pieces(start, end), maxLineBytes)) {
      bytesOfTurn += cut.bytes.length;
      if (bytesOfTurn > bytesPerTurn) {
        await setImmediate();
        bytesOfTurn = cut.bytes.length;
      }
      const line = await readRequestLine(cut, parameters);
      first ??= line;
      target ??= await findBatchTarget(deps, caller, line);
      refuseOdd(deps, line, first, seen);
      const counter = await counterFor(target.provider);
      const { request } = line;
      await takeTurn(cut.bytes.length);
      const output = mostOutputTokens(request, target) * request.choices;
      requests.push([line.customId, counter.boundInput(request), output]);
      await takeTurn(cut.bytes.length);
      const written = line.withBody(draftOf(line, target));
      pending.push(written, newline);
      pendingBytes += written.length;
      if (pendingBytes > maxLineBytes) await flush();
    }
    await flush();
  } catch (err) {
    if (!(err instanceof LineTooLong)) throw err;
    throw refuseLine(err.line, `must be at most ${maxLineBytes} bytes`, `不能超过 ${maxLineBytes} 字节`);
  }
  if (!first || !target) throw refuseLine(1, "there is no request", "没有任何请求");
  return { target, model: first.request.model, endpoint: first.endpoint, requests };
}

const newline = Buffer.from("\n");
/** So much is read before others have their turn: some five milliseconds. */
const bytesPerTurn = 65_536;

/** Where files of requests for a model go: the account that a call of it would go to, among those that take batches. */
async function findBatchTarget(deps: AiGatewayDeps, caller: Caller, line: RequestLine): Promise<Target> {
  const { model: named, surface } = line.request;
  requireUnguarded(deps, caller, { model: named, tags: "" });
  const isFit = ({ provider, model }: Target) =>
    takesFiles(deps, provider) && wireOf(provider, model).surfaces.includes(surface);
  const target = await findFreeTarget(deps, caller, named, isFit);
  if (target) return target;
  throw new Failure(batchFailures.batch_provider_missing, { model: named, param: "model" });
}

/** All lines of a file go to one model at one endpoint, as the providers ask. */
function refuseOdd(
  { settings }: AiGatewayDeps,
  { number, customId, endpoint, request }: RequestLine,
  first: RequestLine,
  seen: Set<string>,
): void {
  if (request.model !== first.request.model) {
    throw refuseLine(number, "all requests of a file must be of one model", "一个文件中的所有请求必须使用同一模型");
  }
  if (endpoint !== first.endpoint) {
    throw refuseLine(number, "all requests of a file must have one url", "一个文件中的所有请求必须使用同一 url");
  }
  if (seen.has(customId)) throw refuseLine(number, "its custom_id stands before", "custom_id 重复");
  seen.add(customId);
  const { maxLines } = settings.batches;
  if (seen.size > maxLines)
    throw refuseLine(number, `there may be ${maxLines} requests`, `最多可有 ${maxLines} 个请求`);
}

/** What the line asks as its provider is to be asked. Throws `batch_file_invalid` for what the provider has no place for. */
function draftOf({ number, request }: RequestLine, { provider, model }: Target): Buffer {
  try {
    return wireOf(provider, model).draft(request, model, provider).toBody(undefined);
  } catch (err) {
    if (!(err instanceof Failure)) throw err;
    const { param, reason, reason_zh_CN } = err.details;
    throw refuseLine(number, `body.${param} ${reason}`, `body.${param} ${reason_zh_CN}`);
  }
}

/** Throws `file_not_found`; so do the others below. */
export async function getFile({ fileStore }: AiGatewayDeps, { caller, fileId }: FileOfCaller): Promise<ShownFile> {
  const file = await fileStore.find({ ...ownerOf(caller), fileId });
  if (file) return file;
  throw new Failure(batchFailures.file_not_found, { id: fileId });
}

/** The caller's own, and whether there are more. */
export async function listFiles(
  { fileStore }: AiGatewayDeps,
  { caller, ...page }: FilePage & { readonly caller: Caller },
) {
  const rows = await fileStore.list(ownerOf(caller), { ...page, limit: page.limit + 1 });
  return { files: rows.slice(0, page.limit), hasMore: rows.length > page.limit };
}

/** It is shown to nobody from then on. Where its provider cannot be told now, a job does that later. */
export async function removeFile(deps: AiGatewayDeps, { caller, fileId }: FileOfCaller): Promise<void> {
  const isRemoved = await deps.fileStore.hide({ ...ownerOf(caller), fileId }, new Date(deps.clock.nowMs()));
  if (!isRemoved) throw new Failure(batchFailures.file_not_found, { id: fileId });
}

/** Writes a file's content to its owner as it comes: names of models are those that are used here. Throws `batch_account_gone`, too. */
export async function sendFileContent(deps: AiGatewayDeps, exchange: Exchange): Promise<void> {
  const { res, requestId, params } = exchange;
  const file = await getFile(deps, { caller: requireCaller(exchange), fileId: params["id"] ?? "" });
  const provider = findAccount(deps, file);
  if (!provider) throw new Failure(batchFailures.batch_account_gone);
  const { body } = await createFileBatches(deps, targetAt(provider, file.targetModel)).openContent(file.upstreamId);
  const toOwn = file.purpose === "batch" ? toOwnRequestLine : toOwnAnswerLine;
  res.writeHead(200, {
    "content-type": "application/octet-stream",
    "content-disposition": `attachment; filename="${file.fileName}"`,
    "cache-control": "no-store",
    "x-request-id": requestId,
  });
  for await (const { bytes } of cutLines(body, deps.settings.maxResponseBytes)) {
    if (res.destroyed) return;
    if (!res.write(Buffer.concat([toOwn(bytes, file.model), newline]))) await drained(res);
  }
  res.end();
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

const maxRemovalsAtOnce = 100;

/** Removes hidden files at their providers, then here, and ended batches that are nobody's. What fails is tried again the next time. */
export async function removeHiddenFiles(deps: AiGatewayDeps, signal: AbortSignal): Promise<void> {
  await deps.batchStore.removeDisowned();
  for (const file of await deps.fileStore.listToRemove(maxRemovalsAtOnce)) {
    if (signal.aborted) return;
    const provider = findAccount(deps, file);
    try {
      if (provider) await createUpstreamBatches(deps, targetAt(provider, file.targetModel)).removeFile(file.upstreamId);
      await deps.fileStore.remove(file.fileId);
    } catch (err) {
      deps.log.warn({ err, file_id: file.fileId }, "a file could not be removed at its provider yet");
    }
  }
}

/** As OpenAI's API shows it (platform.openai.com/docs/api-reference/files/object). */
export function toFileObject({ fileId, bytes, createdAt, fileName, purpose }: ShownFile) {
  return {
    ...{
      id: fileId,
      object: "file" as const,
      bytes: Number(bytes),
      created_at: Math.floor(createdAt.getTime() / 1_000),
    },
    ...{ filename: fileName, purpose, status: "processed" as const },
  };
}

export const endpointsOfBatches = Object.keys(batchEndpoints) as [BatchEndpoint, ...BatchEndpoint[]];
