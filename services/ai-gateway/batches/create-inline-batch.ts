import { createHash } from "node:crypto";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { mostOutputTokens } from "../call/call-to-fund.ts";
import { findFreeTarget } from "../call/choose-target.ts";
import { counterFor } from "../call/count-tokens.ts";
import { refuseField } from "../call/refuse-field.ts";
import { takeTurn } from "../call/take-turn.ts";
import { withDefaults } from "../call-defaults/with-defaults.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { requireUnguarded } from "../guardrails/require-unguarded.ts";
import type { Target } from "../model.ts";
import { ownerOf } from "../ops/stored-responses.ts";
import { fitToolNames } from "../providers/tool-names.ts";
import type { WireDraft } from "../providers/wire.ts";
import { wireOf } from "../providers/wires.ts";
import type { UpstreamRequest } from "./account-batches.ts";
import type { BatchedRequest, BatchForm } from "./batch-form.ts";
import { takesBatchesOf, takesFiles, takesJobs } from "./batch-provider.ts";
import type { BatchRow } from "./batch-row.ts";
import { findMade, startBatch } from "./batches.ts";
import { openDiskFile } from "./disk-file.ts";
import { createFileBatches } from "./file-batches.ts";
import type { FileRow, RequestBound } from "./file-store.ts";
import { requireMoney } from "./files.ts";
import { toJobLine } from "./job-batches.ts";
import { toOnce } from "./once.ts";
import { type BatchEndpoint, batchEndpoints } from "./request-line.ts";
import { splitList } from "./split-list.ts";

export interface InlineBatch {
  readonly caller: Caller;
  readonly requestId: string;
  readonly tags: TagsText;
  readonly idempotencyKey: string | undefined;
  readonly form: BatchForm;
  readonly body: Buffer;
}

const maxItemBytes = 4_194_304;

/**
 * Makes a batch of requests that come with it, at an account that takes batches: in their caller's own form where it speaks that, else
 * written in its own. Throws `batch_request_invalid`, which names the first in which something is wrong, `model_not_found`,
 * `batch_provider_missing`, and as `createBatch` does: then nothing is kept, here or there. What it does with an idempotency key is the same, too.
 */
export async function createInlineBatch(deps: AiGatewayDeps, input: InlineBatch): Promise<BatchRow> {
  const { caller, form, body, tags } = input;
  const digest = createHash("sha256").update(body).digest("hex");
  const once = toOnce(input.idempotencyKey, { dialect: form.dialect, path: form.path, digest, tags });
  const made = once && (await findMade(deps, input, once));
  if (made) return made;
  const { rest, items } = await splitList(body, form.path, deps.settings.batches.maxLines);
  const metadata = form.readRest(rest);
  const read = await readRequests(deps, input, items);
  await requireMoney(deps, caller, { target: read.target, requests: read.bounds });
  const file = await keepRequests(deps, caller, read, form.endpoint);
  const { headers, requests } = read;
  const { dialect } = form;
  try {
    const asked = { caller, requestId: input.requestId, tags, metadata, dialect, once };
    return await startBatch(deps, asked, file, { requests, headers });
  } catch (err) {
    await deps.db.transaction((tx) => deps.fileStore.hideFiles(tx, [file.fileId], file.createdAt));
    throw err;
  }
}

/** What a batch asks. */
interface ReadBatch {
  readonly target: Target;
  readonly model: string;
  readonly bounds: readonly RequestBound[];
  readonly requests: readonly UpstreamRequest[];
  readonly headers: WireDraft["headers"];
}

const requestsInTurn = 50;

async function readRequests(deps: AiGatewayDeps, input: InlineBatch, items: readonly Buffer[]): Promise<ReadBatch> {
  const { form } = input;
  const bounds: RequestBound[] = [];
  const requests: UpstreamRequest[] = [];
  const seen = new Set<string>();
  let model: string | undefined;
  let target: Target | undefined;
  let headers: WireDraft["headers"];
  for (const [index, item] of items.entries()) {
    if (index % requestsInTurn === requestsInTurn - 1) await setImmediate();
    const request = await readItem(deps, input, item, index);
    model ??= request.model;
    refuseOdd(index, request, model, seen);
    target ??= await findTarget(deps, input, model);
    await takeTurn(item.length);
    const { customId, kept = null } = request;
    const read = await inRequest(index, request.place, () => readFor(form, request, target as Target));
    headers ??= read.draft.headers;
    const inputTokens = read.inputTokens(await counterFor(target.provider));
    const bound = [customId, inputTokens, read.outputTokens] as const;
    bounds.push(read.given ? [...bound, kept, Object.fromEntries(read.given)] : kept ? [...bound, kept] : bound);
    await takeTurn(item.length);
    requests.push({ customId, body: read.draft.toBody(undefined) });
  }
  if (model === undefined || !target)
    throw refuseField(form.path.join("."), "must be a list of at least one request", "必须是至少含一个请求的列表");
  return { target, model, bounds, requests, headers };
}

function readItem(
  deps: AiGatewayDeps,
  { caller, form }: InlineBatch,
  item: Buffer,
  index: number,
): Promise<BatchedRequest> {
  if (item.length > maxItemBytes) {
    throw refuseRequest(index, `must be at most ${maxItemBytes} bytes`, `不能超过 ${maxItemBytes} 字节`);
  }
  return inRequest(index, "", () => {
    const request = form.readItem(item, index);
    const parameters = form.parameters && deps.callDefaults.parametersOf(caller);
    if (!parameters || !form.parameters) return request;
    return { ...request, body: withDefaults(parameters, form.parameters, request.body) };
  });
}

/** All requests of a batch go to one model, as those of a file do. */
function refuseOdd(index: number, request: BatchedRequest, model: string, seen: Set<string>): void {
  if (request.model !== model) {
    throw refuseRequest(
      index,
      "all requests of a batch must be of one model",
      "一个批处理中的所有请求必须使用同一模型",
    );
  }
  if (seen.has(request.customId)) throw refuseRequest(index, "its custom_id stands before", "custom_id 重复");
  seen.add(request.customId);
}

async function findTarget(deps: AiGatewayDeps, { caller, tags, form }: InlineBatch, model: string): Promise<Target> {
  requireUnguarded(deps, caller, { model, tags });
  const surface = batchEndpoints[form.endpoint];
  const isFit = (one: Target) =>
    takesBatchesOf(deps, one.provider, surface) && wireOf(one.provider, one.model).surfaces.includes(surface);
  const target = await findFreeTarget(deps, caller, model, isFit);
  if (target) return target;
  throw new Failure(batchFailures.batch_provider_missing, { model, param: "model" });
}

function readFor(form: BatchForm, asked: BatchedRequest, { provider, model }: Target) {
  const read = form.ask(asked).readFor(provider, model.upstreamName);
  const usual = wireOf(provider, model);
  const { wire = usual } = read;
  const fitted = read.wire ? { request: read.request, given: undefined } : fitToolNames(read.request, usual.toolNames);
  const { request, given } = fitted;
  const outputTokens = mostOutputTokens(request, { provider, model }) * request.choices;
  const inputTokens = (counter: Awaited<ReturnType<typeof counterFor>>) => counter.boundInput(request);
  return { draft: wire.draft(request, model, provider), outputTokens, inputTokens, given };
}

/** What an ordinary call would be told, with its place in the batch. */
async function inRequest<T>(index: number, place: string, read: () => T): Promise<T> {
  try {
    return read();
  } catch (err) {
    if (isFailure(err, aiGatewayFailures.invalid_json)) {
      throw refuseRequest(index, `no JSON: ${err.details["reason"]}`, `不是 JSON：${err.details["reason_zh_CN"]}`);
    }
    if (!isFailure(err, aiGatewayFailures.invalid_request)) throw err;
    const { param, reason, reason_zh_CN } = err.details;
    const at = [place, param].filter(Boolean).join(".");
    throw refuseRequest(index, `${at} ${reason}`, `${at} ${reason_zh_CN}`);
  }
}

function refuseRequest(index: number, reason: string, reason_zh_CN: string): Failure {
  return new Failure(batchFailures.batch_request_invalid, {
    number: index + 1,
    reason,
    reason_zh_CN,
    param: `requests[${index}]`,
  });
}

/** What is known of the requests, in a file that is the batch's own; they themselves only where their account takes files alone. */
async function keepRequests(
  deps: AiGatewayDeps,
  caller: Caller,
  { target, model, bounds, requests }: ReadBatch,
  endpoint: BatchEndpoint,
): Promise<FileRow> {
  const upstreamId = takesFiles(deps, target.provider) ? await upload(deps, target, requests, endpoint) : "";
  const file: FileRow = {
    ...{ ...ownerOf(caller), fileId: deps.random.id("file"), providerId: target.provider.providerId, upstreamId },
    ...{ purpose: "requests", fileName: "", bytes: BigInt(requests.reduce((sum, { body }) => sum + body.length, 0)) },
    ...{ model, targetModel: target.model.name, endpoint, createdAt: new Date(deps.clock.nowMs()) },
  };
  await deps.db.transaction((tx) => deps.fileStore.insert(tx, file, bounds));
  return file;
}

function toBatchLine(customId: string, body: Buffer, endpoint: BatchEndpoint): Buffer {
  const head = `{"custom_id":${JSON.stringify(customId)},"method":"POST","url":${JSON.stringify(endpoint)},"body":`;
  return Buffer.concat([Buffer.from(head), body, Buffer.from("}")]);
}

async function upload(
  deps: AiGatewayDeps,
  target: Target,
  requests: readonly UpstreamRequest[],
  endpoint: BatchEndpoint,
): Promise<string> {
  const lines = await openDiskFile(join(deps.folder, "uploads"), deps.random);
  try {
    const toLine = takesJobs(deps, target.provider) ? toJobLine : toBatchLine;
    for (const { customId, body } of requests) {
      await lines.append(Buffer.concat([toLine(customId, body, endpoint), Buffer.from("\n")]));
    }
    return await createFileBatches(deps, target).uploadFile(lines, "batch.jsonl");
  } finally {
    await lines.close();
  }
}
