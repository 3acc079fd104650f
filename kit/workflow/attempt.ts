import { serialize } from "node:v8";
import type { Logger } from "pino";
import { Failure, isFailure } from "../errors/failure.ts";
import { kitFailures } from "../errors/kit-failures.ts";
import { linkSignals, untilAborted } from "../rpc/signals.ts";
import { type Clock, delay } from "../service/clock.ts";
import type { Random } from "../service/ids.ts";
import { type SagaRetry, sagaLimits } from "./saga.ts";
import { workflowFailures } from "./workflow-failures.ts";

/** Why a step failed, as it is stored and shown. What is no Failure is only `kit.internal` here; the log has the rest. */
export interface StepFailure {
  readonly step: string;
  readonly code: string;
  readonly text: string;
}

/** How a step ended and after how many tries, as it is stored. A step never throws: what it says must survive the process. */
export type Attempted =
  | { readonly ok: true; readonly result: unknown; readonly tries?: number }
  | { readonly ok: false; readonly failure: StepFailure; readonly tries?: number };

export interface AttemptOptions {
  readonly step: string;
  readonly retry: Required<SagaRetry>;
  /** True to try again even after a failure that says a repeat cannot help: an undo has no other way. */
  readonly always: boolean;
  readonly timeoutMs: number;
  /** Rejects when the step must not be tried, again or at all. Asked before each try. */
  check(): Promise<void>;
  run(attempt: number, signal: AbortSignal): unknown;
}

export interface AttemptDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Aborts when the process leaves its runs to others. */
  readonly stopping: AbortSignal;
}

/** Tries until it is done, refused or no try is left. Rejects only when `stopping` aborts. */
export async function attempt(deps: AttemptDeps, options: AttemptOptions): Promise<Attempted> {
  const { clock, log, stopping } = deps;
  const { step, retry } = options;
  for (let tries = 1; ; tries++) {
    try {
      await options.check();
    } catch (err) {
      stopping.throwIfAborted();
      return { ok: false, failure: toStepFailure(step, err), tries: tries - 1 };
    }
    try {
      const result = await runOnce(deps, options, tries);
      checkPayload(step, result);
      return { ok: true, result, tries };
    } catch (err) {
      stopping.throwIfAborted();
      log.warn({ err, step, attempt: tries }, "a step of a workflow failed");
      const isFinal = !options.always && isFailure(err) && !err.type.isRetryable;
      if (isFinal || tries >= retry.maxAttempts) return { ok: false, failure: toStepFailure(step, err), tries };
    }
    await delay(clock, backoffMs(retry, tries, deps.random), stopping);
  }
}

async function runOnce({ clock }: AttemptDeps, options: AttemptOptions, tries: number): Promise<unknown> {
  const { step, timeoutMs } = options;
  const limit = new AbortController();
  const cancelTimer = clock.setTimer(timeoutMs, () =>
    limit.abort(new Failure(workflowFailures.step_timed_out, { step, timeoutMs })),
  );
  const { signal, release } = linkSignals(limit.signal);
  try {
    return await untilAborted(signal, (async () => options.run(tries, signal))());
  } finally {
    cancelTimer();
    release();
  }
}

/** Half of the doubled delay for sure, the other half drawn, so that runs that failed together part. */
function backoffMs({ minDelayMs, maxDelayMs }: Required<SagaRetry>, tries: number, random: Random): number {
  const fullMs = Math.min(maxDelayMs, minDelayMs * 2 ** (tries - 1));
  return Math.round((fullMs * (1 + random.bytes(1).readUInt8(0) / 255)) / 2);
}

export function toStepFailure(step: string, err: unknown): StepFailure {
  const failure = isFailure(err) ? err : new Failure(kitFailures.internal);
  return { step, code: failure.type.code, text: failure.message };
}

/** Throws `workflow.payload_too_large` for what is larger than 256 KiB and for what is no data, such as functions. */
export function checkPayload(name: string, value: unknown): void {
  const limitBytes = sagaLimits.maxPayloadBytes;
  try {
    if (serialize(value).byteLength <= limitBytes) return;
  } catch (cause) {
    throw new Failure(workflowFailures.payload_too_large, { name, limitBytes }, { cause });
  }
  throw new Failure(workflowFailures.payload_too_large, { name, limitBytes });
}
