import { createHash } from "node:crypto";
import { aiGatewayFailures } from "@lyss/contracts/failures/ai-gateway.ts";
import { batchFailures } from "@lyss/contracts/failures/ai-gateway-batches.ts";
import { fineTuningFailures } from "@lyss/contracts/failures/ai-gateway-fine-tuning.ts";
import type { Tx } from "@lyss/kit/db/database.ts";
import { Failure, isFailure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import { createAccountClient, readId } from "../batches/account-client.ts";
import { findAccount, targetAt } from "../batches/batch-provider.ts";
import { requireSame, toOnce } from "../batches/once.ts";
import { findFitTarget } from "../call/choose-target.ts";
import type { AiGatewayDeps } from "../deps.ts";
import { fieldOf } from "../dialects/openai/usage.ts";
import { requireUnguarded } from "../guardrails/require-unguarded.ts";
import type { Provider, Target } from "../model.ts";
import { ownerOf } from "../ops/stored-responses.ts";
import { type AccountPage, createAccountJobs, type JobVerb } from "./account-jobs.ts";
import { bindFile } from "./bind-file.ts";
import { isOver, type JobRow, markName, toJobObject } from "./job.ts";
import type { JobPage } from "./job-store.ts";

/** What is asked of a job. `settings` go to the provider as they are. */
export interface JobToCreate {
  readonly caller: Caller;
  readonly model: string;
  readonly trainingFileId: string;
  readonly validationFileId: string | null;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly idempotencyKey: string | undefined;
}

export interface JobOfCaller {
  readonly caller: Caller;
  readonly jobId: string;
}

/** Who asks for a job gets it as its provider has it, though not asked more often than this. */
const freshMs = 1_000;
/** Of a list: so many are asked for at once. */
const maxRefreshed = 20;
const maxListed = 1_000;
/** A job that its provider does not know of after so long was never made. */
const lostMs = 600_000;

/** Binds the operations on fine-tuning jobs to what they need. */
export function createFineTuningOps(deps: AiGatewayDeps) {
  return {
    createFineTuningJob: (input: JobToCreate) => createJob(deps, input),
    getFineTuningJob: (input: JobOfCaller) => getJob(deps, input),
    listFineTuningJobs: (input: JobPage & { readonly caller: Caller }) => listJobs(deps, input),
    actOnFineTuningJob: (input: JobOfCaller & { readonly verb: JobVerb }) => actOnJob(deps, input),
    listOfFineTuningJob: (input: JobOfCaller & AccountPage & { readonly what: "events" | "checkpoints" }) =>
      listOfJob(deps, input),
  };
}

/**
 * Makes a job at an account of the tenant's own that offers the model, which pays for it there: nothing is charged here. Its files are sent to
 * that account. Throws `model_not_found`, `fine_tuning_provider_missing`, `call_unguarded`, `file_not_found`,
 * `fine_tuning_file_elsewhere`, and what the provider refuses: then there is no job. Who repeats it with its idempotency key gets the same job;
 * throws `kit.idempotency_conflict` and `kit.idempotency_in_flight`.
 */
async function createJob(deps: AiGatewayDeps, input: JobToCreate): Promise<JobRow> {
  const { caller, model, trainingFileId, validationFileId, metadata, settings, idempotencyKey } = input;
  const once = toOnce(idempotencyKey, { model, trainingFileId, validationFileId, metadata, settings });
  const made = once && (await deps.fineTuningStore.findOnce(ownerOf(caller), once.key));
  const known = made && (await refreshOrKeep(deps, made));
  if (once && made && known) {
    requireSame(once, { onceHash: made.onceHash, isBegun: known.upstreamId !== null });
    return known;
  }
  const target = await findTarget(deps, caller, model);
  const bind = (field: string, fileId: string) => bindFile(deps, caller, { field, fileId, model, target });
  const trainingFile = await bind("training_file", trainingFileId);
  const validationFile = validationFileId === null ? undefined : await bind("validation_file", validationFileId);
  const job: JobRow = {
    ...{ ...ownerOf(caller), jobId: deps.random.id("ftjob"), providerId: target.provider.providerId, model, metadata },
    ...{ targetModel: target.model.name, trainingFileId, validationFileId, createdAt: new Date(deps.clock.nowMs()) },
    ...{ upstreamId: null, seen: null, isOver: false, polledAt: null },
  };
  if (!(await deps.fineTuningStore.insert(job, once))) throw new Failure(kitFailures.idempotency_in_flight);
  const body = {
    ...{ ...settings, model: target.model.upstreamName, training_file: trainingFile },
    ...(validationFile !== undefined && { validation_file: validationFile }),
    metadata: { ...metadata, [markName]: job.jobId },
  };
  return see(deps, job, target, await send(deps, job, target, body));
}

/** The account on whose bill a model is fine-tuned: never a shared one. */
async function findTarget(deps: AiGatewayDeps, caller: Caller, model: string): Promise<Target> {
  requireUnguarded(deps, caller, { model, tags: "" });
  const target = await findFitTarget(deps, caller, model, ({ provider }) => isOwn(provider));
  if (target) return target;
  throw new Failure(fineTuningFailures.fine_tuning_provider_missing, { model, param: "model" });
}

/** The simulated one costs nobody anything. */
function isOwn({ source, dialect }: Provider): boolean {
  return dialect === "openai" && (source === "tenant" || source === "simulator");
}

/** What the provider says of the job that it has made. One whose answer is lost is looked for; what is refused is gone. */
async function send(deps: AiGatewayDeps, { jobId }: JobRow, target: Target, body: object): Promise<unknown> {
  const jobs = createAccountJobs(deps, target);
  try {
    return await jobs.create(body);
  } catch (err) {
    const isRefused = isFailure(err, aiGatewayFailures.upstream_rejected);
    const found = isRefused ? undefined : await jobs.findByMark(jobId).catch(() => "unknown" as const);
    if (found !== undefined && found !== "unknown") return found;
    // Where that cannot be known now, whoever lists jobs finds out.
    if (found === undefined) await deps.fineTuningStore.remove(jobId);
    throw err;
  }
}

/** Keeps what a provider says of a job. */
async function see(deps: AiGatewayDeps, job: JobRow, target: Target, said: unknown): Promise<JobRow> {
  const upstreamId = readId(target, said);
  const results = await keepResults(deps, job, target, fieldOf(said, "result_files"));
  const seen = { ...Object(said), result_files: results } as Record<string, unknown>;
  const polledAt = new Date(deps.clock.nowMs());
  const next = { ...job, upstreamId, seen, isOver: isOver(said), polledAt };
  await deps.fineTuningStore.see(next);
  return next;
}

/** What came of a job, as files of its owner: each has one id, however often it is seen. */
async function keepResults(
  deps: AiGatewayDeps,
  job: JobRow,
  target: Target,
  said: unknown,
): Promise<readonly string[]> {
  const upstreamIds = Array.isArray(said) ? said.filter((id): id is string => typeof id === "string").slice(0, 16) : [];
  const { ask } = createAccountClient(deps, target);
  const ids: string[] = [];
  for (const upstreamId of upstreamIds) {
    const digest = createHash("sha256").update(`${job.jobId}\n${upstreamId}`).digest("hex").slice(0, 26);
    const fileId = `file_${digest}`;
    ids.push(fileId);
    if (await deps.fileStore.findUpstream(fileId)) continue;
    const shown = await ask({ method: "GET", endpoint: `/files/${encodeURIComponent(upstreamId)}` });
    const [bytes, name] = [fieldOf(shown, "bytes"), fieldOf(shown, "filename")];
    const { tenantId, ownerId, providerId, model, targetModel } = job;
    const file = {
      ...{ tenantId, ownerId, fileId, providerId, upstreamId, model, targetModel },
      ...{ purpose: "fine-tune-results" as const, endpoint: "/v1/chat/completions" as const },
      fileName: String(name ?? "results.csv")
        .replaceAll(/[^\w.-]/g, "_")
        .slice(-120),
      bytes: BigInt(typeof bytes === "number" && Number.isSafeInteger(bytes) && bytes > 0 ? bytes : 0),
      createdAt: new Date(deps.clock.nowMs()),
    };
    await deps.db.transaction((tx) => deps.fileStore.insert(tx, file, undefined));
  }
  return ids;
}

/** What a person has, the newest first. */
export async function listJobsOf({ fineTuningStore }: Pick<AiGatewayDeps, "fineTuningStore">, tx: Tx, userId: string) {
  return (await fineTuningStore.listOf(tx, userId, maxListed)).map(toJobObject);
}

function accountOf(deps: AiGatewayDeps, job: JobRow): Target | undefined {
  const provider = findAccount(deps, job);
  return provider && targetAt(provider, job.targetModel);
}

/** Undefined where its provider never had it. */
async function refresh(deps: AiGatewayDeps, job: JobRow): Promise<JobRow | undefined> {
  const nowMs = deps.clock.nowMs();
  const isFresh = job.polledAt !== null && nowMs - job.polledAt.getTime() < freshMs;
  const target = accountOf(deps, job);
  if (job.isOver || isFresh || !target) return job;
  const jobs = createAccountJobs(deps, target);
  const said = job.upstreamId === null ? await jobs.findByMark(job.jobId) : await jobs.get(job.upstreamId);
  if (said !== undefined) return see(deps, job, target, said);
  if (nowMs - job.createdAt.getTime() < lostMs) return job;
  await deps.fineTuningStore.remove(job.jobId);
  return undefined;
}

/** As it stands at its provider, or where that cannot be asked as it was last seen. Throws `fine_tuning_job_not_found`. */
async function getJob(deps: AiGatewayDeps, { caller, jobId }: JobOfCaller): Promise<JobRow> {
  const job = await deps.fineTuningStore.find({ ...ownerOf(caller), jobId });
  const refreshed = job && (await refreshOrKeep(deps, job));
  if (refreshed) return refreshed;
  throw new Failure(fineTuningFailures.fine_tuning_job_not_found, { id: jobId });
}

async function refreshOrKeep(deps: AiGatewayDeps, job: JobRow): Promise<JobRow | undefined> {
  try {
    return await refresh(deps, job);
  } catch (err) {
    if (!isFailure(err)) throw err;
    deps.log.warn({ err, job_id: job.jobId }, "a fine-tuning job is shown as it was last seen");
    return job;
  }
}

/** The caller's own, the newest first, and whether there are more. */
async function listJobs(deps: AiGatewayDeps, { caller, ...page }: JobPage & { readonly caller: Caller }) {
  const rows = await deps.fineTuningStore.list(ownerOf(caller), { ...page, limit: page.limit + 1 });
  const shown = rows.slice(0, page.limit);
  const open = new Set(shown.filter((job) => !job.isOver).slice(0, maxRefreshed));
  const jobs = await Promise.all(shown.map((job) => (open.has(job) ? refreshOrKeep(deps, job) : job)));
  return { jobs: jobs.flatMap((job) => job ?? []), hasMore: rows.length > page.limit };
}

/** Throws `batch_account_gone` and what the provider refuses, such as to end what has ended. */
async function actOnJob(deps: AiGatewayDeps, { verb, ...asked }: JobOfCaller & { readonly verb: JobVerb }) {
  const { job, target, upstreamId } = await findThere(deps, asked);
  return see(deps, job, target, await createAccountJobs(deps, target).act(upstreamId, verb));
}

/** What its provider lists of a job, in its own words. */
async function listOfJob(
  deps: AiGatewayDeps,
  { what, limit, after, ...asked }: JobOfCaller & AccountPage & { readonly what: "events" | "checkpoints" },
) {
  const { job, target, upstreamId } = await findThere(deps, asked);
  const listed = await createAccountJobs(deps, target).list(upstreamId, what, { limit, after });
  const data = fieldOf(listed, "data");
  const rows: readonly unknown[] = Array.isArray(data) ? data.slice(0, limit) : [];
  const toOwn = (row: unknown) => ({
    ...(Object(row) as Record<string, unknown>),
    ...(what === "checkpoints" && { fine_tuning_job_id: job.jobId }),
  });
  return { rows: rows.map(toOwn), hasMore: fieldOf(listed, "has_more") === true };
}

async function findThere(deps: AiGatewayDeps, asked: JobOfCaller) {
  const job = await getJob(deps, asked);
  const target = accountOf(deps, job);
  if (!target) throw new Failure(batchFailures.batch_account_gone);
  if (job.upstreamId !== null) return { job, target, upstreamId: job.upstreamId };
  throw new Failure(fineTuningFailures.fine_tuning_job_not_found, { id: asked.jobId });
}
