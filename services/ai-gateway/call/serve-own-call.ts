import type { TagsText } from "@lyss/contracts/usage/tags.ts";
import { Failure } from "@lyss/kit/errors/failure.ts";
import { kitFailures } from "@lyss/kit/errors/kit-failures.ts";
import type { Caller } from "@lyss/kit/rpc/call-context.ts";
import type { AiGatewayDeps } from "../deps.ts";
import type { AskedCall } from "../dialects/dialect.ts";
import type { Target } from "../model.ts";
import type { AnswerRecord } from "../once/call-once.ts";
import type { OpenCall } from "../open-calls.ts";
import { createSink } from "../responses/sink.ts";
import type { Call } from "./call.ts";
import { prepareFrom, takersFor, type Walk } from "./prepare-call.ts";
import { serveTargets } from "./serve-targets.ts";
import { watchCaller } from "./watch-caller.ts";

/** A call that the gateway makes itself, in the name of a caller who pays for it. */
export interface OwnCall {
  readonly callId: string;
  readonly requestId: string;
  readonly caller: Caller;
  readonly tags: TagsText;
  readonly askedCall: AskedCall;
  /** In order. */
  readonly targets: readonly [Target, ...Target[]];
  /** After that it is ended, as is one whose `signal` is aborted. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Where its answer goes; nowhere unless given. */
  readonly record?: AnswerRecord;
  readonly onSettled?: Call["onSettled"];
}

/**
 * Makes it as every call is made: with money of its own, limits and a usage record, and open until it is settled. Resolves with who has
 * answered. Throws what a caller would hear.
 */
export async function serveOwnCall(deps: AiGatewayDeps, own: OwnCall): Promise<Target | undefined> {
  const { callId, requestId, caller, tags, askedCall, targets, timeoutMs, signal, record, onSettled } = own;
  const { clock, openCalls } = deps;
  const res = createSink();
  const abort = new AbortController();
  const watch = watchCaller({ res, abort, clock }, () => 0);
  const walk: Walk = {
    ...{ askedCall, caller, tags, targets, conversation: undefined, choice: undefined },
    ...{ hedge: undefined, continues: false },
    ...{ attempts: 0, tried: [], startedMs: clock.monotonicMs() },
  };
  const open: OpenCall = { abort: (failure) => abort.abort(failure), previous: undefined, next: undefined };
  const leave = () => watch.leave();
  openCalls.begin(open);
  const cancelTimer = clock.setTimer(timeoutMs, () =>
    abort.abort(new Failure(kitFailures.deadline_exceeded, { timeoutMs })),
  );
  signal?.addEventListener("abort", leave, { once: true });
  try {
    const prepared = await prepareFrom(deps, walk, deps.failOver.first(takersFor(walk)) ?? targets[0]);
    abort.signal.throwIfAborted();
    await serveTargets(deps, walk, prepared, {
      ...{ callId, requestId, record, begin: undefined, res, locale: "en_US", caller: watch, abort, keepAliveMs: 0 },
      onSettled,
    });
    return walk.tried.at(-1);
  } finally {
    walk.giveUpClaim?.();
    signal?.removeEventListener("abort", leave);
    cancelTimer();
    watch.stop();
    openCalls.end(open);
    await record?.close();
  }
}
