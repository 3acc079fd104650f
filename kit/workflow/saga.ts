import type { z } from "zod";

/** What a step is given each time it runs. */
export interface StepCall<Input, Results, Ops> {
  readonly input: Input;
  /** What the steps before this one gave, by their ids. */
  readonly results: Results;
  /** The operations of the service that declares the saga. */
  readonly ops: Ops;
  readonly runId: string;
  /** The same each time this step of this run is repeated, and different from that of every other step. */
  readonly idempotencyKey: string;
  /** 1 for the first try in this process. */
  readonly attempt: number;
  /** Aborts when the step's time is over. */
  readonly signal: AbortSignal;
}

/** What undoing a step is given. */
export interface UndoCall<Input, Results, Ops, Result> extends StepCall<Input, Results, Ops> {
  /** What the step gave; undefined when it failed, though part of its effect may have happened. */
  readonly result: Result | undefined;
}

/** How often a step is tried, and how long it waits between: doubling, with the upper half drawn at random. */
export interface SagaRetry {
  /** All tries, the first included: 1 to 100. Default 4. */
  readonly maxAttempts?: number;
  /** Default 200. */
  readonly minDelayMs?: number;
  /** Default 30,000. */
  readonly maxDelayMs?: number;
}

/**
 * One step. `run` happens at least once: whoever it calls must take `idempotencyKey` for a repeat. It is tried again
 * after every error but a Failure that says a repeat cannot help. What it gives is stored: plain data, at most 256 KiB.
 */
export interface StepOptions<Input, Results, Ops, Result> {
  run(call: StepCall<Input, Results, Ops>): Promise<Result> | Result;
  /** Takes back what `run` did, whether it was done, half done or not done at all. May run more than once. */
  compensate?(call: UndoCall<Input, Results, Ops, Result>): Promise<void> | void;
  readonly retry?: SagaRetry;
  /** Of `compensate`, for whom nobody waits. As `retry`, twice as often, unless given. */
  readonly undoRetry?: SagaRetry;
  /** Of one try. Default 30,000. */
  readonly timeoutMs?: number;
}

export interface WaitOptions<Schema extends z.ZodType> {
  /** What is waited for must be of this shape. */
  readonly schema: Schema;
  readonly timeoutMs: number;
}

// biome-ignore lint/suspicious/noExplicitAny: existential type; the steps of a saga have no common results
export type AnyStepOptions = StepOptions<any, any, any, any>;

export interface SagaStep extends AnyStepOptions {
  readonly id: string;
}

export type SagaStage =
  | { readonly kind: "steps"; readonly steps: readonly SagaStep[] }
  | { readonly kind: "wait"; readonly id: string; readonly schema: z.ZodType; readonly timeoutMs: number }
  | { readonly kind: "pivot" };

/** A saga as data. `Results` is what it gives when it is done: the results of its steps by id. */
export interface Saga<Input = unknown, Results = unknown, Ops = unknown> {
  readonly name: string;
  /** For everything before the pivot, from the start on. */
  readonly timeoutMs: number;
  readonly stages: readonly SagaStage[];
  /** Types only; never set. */
  readonly types?: { readonly input: Input; readonly results: Results; readonly ops: Ops };
}

// biome-ignore lint/suspicious/noExplicitAny: existential type; the sagas of a service have no common types
export type AnySaga = Saga<any, any, any>;

/** A saga with the service that declares it. */
export interface HostedSaga {
  readonly service: string;
  readonly saga: AnySaga;
  readonly ops: unknown;
}

export interface SagaBuilder<Input, Results, Ops> {
  /** Adds a step that runs after all before it. */
  step<Id extends string, Result>(
    id: Id,
    options: StepOptions<Input, Results, Ops, Result>,
  ): SagaBuilder<Input, Results & { readonly [Key in Id]: Result }, Ops>;
  /** Adds steps that run side by side, at most 64. All end before the saga goes on or turns back. */
  parallel<BranchResults extends Record<string, unknown>>(
    branches: { readonly [Id in keyof BranchResults]: StepOptions<Input, Results, Ops, BranchResults[Id]> },
  ): SagaBuilder<Input, Results & Readonly<BranchResults>, Ops>;
  /** Waits until someone sends the run what it waits for. Its result is what was sent. */
  waitFor<Id extends string, Schema extends z.ZodType>(
    id: Id,
    options: WaitOptions<Schema>,
  ): SagaBuilder<Input, Results & { readonly [Key in Id]: z.output<Schema> }, Ops>;
  /** From here on there is only forward: nothing before is undone, and a step that fails parks the run. */
  pivot(): SagaBuilder<Input, Results, Ops>;
  build(): Saga<Input, Results, Ops>;
}

export const sagaLimits = { maxSteps: 100_000, maxBranches: 64, maxAttempts: 100, maxPayloadBytes: 262_144 } as const;

const defaultTimeoutMs = 24 * 3_600_000;
const namePattern = /^[a-z][a-zA-Z0-9]*(-[a-zA-Z0-9]+)*$/;
const nameLengthLimit = 60;

/**
 * Declares a saga step by step. Names and ids are words joined by dashes, at most 60 characters. A saga whose steps
 * change while runs are under way gets a new name, and the old one stays until its runs have ended.
 * Throws a TypeError for a name, a number or a length out of bounds, an id used twice and a second pivot.
 */
export function saga<Input, Ops = unknown>(
  name: string,
  options: { readonly timeoutMs?: number } = {},
): SagaBuilder<Input, Record<never, never>, Ops> {
  checkName(name);
  const { timeoutMs = defaultTimeoutMs } = options;
  checkRange(`timeoutMs of ${name}`, timeoutMs, 1, Number.MAX_SAFE_INTEGER);
  const stages: SagaStage[] = [];
  const ids = new Set<string>();
  const use = (id: string) => {
    checkName(id);
    if (ids.has(id)) throw new TypeError(`saga ${name} has two steps ${id}`);
    ids.add(id);
    checkRange(`number of steps of ${name}`, ids.size, 1, sagaLimits.maxSteps);
  };
  const toStep = (id: string, step: AnyStepOptions): SagaStep => {
    use(id);
    for (const retry of [step.retry, step.undoRetry]) {
      checkRange(`maxAttempts of ${id}`, retry?.maxAttempts ?? 1, 1, sagaLimits.maxAttempts);
    }
    checkRange(`timeoutMs of ${id}`, step.timeoutMs ?? 1, 1, Number.MAX_SAFE_INTEGER);
    return { ...step, id };
  };
  const builder = {
    step(id: string, step: AnyStepOptions) {
      stages.push({ kind: "steps", steps: [toStep(id, step)] });
      return builder;
    },
    parallel(branches: Readonly<Record<string, AnyStepOptions>>) {
      const steps = Object.entries(branches).map(([id, step]) => toStep(id, step));
      checkRange(`number of branches in ${name}`, steps.length, 1, sagaLimits.maxBranches);
      stages.push({ kind: "steps", steps });
      return builder;
    },
    waitFor(id: string, { schema, timeoutMs: waitMs }: WaitOptions<z.ZodType>) {
      use(id);
      checkRange(`timeoutMs of ${id}`, waitMs, 1, Number.MAX_SAFE_INTEGER);
      stages.push({ kind: "wait", id, schema, timeoutMs: waitMs });
      return builder;
    },
    pivot() {
      if (stages.some(({ kind }) => kind === "pivot")) throw new TypeError(`saga ${name} has two pivots`);
      stages.push({ kind: "pivot" });
      return builder;
    },
    build: () => ({ name, timeoutMs, stages: [...stages] }),
  };
  return builder as unknown as SagaBuilder<Input, Record<never, never>, Ops>;
}

function checkName(name: string): void {
  if (!namePattern.test(name) || name.length > nameLengthLimit) {
    throw new TypeError(`${name} cannot be the name of a saga or a step`);
  }
}

function checkRange(what: string, value: number, min: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new TypeError(`${what} must be a whole number from ${min} to ${max}`);
  }
}
