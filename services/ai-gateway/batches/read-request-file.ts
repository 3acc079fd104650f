import { setImmediate } from "node:timers/promises";
import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { mostOutputTokens } from "../call/call-to-fund.ts";
import { findFreeTarget } from "../call/choose-target.ts";
import { counterFor } from "../call/count-tokens.ts";
import { refuseField } from "../call/refuse-field.ts";
import { takeTurn } from "../call/take-turn.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { refuseDearer } from "../dialects/openai/native-refusals.ts";
import { requireUnguarded } from "../guardrails/require-unguarded.ts";
import type { Target } from "../model.ts";
import { toEmbedContent } from "../providers/gemini/embed.ts";
import { type FittedRequest, fitToolNames, type GivenNames } from "../providers/tool-names.ts";
import type { WireDraft } from "../providers/wire.ts";
import { wireOf } from "../providers/wires.ts";
import type { FormPart } from "../surfaces/multipart.ts";
import type { UpstreamRequest } from "./account-batches.ts";
import type { BroughtAlong } from "./advance-batch.ts";
import { findAccount, takesBatchesOf, takesFiles, takesJobs, targetAt } from "./batch-provider.ts";
import { cutLines, LineTooLong } from "./cut-lines.ts";
import type { DiskFile } from "./disk-file.ts";
import type { FileRow, RequestBound } from "./file-store.ts";
import { toJobLine } from "./job-batches.ts";
import { type BatchEndpoint, type RequestLine, readRequestLine, refuseLine } from "./request-line.ts";

const maxLineBytes = 4_194_304;

/** What a file asks. */
export interface ReadRequests {
  readonly target: Target;
  readonly model: string;
  readonly endpoint: BatchEndpoint;
  readonly requests: readonly RequestBound[];
  /** True where its account has no place for files: its lines stay here, as they are asked here. */
  readonly isKept: boolean;
}

/** Checks every line, and writes it to `rewritten` as its provider is to get it, or as it is kept here. Throws `batch_file_invalid`, which names the first that is wrong. */
export async function readRequests(
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
  let isKept = false;
  const flush = async () => {
    await rewritten.append(Buffer.concat(pending));
    if (isKept && target) requireShort(deps, target, rewritten.size);
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
      isKept = !takesFiles(deps, target.provider);
      refuseOdd(deps, line, first, seen);
      const counter = await counterFor(target.provider);
      const { request, given } = fitLine(line, target);
      await takeTurn(cut.bytes.length);
      const output = mostOutputTokens(request, target) * request.choices;
      const bound = counter.boundInput(request);
      const bounds = [bound, output] as const;
      requests.push(isKept ? toKeptBound(requests.length, line, bounds, given) : [line.customId, ...bounds]);
      await takeTurn(cut.bytes.length);
      const drafted = draftOf({ ...line, request }, target).toBody(undefined);
      const isJob = takesJobs(deps, target.provider);
      const written = isJob ? toJobLine(line.customId, drafted) : line.withBody(isKept ? line.request.body : drafted);
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
  return { target, model: first.request.model, endpoint: first.endpoint, requests, isKept };
}

/** Vendors take other names of requests than OpenAI does: theirs are their numbers. */
function toKeptBound(
  index: number,
  { customId, request }: RequestLine,
  bounds: readonly [input: number, output: number],
  given: GivenNames | undefined,
): RequestBound {
  const isText = request.surface === "embeddings" && request.json["encoding_format"] === "base64";
  const kept = { customId, ...(isText && { encoding_format: "base64" }) };
  const bound = [String(index), ...bounds, kept] as const;
  return given ? [...bound, Object.fromEntries(given)] : bound;
}

/** A line of a file is in chat's form: an account that speaks it gets its names of tools as they are. */
function fitLine({ request }: RequestLine, { provider, model }: Target): FittedRequest {
  const { toolNames, isChat } = wireOf(provider, model);
  return fitToolNames(request, isChat ? undefined : toolNames);
}

/** All requests of a file that is kept here are sent in one piece. */
function requireShort({ settings }: AiGatewayDeps, { model: { name: model } }: Target, bytes: number): void {
  if (bytes > settings.batches.maxKeptFileBytes) throw new Failure(batchFailures.batch_too_large, { model, bytes });
}

/**
 * What is kept of a file, as its account is to be asked it. Throws `batch_account_gone`, and `batch_file_invalid` for what was changed
 * at the account since and has no place there any more.
 */
export async function bringRequests(deps: AiGatewayDeps, file: FileRow): Promise<BroughtAlong> {
  const provider = findAccount(deps, file);
  if (!provider) throw new Failure(batchFailures.batch_account_gone);
  const target = targetAt(provider, file.targetModel);
  const requests: UpstreamRequest[] = [];
  let headers: WireDraft["headers"];
  for await (const cut of cutLines(deps.keptContent.pieces(file.fileId), maxLineBytes)) {
    // What is said for a key's calls stands in them.
    const line = await readRequestLine(cut, undefined);
    const draft = draftOf({ ...line, request: fitLine(line, target).request }, target);
    await takeTurn(cut.bytes.length);
    headers ??= draft.headers;
    requests.push({ customId: String(requests.length), body: draft.toBody(undefined) });
    if (requests.length % requestsInTurn === 0) await setImmediate();
  }
  return { requests, headers };
}

const requestsInTurn = 50;

const newline = Buffer.from("\n");
/** So much is read before others have their turn: some five milliseconds. */
const bytesPerTurn = 65_536;

/** Where files of requests for a model go: the account that a call of it would go to, among those that take batches. */
async function findBatchTarget(deps: AiGatewayDeps, caller: Caller, line: RequestLine): Promise<Target> {
  const { model: named, surface } = line.request;
  requireUnguarded(deps, caller, { model: named, tags: "" });
  const isFit = ({ provider, model }: Target) =>
    takesBatchesOf(deps, provider, surface) && wireOf(provider, model).surfaces.includes(surface);
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
function draftOf({ number, request }: RequestLine, { provider, model }: Target): Pick<WireDraft, "toBody" | "headers"> {
  try {
    if (request.surface === "embeddings" && provider.dialect === "gemini") {
      const body = Buffer.from(JSON.stringify(toEmbedContent(request, model)));
      return { toBody: () => body };
    }
    if (request.surface === "chat") refuseDearer(request.json, provider);
    return wireOf(provider, model).draft(request, model, provider);
  } catch (err) {
    if (!(err instanceof Failure)) throw err;
    const { param, reason, reason_zh_CN } = err.details;
    throw refuseLine(number, `body.${param} ${reason}`, `body.${param} ${reason_zh_CN}`);
  }
}
