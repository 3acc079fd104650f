import type { Answer } from "@lyss/kit/http/upstream/request-answer.ts";
import { delay } from "@lyss/kit/service/clock.ts";
import type { Hedging } from "../routing/hedging.ts";
import type { Call, Ending } from "./call.ts";

/** An attempt that ended before anything of an answer left: it is not settled, for whether it was the last is not decided yet. */
export interface FailedAttempt {
  readonly err: unknown;
  readonly ending: Ending;
  /** True for one whose answer had begun, and may be gone on with elsewhere: it is settled, and its caller is to be told of its end. */
  readonly hasBegun?: true;
}

/** Between attempts of one call that are under way at once: the first whose answer begins serves it. */
export interface Race {
  /** True for the first; the other one is ended at once. */
  win(call: Call): boolean;
}

/** What a call needs to be raced. */
export interface Racing {
  readonly hedging: Hedging;
  readonly percentile: number;
  /** Another attempt, with money of its own and a place; undefined where there is none to be had. */
  open(): Promise<Call | undefined>;
  /** Serves an attempt to its end; `race.win` is asked when its answer begins. */
  serve(call: Call, race: Race): Promise<FailedAttempt | undefined>;
  /** Settles the one that does not serve the call: nobody pays for it. */
  drop(call: Call, failed: FailedAttempt): Promise<void>;
}

interface Contender {
  readonly call: Call;
  readonly ended: Promise<FailedAttempt | undefined>;
  isOver: boolean;
}

/** Why an attempt was ended: no failure of anybody's. */
export const outraced = new Error("another attempt of the call was answered first");
const late = Symbol("late");

/**
 * Serves `first`, and where its answer takes longer to begin than its target usually takes, a second attempt beside it. The one whose
 * answer begins first is relayed, the other ended and settled, also where its answer would have come. Gives the one that counts: where
 * none was answered, the last to fail.
 */
export async function serveRaced(
  first: Call,
  racing: Racing,
): Promise<{ readonly call: Call; readonly failed: FailedAttempt | undefined }> {
  const { hedging, percentile } = racing;
  const won = Promise.withResolvers<Call>();
  const contenders: Contender[] = [];
  let winner: Call | undefined;
  const race: Race = {
    win(call) {
      winner ??= call;
      won.resolve(winner);
      for (const { call: other } of contenders) if (other !== winner) other.abort.abort(outraced);
      return winner === call;
    },
  };
  const begin = (call: Call): Contender => {
    const beganMs = hedging.clock.monotonicMs();
    const ended = racing.serve(call, race).finally(() => {
      contender.isOver = true;
    });
    const contender: Contender = { call, ended, isOver: false };
    contenders.push(contender);
    const note = () => hedging.note(call.target, hedging.clock.monotonicMs() - beganMs);
    // What fails says nothing of how long an answer takes.
    Promise.race([won.promise, ended.then(ignore)]).then((it) => it && note(), ignore);
    return contender;
  };

  const one = begin(first);
  const timer = new AbortController();
  const waited = delay(hedging.clock, hedging.delayMs(first.target, percentile), timer.signal).then(() => late, ignore);
  const isLate = (await Promise.race([waited, won.promise, one.ended])) === late;
  timer.abort();
  const second = isLate ? await racing.open() : undefined;
  if (!second) return { call: first, failed: await one.ended };
  // It came while the second was looked for.
  if (winner) {
    await racing.drop(second, unsent());
    return { call: first, failed: await one.ended };
  }
  hedging.noteBegin();
  const two = begin(second);
  await Promise.race([won.promise, one.ended, two.ended]);
  const isFirstOut = winner ? winner !== first : one.isOver;
  const [kept, dropped] = isFirstOut ? [two, one] : [one, two];
  if (winner) hedging.noteWon(winner === second);
  const dropping = dropped.ended.then((failed) => racing.drop(dropped.call, failed ?? unsent()));
  const [failed] = await Promise.all([kept.ended, dropping]);
  return { call: kept.call, failed };
}

const ignore = () => undefined;

function unsent(): FailedAttempt {
  const tokens = { inputTokens: 0n, cachedInputTokens: 0n, outputTokens: 0n };
  return { err: outraced, ending: { outcome: "canceled", tokens, isEstimated: false } };
}

/** The same answer, when the first of its body is there. Rejects with what breaks it off before. */
export async function untilFirstBytes(answer: Answer): Promise<Answer> {
  const chunks = answer.body[Symbol.asyncIterator]();
  const first = await chunks.next();
  async function* readBody(): AsyncGenerator<Buffer> {
    try {
      for (let at = first; !at.done; at = await chunks.next()) yield at.value;
    } finally {
      await chunks.return?.();
    }
  }
  return { ...answer, body: readBody() };
}
