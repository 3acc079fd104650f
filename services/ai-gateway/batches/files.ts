import { join } from "node:path";
import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { billingFailures } from "@lyss/contracts/failures/billing.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { requireCaller } from "@lyss/kit/http/require-caller.ts";
import type { Exchange } from "@lyss/kit/http/route.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { refuseField } from "../call/refuse-field.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { readExamples } from "../fine-tuning/read-examples.ts";
import { ownerOf } from "../ops/stored-responses.ts";
import type { FormPart } from "../surfaces/multipart.ts";
import { findAccount, targetAt } from "./batch-provider.ts";
import { type DiskFile, openDiskFile, receiveBody } from "./disk-file.ts";
import { createFileBatches } from "./file-batches.ts";
import type { FilePage, ShownFile } from "./file-store.ts";
import { findParts, readPart } from "./form-on-disk.ts";
import { type ReadRequests, readRequests } from "./read-request-file.ts";
import { type BatchEndpoint, batchEndpoints } from "./request-line.ts";
import { mostOfRequests } from "./settle-batch.ts";
import { createUpstreamBatches } from "./upstream-batches.ts";

export interface FileOfCaller {
  readonly caller: Caller;
  readonly fileId: string;
}

/** Boundaries, heads and fields of a form beside its file. */
const formBytes = 65_536;

/** The longest body of an upload. */
export function uploadLimitBytes({ settings }: Pick<AiGatewayDeps, "settings">): number {
  return settings.batches.maxFileBytes + formBytes;
}

/** As long as OpenAI keeps files for batches, where the tenant's data policy allows it. */
const maxKeptDays = 30;
const dayMs = 86_400_000;

/**
 * Takes a file of requests, reads all of it, and sends it to the account that its model's calls go to, or keeps it, sealed, where that takes batches without
 * files. One of examples is kept until a job is made of it. Nothing is kept, here or there, of one in which something is wrong: `batch_file_invalid` names the line. Throws `model_not_found`, `batch_provider_missing`,
 * `too_many_files`, `batch_too_large`, `kept_files_full`, and what a model call does that its provider refuses.
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
    const { part, purpose } = await readForm(body, exchange.req.headers["content-type"] ?? "");
    const fileName = toFileName(part.fileName);
    const read = purpose === "batch" ? await readRequests(deps, caller, body, part, rewritten) : undefined;
    if (read) await requireMoney(deps, caller, read);
    else await readExamples(deps, body, part, rewritten);
    const goesTo = read && !read.isKept ? read.target : undefined;
    if (!goesTo) await requireRoom(deps, caller, rewritten.size);
    const upstreamId = goesTo ? await createFileBatches(deps, goesTo).uploadFile(rewritten, fileName) : "";
    const createdAt = new Date(deps.clock.nowMs());
    const keptDays = Math.min(maxKeptDays, deps.dataPolicies.of(caller.tenantId).retentionDays);
    const file: ShownFile = {
      ...{ ...ownerOf(caller), fileId: deps.random.id("file"), upstreamId, purpose, fileName, createdAt },
      ...{ providerId: read?.target.provider.providerId ?? "", bytes: BigInt(part.end - part.start) },
      // Of examples a job will say it: they are conversations.
      ...{ model: read?.model ?? "", targetModel: read?.target.model.name ?? "" },
      endpoint: read?.endpoint ?? "/v1/chat/completions",
      expiresAt: goesTo ? null : new Date(createdAt.getTime() + keptDays * dayMs),
    };
    await deps.db.transaction(async (tx) => {
      await deps.fileStore.insert(tx, file, read?.requests);
      if (!goesTo) await deps.keptContent.keep(tx, file.fileId, rewritten);
    });
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

async function requireRoom({ fileStore, settings }: AiGatewayDeps, { tenantId }: Caller, bytes: number): Promise<void> {
  const { maxTenantKeptBytes: limit } = settings.batches;
  const kept = await fileStore.keptBytesOf(tenantId);
  if (kept + BigInt(bytes) > BigInt(limit)) throw new Failure(batchFailures.kept_files_full, { limit, bytes });
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
async function readForm(
  body: DiskFile,
  contentType: string,
): Promise<{ readonly part: FormPart; readonly purpose: "batch" | "fine-tune" }> {
  const parts = await findParts(body, contentType);
  const named = Map.groupBy(parts, ({ name }) => name);
  for (const [name, some] of named) {
    if (name !== "file" && name !== "purpose") {
      throw refuseField(name.slice(0, 64), "is no field of this form", "不是此表单的字段");
    }
    if (some.length > 1) throw refuseField(name, "may stand only once", "只能出现一次");
  }
  const [said] = named.get("purpose") ?? [];
  const purpose = said && (await readPart(body, said));
  if (purpose !== "batch" && purpose !== "fine-tune") {
    throw refuseField(
      "purpose",
      "must be batch or fine-tune: other files are kept nowhere here",
      "必须是 batch 或 fine-tune：此处不保存其他用途的文件",
    );
  }
  const [part] = named.get("file") ?? [];
  if (part?.fileName !== undefined && part.end > part.start) return { part, purpose };
  throw refuseField("file", "must be a file that is not empty", "必须是非空文件");
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

const maxRemovalsAtOnce = 100;

/** Removes hidden files at their providers, then here, those that were kept here for their time, and ended batches that are nobody's. What fails is tried again the next time. */
export async function removeHiddenFiles(deps: AiGatewayDeps, signal: AbortSignal): Promise<void> {
  await deps.batchStore.removeDisowned();
  await deps.fileStore.hideExpired(new Date(deps.clock.nowMs()));
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
export function toFileObject({ fileId, bytes, createdAt, expiresAt, fileName, purpose }: ShownFile) {
  return {
    ...{
      id: fileId,
      object: "file" as const,
      bytes: Number(bytes),
      created_at: Math.floor(createdAt.getTime() / 1_000),
    },
    ...{ filename: fileName, purpose, status: "processed" as const },
    ...(expiresAt && { expires_at: Math.floor(expiresAt.getTime() / 1_000) }),
  };
}

export const endpointsOfBatches = Object.keys(batchEndpoints) as [BatchEndpoint, ...BatchEndpoint[]];
