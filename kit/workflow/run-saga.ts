import { Failure, type Locale } from "../errors/failure.ts";
import { type CallContext, runInContext } from "../rpc/call-context.ts";
import { fromTraceparent } from "../rpc/context-headers.ts";
import { type AttemptDeps, type Attempted, attempt, type StepFailure, toStepFailure } from "./attempt.ts";
import type { AnySaga, SagaRetry, SagaStage, SagaStep, UndoCall } from "./saga.ts";
import { workflowFailures } from "./workflow-failures.ts";

/** How a run ended. */
export type SagaOutcome<Results = unknown> =
  | { readonly state: "done"; readonly results: Results }
  | { readonly state: "compensated"; readonly failure: StepFailure };

/** What a run is started with, and keeps. */
export interface RunStart {
  readonly input: unknown;
  readonly startedMs: number;
  /** W3C trace context of the call that started the run, or empty. */
  readonly traceparent: string;
  readonly locale: Locale;
}

/** What is sent to a run that waits. */
export type Message = { readonly kind: "payload"; readonly payload: unknown } | { readonly kind: "wake" };

/** What survives the process. Called in the same order each time the run is replayed. */
export interface DurableRun {
  readonly runId: string;
  /** Does the work unless an earlier process has its result. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** The next message on a topic; undefined when none comes in time. */
  receive(topic: string, timeoutMs: number): Promise<Message | undefined>;
}

export interface SagaDeps extends AttemptDeps {
  readonly ops: unknown;
  isCanceled(runId: string): Promise<boolean>;
  /** Makes the run visible as parked and calls a person. May be repeated. */
  park(runId: string, parking: number, failure: StepFailure): Promise<void>;
  unpark(runId: string): Promise<void>;
}

const defaultStepTimeoutMs = 30_000;
const defaultRetry: Required<SagaRetry> = { maxAttempts: 4, minDelayMs: 200, maxDelayMs: 30_000 };
const parkedPollMs = 86_400_000;

export function topicOfParking(parking: number): string {
  return `#parked-${parking}`;
}

interface Run {
  readonly deps: SagaDeps;
  readonly saga: AnySaga;
  readonly durable: DurableRun;
  readonly start: RunStart;
  readonly results: Record<string, unknown>;
  /** Steps that were tried, in order, whether they succeeded or not. */
  readonly tried: SagaStep[];
  hasPivoted: boolean;
  parkings: number;
}

/**
 * Takes a run from its start, or from where an earlier process left it, to its end: forward, and when a step before the
 * pivot fails, back through every step that was tried. What fails for good on the way back, or after the pivot, parks
 * the run until it is resumed; then it is tried anew.
 */
export async function runSaga(
  deps: SagaDeps,
  saga: AnySaga,
  durable: DurableRun,
  start: RunStart,
): Promise<SagaOutcome> {
  const run: Run = { deps, saga, durable, start, results: {}, tried: [], hasPivoted: false, parkings: 0 };
  for (const stage of saga.stages) {
    for (let round = 1; ; round++) {
      const failure = await takeStage(run, stage, round);
      if (!failure) break;
      if (!run.hasPivoted) {
        await compensate(run);
        return { state: "compensated", failure };
      }
      await waitForPerson(run, failure);
    }
  }
  return { state: "done", results: run.results };
}

async function takeStage(run: Run, stage: SagaStage, round: number): Promise<StepFailure | undefined> {
  if (stage.kind === "pivot") run.hasPivoted = true;
  if (stage.kind === "wait") return waitForMessage(run, stage);
  if (stage.kind !== "steps") return undefined;
  // After the pivot a stage is repeated for those branches that are not done.
  const left = stage.steps.filter(({ id }) => !Object.hasOwn(run.results, id));
  if (round === 1) run.tried.push(...left);
  const ended = await Promise.all(left.map((step) => takeStep(run, step, round)));
  ended.forEach((one, index) => {
    const step = left[index];
    if (one.ok && step) run.results[step.id] = one.result;
  });
  return ended.find((one) => !one.ok)?.failure;
}

function takeStep(run: Run, step: SagaStep, round: number): Promise<Attempted> {
  const { deps, durable } = run;
  const timeoutMs = step.timeoutMs ?? defaultStepTimeoutMs;
  const { results } = run;
  return durable.step(nameOf(step.id, round), () =>
    attempt(deps, {
      step: step.id,
      retry: { ...defaultRetry, ...step.retry },
      always: false,
      timeoutMs,
      check: () => mayGoOn(run),
      run: (tries, signal) =>
        inContext(run, timeoutMs, () => step.run(toCall(run, { id: step.id, results, tries, signal }))),
    }),
  );
}

/** Before the pivot a run turns back when it is canceled or its time is over. */
async function mayGoOn({ deps, saga, durable, start, hasPivoted }: Run): Promise<void> {
  if (hasPivoted) return;
  if (deps.clock.nowMs() >= start.startedMs + saga.timeoutMs) throw new Failure(workflowFailures.saga_timed_out);
  if (await deps.isCanceled(durable.runId)) throw new Failure(workflowFailures.canceled);
}

async function waitForMessage(
  run: Run,
  { id, timeoutMs }: SagaStage & { kind: "wait" },
): Promise<StepFailure | undefined> {
  const message = await run.durable.receive(id, timeoutMs);
  if (message?.kind === "payload") {
    run.results[id] = message.payload;
    return undefined;
  }
  const type = message ? workflowFailures.canceled : workflowFailures.wait_timed_out;
  return toStepFailure(id, new Failure(type, { step: id, timeoutMs }));
}

async function compensate(run: Run): Promise<void> {
  for (const step of run.tried.toReversed()) {
    if (!step.compensate) continue;
    for (let round = 1; ; round++) {
      const undone = await undoStep(run, step, round);
      if (undone.ok) break;
      await waitForPerson(run, undone.failure);
    }
  }
}

function undoStep(run: Run, step: SagaStep, round: number): Promise<Attempted> {
  const timeoutMs = step.timeoutMs ?? defaultStepTimeoutMs;
  const ofStep = { ...defaultRetry, ...step.retry };
  const retry = step.undoRetry
    ? { ...defaultRetry, ...step.undoRetry }
    : { ...ofStep, maxAttempts: ofStep.maxAttempts * 2 };
  const id = `${step.id}.undo`;
  return run.durable.step(nameOf(id, round), () =>
    attempt(run.deps, {
      step: id,
      retry,
      always: true,
      timeoutMs,
      check: async () => {},
      async run(tries, signal) {
        const result = run.results[step.id];
        const call: UndoCall<unknown, unknown, unknown, unknown> = {
          ...toCall(run, { id, results: run.results, tries, signal }),
          result,
        };
        await inContext(run, timeoutMs, () => step.compensate?.(call));
      },
    }),
  );
}

/** Resolves when the run is resumed, however long that takes. */
async function waitForPerson(run: Run, failure: StepFailure): Promise<void> {
  const { deps, durable } = run;
  run.parkings++;
  const parking = run.parkings;
  const topic = topicOfParking(parking);
  await durable.step(topic, () => deps.park(durable.runId, parking, failure));
  while (!(await durable.receive(topic, parkedPollMs)));
  await durable.step(`#resumed-${parking}`, () => deps.unpark(durable.runId));
}

function toCall(
  { deps, durable, start }: Run,
  { id, results, tries, signal }: { id: string; results: unknown; tries: number; signal: AbortSignal },
) {
  const { runId } = durable;
  const idempotencyKey = `${runId}/${id}`;
  return { input: start.input, results, ops: deps.ops, runId, idempotencyKey, attempt: tries, signal };
}

function inContext<T>({ deps, start }: Run, timeoutMs: number, work: () => T): T {
  const context: CallContext = {
    ...fromTraceparent(start.traceparent),
    caller: undefined,
    locale: start.locale,
    deadlineMs: deps.clock.monotonicMs() + timeoutMs,
  };
  return runInContext(context, work);
}

function nameOf(id: string, round: number): string {
  return round === 1 ? id : `${id}#${round}`;
}
